// SPDX-License-Identifier: Apache-2.0
#include "inference/evaluate/likelihood.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"

namespace antiphon::inference {
namespace {

constexpr size_t kGiven = 2;  // prefix and <S>

const char* ClassName(const Vocabulary& vocabulary, TokenId id) {
  switch (vocabulary.ClassOf(id)) {
    case TokenClass::kNote:
      return "note";
    case TokenClass::kOnset:
      return "onset";
    case TokenClass::kDur:
      return "dur";
    default:
      return id == kTimeStepToken ? "time_step" : "other";
  }
}

double NatsOf(absl::Span<const float> row, TokenId id) {
  const double largest = *std::max_element(row.begin(), row.end());
  double sum = 0;
  for (const float logit : row) sum += std::exp(logit - largest);
  return largest + std::log(sum) - row[static_cast<size_t>(id)];
}

// visit(id, nats) for each token from index `from` on.
template <typename Visitor>
absl::Status Visit(const Reader& reader, const Text& text, size_t from,
                   Visitor visit) {
  std::vector<float> logits(text.size() * reader.rows);
  absl::Status status = reader.read(text, absl::MakeSpan(logits));
  if (!status.ok()) return status;
  for (size_t i = from; i < text.size(); ++i) {
    const double nats =
        NatsOf({logits.data() + (i - 1) * reader.rows, reader.rows}, text[i]);
    if (!std::isfinite(nats)) {
      return absl::InvalidArgumentError(
          absl::StrCat("the model cannot expect ",
                       reader.format.vocabulary.TextOf(text[i])));
    }
    visit(text[i], nats);
  }
  return absl::OkStatus();
}

}  // namespace

void Tally::Add(const Tally& other) {
  nats += other.nats;
  tokens += other.tokens;
  notes += other.notes;
}

absl::Status AddText(const Reader& reader, const std::string& source,
                     const Text& text, Likelihood& sum) {
  ++sum.texts;
  return Visit(reader, text, kGiven, [&](TokenId id, double nats) {
    const std::string name = ClassName(reader.format.vocabulary, id);
    const Tally one{nats, 1, name == "note" ? 1 : 0};
    sum.all.Add(one);
    sum.by_source[source].Add(one);
    sum.by_class[name].Add(one);
  });
}

absl::StatusOr<double> AnswerNats(const Reader& reader, const Pair& pair) {
  double sum = 0;
  absl::Status status = Visit(reader, pair.text, pair.answer,
                              [&sum](TokenId, double nats) { sum += nats; });
  if (!status.ok()) return status;
  return sum;
}

}  // namespace antiphon::inference
