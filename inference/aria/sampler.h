// SPDX-License-Identifier: Apache-2.0
//
// Draws the next token from a row of logits, as Aria's own generator does:
// logits / temperature, softmax, then min_p (if given) or top_p, renormalise,
// one draw. Ids outside NextTokens are removed before the softmax; the ids in
// NextTokens::end become one outcome whose probability is their sum.
//
// The random number is a function of (seed, token index within the answer) and
// of nothing else (Philox4x32-10, Salmon et al. 2011), and outcomes are laid
// out in id order, so the same logits give the same draw on any host, alone or
// in a batch. A Sampler owns scratch memory: one thread at a time, no
// allocation after its first use with a vocabulary.
#ifndef ANTIPHON_INFERENCE_ARIA_SAMPLER_H_
#define ANTIPHON_INFERENCE_ARIA_SAMPLER_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "inference/aria/token_set.h"
#include "inference/aria/vocabulary.h"

namespace antiphon::inference {

// What a draw returns instead of any of the ids in NextTokens::end.
inline constexpr TokenId kEndOfAnswer = -1;

struct SamplingOptions {
  double temperature = 0.8;           // 0..2; 0 = the largest raw logit
  std::optional<double> top_p = 0.9;  // 0..1; 1 or none = no filter
  std::optional<double> min_p;        // 0..1; given, it replaces top_p
};

// InvalidArgument naming the field that is out of its range or not a number.
absl::Status Validate(const SamplingOptions& options);

// Identifies one draw.
struct DrawKey {
  uint64_t seed = 0;         // of the job
  uint64_t token_index = 0;  // within the answer
};

// In [0, 1), a multiple of 2^-53.
double UniformAt(DrawKey key);

// A token that survived the filter. id kEndOfAnswer = all of NextTokens::end.
struct TokenProbability {
  TokenId id = 0;
  double probability = 0;
};

class Sampler {
 public:
  // One token; kEndOfAnswer for any of `next.end`. Temperature 0 takes the
  // largest single logit of both sets, the lower id on a tie. Errors:
  // InvalidArgument for options out of range or an id beyond the logits;
  // Internal for a NaN or +infinity among the logits in question, or no
  // outcome left. −infinity is probability 0.
  absl::StatusOr<TokenId> Sample(absl::Span<const float> logits,
                                 const NextTokens& next,
                                 const SamplingOptions& options, DrawKey key);

  // What Sample draws from, in ascending order of id (kEndOfAnswer first);
  // the probabilities sum to 1. Valid until the next call. Temperature 0: one
  // entry.
  absl::StatusOr<absl::Span<const TokenProbability>> Distribution(
      absl::Span<const float> logits, const NextTokens& next,
      const SamplingOptions& options);

 private:
  // The largest logit in question and its id.
  struct Best {
    TokenId id = kEndOfAnswer;
    bool is_end = false;
    float logit = 0;
  };
  static absl::StatusOr<Best> FindBest(absl::Span<const float> logits,
                                       const NextTokens& next);
  // For all ids; false where one is beyond the logits.
  bool MakeRoom(size_t logits, const NextTokens& next);
  // Fills ids_ and weights_. False where there is an error to tell.
  bool Weigh(absl::Span<const float> logits, const NextTokens& next,
             double temperature);
  // In the order of weights, of equals the lower id first.
  TokenProbability LastToKeep(const SamplingOptions& options);
  // None = all.
  std::optional<TokenProbability> LastOfTop(double most);
  // Makes probabilities of those up to this one.
  absl::Span<const TokenProbability> Keep(const TokenProbability& last);

  absl::Span<const double> Weights() const {
    return absl::MakeSpan(weights_).subspan(first_, count_);
  }

  // count_ outcomes from first_ on, in ascending order of id; a weight is
  // relative to that of the best logit. Longer than that: see MakeRoom.
  size_t first_ = 0;
  size_t count_ = 0;
  std::vector<TokenId> ids_;
  std::vector<double> weights_;
  std::vector<TokenProbability> edge_;  // of LastOfTop, weights
  std::vector<TokenProbability> kept_;  // the first are what was kept
};

}  // namespace antiphon::inference

#endif  // ANTIPHON_INFERENCE_ARIA_SAMPLER_H_
