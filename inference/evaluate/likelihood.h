// SPDX-License-Identifier: Apache-2.0
//
// How well a model expects music: nats (natural logarithms of probability, over
// all rows, no mask) per token and per note, <T>s included. "Per note" compares
// across vocabularies. No threads, no clock.
#ifndef ANTIPHON_INFERENCE_EVALUATE_LIKELIHOOD_H_
#define ANTIPHON_INFERENCE_EVALUATE_LIKELIHOOD_H_

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "inference/evaluate/text.h"

namespace antiphon::inference {

// A model that reads one text after the other: a row of `rows` logits for
// each token, predicting what follows it.
struct Reader {
  TokenFormat format;
  size_t rows = 0;
  size_t max_tokens = 0;  // of a text
  std::function<absl::Status(absl::Span<const TokenId> text,
                             absl::Span<float> logits)>
      read;
};

struct Tally {
  double nats = 0;
  int64_t tokens = 0;
  int64_t notes = 0;

  double PerToken() const { return nats / static_cast<double>(tokens); }
  double PerNote() const { return nats / static_cast<double>(notes); }
  void Add(const Tally& other);
};

// Of texts, the first two tokens of each (prefix and <S>) given.
struct Likelihood {
  Tally all;
  std::map<std::string, Tally> by_source;
  std::map<std::string, Tally> by_class;  // note, onset, dur, time_step, other
  int texts = 0;
};
absl::Status AddText(const Reader& reader, const std::string& source,
                     const Text& text, Likelihood& sum);

// Nats of the answer's tokens.
absl::StatusOr<double> AnswerNats(const Reader& reader, const Pair& pair);

}  // namespace antiphon::inference

#endif  // ANTIPHON_INFERENCE_EVALUATE_LIKELIHOOD_H_
