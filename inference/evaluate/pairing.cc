// SPDX-License-Identifier: Apache-2.0
#include "inference/evaluate/pairing.h"

#include <optional>

#include "inference/evaluate/text.h"

namespace antiphon::inference {
namespace {

std::vector<const Case*> OthersOf(const Case& one,
                                  const std::vector<Case>& cases) {
  std::vector<const Case*> others;
  for (const Case& other : cases) {
    if (other.file == one.file) continue;
    if (other.call.bar_length == one.call.bar_length) others.push_back(&other);
  }
  return others;
}

// Nothing where that is too long for the model.
absl::StatusOr<std::optional<double>> NatsAfter(const Reader& reader,
                                                const Passage& call,
                                                const Case& one) {
  const absl::StatusOr<Pair> pair =
      PairOf(reader.format, call, one.human, one.tempos);
  if (!pair.ok()) return pair.status();
  if (pair->text.size() > reader.max_tokens) return std::nullopt;
  const absl::StatusOr<double> nats = AnswerNats(reader, *pair);
  if (!nats.ok()) return nats.status();
  return *nats;
}

}  // namespace

absl::StatusOr<Pairing> PairingOf(const Reader& reader,
                                  const std::vector<Case>& cases, int samples,
                                  uint64_t seed,
                                  const std::function<void()>& on_case) {
  Pairing pairing;
  Random random(seed);
  for (const Case& one : cases) {
    const std::vector<const Case*> others = OthersOf(one, cases);
    const auto own = NatsAfter(reader, one.call, one);
    if (!own.ok()) return own.status();
    for (int i = 0; i < samples && !others.empty(); ++i) {
      const Case& another = *others[random() % others.size()];
      const auto other = NatsAfter(reader, another.call, one);
      if (!other.ok()) return other.status();
      if (!*own || !*other) continue;
      ++pairing.pairs;
      if (**own < **other) ++pairing.own;
    }
    if (on_case) on_case();
  }
  return pairing;
}

}  // namespace antiphon::inference
