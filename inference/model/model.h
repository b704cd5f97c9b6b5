// SPDX-License-Identifier: Apache-2.0
//
// A language model over Aria's tokens, as the engine sees it: slots that hold
// what was read, and rows of logits.
//
// A slot has a trunk (the tokens of a context; grows at its end, rewinds to any
// prefix in O(1)) and at most one branch (an answer). A branch forks at the
// trunk's length when it starts, reads the trunk up to there, and has positions
// of its own: the trunk may grow beyond the fork while the branch is decoded.
// Logits are raw (no temperature, no mask), fp32, one row of `vocabulary_rows`
// values per token, predicting the token that follows it.
//
// Determinism: a row of logits depends on the tokens before it and on which of
// them came by DecodeStep; not on how the others were split into calls, nor on
// what shares the batch.
// Owner: one thread (the engine). Nothing throws. A call that fails leaves the
// slots as they were. Limits: ModelInfo::slots, context_tokens, branch_tokens.
#ifndef ANTIPHON_INFERENCE_MODEL_MODEL_H_
#define ANTIPHON_INFERENCE_MODEL_MODEL_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "inference/aria/token_set.h"
#include "inference/aria/vocabulary.h"

namespace antiphon::inference {

using SlotId = int;  // 0 .. ModelInfo::slots − 1

inline constexpr int kMaxBranchTokens = 256;

enum class TimeBase {
  kReal,  // tokens carry true milliseconds
  kBar,   // every bar is warped to kWarpedBarMs before tokenising
};
inline constexpr int kWarpedBarMs = 2400;

struct ModelInfo {
  std::string name;
  std::string sha256;   // of the weights file, hexadecimal; "" = not computed
  std::string licence;  // "" = unknown
  int vocabulary_rows = 0;
  int slots = 0;
  int context_tokens = 0;  // capacity of one trunk
  int branch_tokens = 0;   // capacity of one branch, at most kMaxBranchTokens
  int max_position = 0;    // fork + branch length may not exceed it
  TimeBase time_base = TimeBase::kReal;
  int segment_ms = kMaxSegmentMs;  // time from one <T> to the next
  // The model card's; what a job says wins.
  double temperature = 0.8;
  std::optional<double> top_p = 0.9;
  std::optional<double> min_p;
};

// One token to append to the branch of one slot.
struct BranchToken {
  SlotId slot = 0;
  TokenId token = 0;
  // Whose logits will be read; those of other ids are left undefined, which is
  // cheaper. Null: all.
  const NextTokens* wanted = nullptr;
};

class Model {
 public:
  virtual ~Model() = default;

  virtual const ModelInfo& info() const = 0;

  // Appends to the trunk. `last_logits` receives the row after the last token:
  // vocabulary_rows values, or empty = not wanted (cheaper). Errors:
  // InvalidArgument for an id outside the vocabulary, ResourceExhausted when
  // the trunk would exceed context_tokens.
  virtual absl::Status Prefill(SlotId slot, absl::Span<const TokenId> tokens,
                               absl::Span<float> last_logits) = 0;

  // Forgets the trunk beyond its first `trunk_length` tokens, 0 .. TrunkLength.
  // A branch that forked beyond `trunk_length` is dropped. O(1).
  virtual void Rewind(SlotId slot, int trunk_length) = 0;

  // Forks an empty branch at the present end of the trunk, in place of the
  // branch there may be. The first row of logits of an answer is what Prefill
  // gave for the trunk's last token; where that token was read before, rewind
  // by one, start the branch and give it the token by PrefillBranch. O(1).
  virtual void StartBranch(SlotId slot) = 0;
  virtual void DropBranch(SlotId slot) = 0;
  // Forgets the branch beyond its first `branch_length` tokens, 0 ..
  // BranchLength: what may follow one token is asked of several. O(1).
  virtual void RewindBranch(SlotId slot, int branch_length) = 0;

  // Appends several tokens to the branch (forced ones), like Prefill; `wanted`
  // as in BranchToken. Errors as there, and FailedPrecondition without a
  // branch.
  virtual absl::Status PrefillBranch(SlotId slot,
                                     absl::Span<const TokenId> tokens,
                                     const NextTokens* wanted,
                                     absl::Span<float> last_logits) = 0;

  // One token onto the branch of each slot in `batch`: distinct slots, any
  // lengths. `logits`: batch × vocabulary_rows, in the order of the batch.
  // Errors: as PrefillBranch; InvalidArgument for a slot that is named twice.
  virtual absl::Status DecodeStep(absl::Span<const BranchToken> batch,
                                  absl::Span<float> logits) = 0;

  virtual int TrunkLength(SlotId slot) const = 0;
  virtual bool HasBranch(SlotId slot) const = 0;
  // 0 without a branch.
  virtual int BranchLength(SlotId slot) const = 0;
};

}  // namespace antiphon::inference

#endif  // ANTIPHON_INFERENCE_MODEL_MODEL_H_
