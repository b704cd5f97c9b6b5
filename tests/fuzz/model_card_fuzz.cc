// SPDX-License-Identifier: Apache-2.0
//
// Any text as a model.json and as a config.json: refused with the name of the
// file, or a card whose values are in range; what is written of a model.json
// reads back the same.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

#include "absl/strings/match.h"
#include "inference/model/model_card.h"

namespace {

using namespace antiphon::inference;  // NOLINT(build/namespaces)

void Require(bool condition) {
  if (!condition) std::abort();
}

// Named values are what a step would divide by or allocate.
void CheckRanges(const ModelCard& card) {
  for (const std::optional<int>& size :
       {card.d_model, card.heads, card.layers, card.d_ff, card.max_position,
        card.vocabulary_rows}) {
    Require(size.value_or(1) >= 1);
  }
  Require(card.SegmentMs() > 0 && card.SegmentMs() <= kMaxSegmentMs);
  Require(card.temperature.value_or(0) >= 0);
  Require(card.temperature.value_or(0) <= 2);
  for (const std::optional<double>& p : {card.top_p, card.min_p}) {
    Require(p.value_or(0) >= 0 && p.value_or(0) <= 1);
  }
}

template <typename Card>
void CheckRefusal(const Card& card) {
  Require(absl::StartsWith(card.status().message(), "the card: "));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto card = ParseModelCard(text, "the card");
  if (card.ok()) {
    CheckRanges(*card);
    const std::string written = SerializeModelCard(*card);
    const auto back = ParseModelCard(written, "the card");
    Require(back.ok() && SerializeModelCard(*back) == written);
  } else {
    CheckRefusal(card);
  }
  const auto config = ParseConfig(text, "the card");
  config.ok() ? CheckRanges(*config) : CheckRefusal(config);
  return 0;
}
