// SPDX-License-Identifier: Apache-2.0
//
// A Model for tests: no weights, its logits are a hash of the tokens before
// them, so any slip with trunk, branch, fork or rewind shows in the numbers.
// Logits that were not wanted are NaN. A bias makes chosen tokens likely; a
// script makes steps fail. Not for production targets.
#ifndef ANTIPHON_INFERENCE_MODEL_FAKE_MODEL_H_
#define ANTIPHON_INFERENCE_MODEL_FAKE_MODEL_H_

#include <functional>
#include <vector>

#include "inference/model/model.h"
#include "inference/model/slot_book.h"

namespace antiphon::inference {

class FakeModel : public Model {
 public:
  // Changes a row of logits in place, given every token before it.
  using Shape = std::function<void(absl::Span<const TokenId> history,
                                   absl::Span<float> logits)>;

  // 17727 rows (vocabulary `default`), 4 slots of 1024 tokens.
  static ModelInfo DefaultInfo();
  explicit FakeModel(ModelInfo info = DefaultInfo(), Shape shape = nullptr);

  // What this model answers after `history`: the oracle of tests. In [−8, 8).
  std::vector<float> LogitsAfter(absl::Span<const TokenId> history) const;
  // The next calls of Prefill, PrefillBranch or DecodeStep fail with this.
  void FailNext(absl::Status status, int calls = 1);

  // Work done so far, in tokens.
  int prefilled() const { return prefilled_; }
  int decoded() const { return decoded_; }
  int decode_steps() const { return decode_steps_; }
  int largest_batch() const { return largest_batch_; }
  // Trunk up to the fork, then the branch; the trunk where there is none.
  std::vector<TokenId> History(SlotId slot) const;

  const ModelInfo& info() const override { return info_; }
  absl::Status Prefill(SlotId slot, absl::Span<const TokenId> tokens,
                       absl::Span<float> last_logits) override;
  void Rewind(SlotId slot, int trunk_length) override;
  void StartBranch(SlotId slot) override;
  void DropBranch(SlotId slot) override;
  void RewindBranch(SlotId slot, int branch_length) override;
  absl::Status PrefillBranch(SlotId slot, absl::Span<const TokenId> tokens,
                             const NextTokens* wanted,
                             absl::Span<float> last_logits) override;
  absl::Status DecodeStep(absl::Span<const BranchToken> batch,
                          absl::Span<float> logits) override;
  int TrunkLength(SlotId slot) const override { return book_.At(slot).trunk; }
  bool HasBranch(SlotId slot) const override {
    return book_.At(slot).fork >= 0;
  }
  int BranchLength(SlotId slot) const override { return book_.At(slot).branch; }

 private:
  struct Tokens {
    std::vector<TokenId> trunk;
    std::vector<TokenId> branch;
  };

  void Write(absl::Span<const TokenId> history, absl::Span<float> logits) const;
  // The same, NaN where nobody should look.
  void Write(absl::Span<const TokenId> history, const NextTokens* wanted,
             absl::Span<float> logits) const;
  absl::Status TakeFailure();

  ModelInfo info_;
  Shape shape_;
  SlotBook book_;
  std::vector<Tokens> tokens_;
  absl::Status failure_;
  int failures_left_ = 0;
  int prefilled_ = 0;
  int decoded_ = 0;
  int decode_steps_ = 0;
  int largest_batch_ = 0;
};

}  // namespace antiphon::inference

#endif  // ANTIPHON_INFERENCE_MODEL_FAKE_MODEL_H_
