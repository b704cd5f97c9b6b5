// SPDX-License-Identifier: Apache-2.0
//
// An Ngram in the place of a network, so that its answers take the same way:
// the same masks, the same bars, the same draws. One slot. Logits are
// logarithms of probabilities. Owner: one thread.
#ifndef ANTIPHON_INFERENCE_EVALUATE_NGRAM_MODEL_H_
#define ANTIPHON_INFERENCE_EVALUATE_NGRAM_MODEL_H_

#include <memory>
#include <vector>

#include "inference/evaluate/ngram.h"
#include "inference/evaluate/text.h"
#include "inference/model/model.h"
#include "inference/model/slot_book.h"

namespace antiphon::inference {

class NgramModel : public Model {
 public:
  // `ngram` is finished, knows the format's vocabulary, and outlives this.
  NgramModel(const Ngram* ngram, const TokenFormat& format);

  // A row of logits for each token of a text.
  void ReadAll(absl::Span<const TokenId> text, absl::Span<float> logits) const;

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
  void Write(absl::Span<const TokenId> history, absl::Span<float> logits) const;

  const Ngram* const ngram_;
  const ModelInfo info_;
  SlotBook book_;
  std::vector<TokenId> trunk_;
  std::vector<TokenId> branch_;  // from the trunk's first token on
};

}  // namespace antiphon::inference

#endif  // ANTIPHON_INFERENCE_EVALUATE_NGRAM_MODEL_H_
