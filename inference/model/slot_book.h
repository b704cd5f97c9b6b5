// SPDX-License-Identifier: Apache-2.0
//
// The bookkeeping that every Model shares: lengths of trunks and branches, and
// the checks of what a call may do with them. Holds no tokens and no keys.
// Owner: that of the model.
#ifndef ANTIPHON_INFERENCE_MODEL_SLOT_BOOK_H_
#define ANTIPHON_INFERENCE_MODEL_SLOT_BOOK_H_

#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "inference/model/model.h"

namespace antiphon::inference {

class SlotBook {
 public:
  struct Slot {
    int trunk = 0;   // length
    int fork = -1;   // trunk length where the branch started; −1 = no branch
    int branch = 0;  // length
  };

  // Only the limits of `info` are kept.
  explicit SlotBook(const ModelInfo& info);

  // What Model says of the errors of the calls of the same name.
  absl::Status CheckPrefill(SlotId slot, absl::Span<const TokenId> tokens,
                            size_t logits) const;
  absl::Status CheckPrefillBranch(SlotId slot, absl::Span<const TokenId> tokens,
                                  size_t logits) const;
  absl::Status CheckDecodeStep(absl::Span<const BranchToken> batch,
                               size_t logits) const;

  void Rewind(SlotId slot, int trunk_length);
  void StartBranch(SlotId slot);
  void DropBranch(SlotId slot);
  void RewindBranch(SlotId slot, int branch_length);
  void GrowTrunk(SlotId slot, int tokens) { Mutable(slot).trunk += tokens; }
  void GrowBranch(SlotId slot, int tokens) { Mutable(slot).branch += tokens; }

  const Slot& At(SlotId slot) const {
    return slots_[static_cast<size_t>(slot)];
  }

 private:
  Slot& Mutable(SlotId slot) { return slots_[static_cast<size_t>(slot)]; }
  absl::Status CheckSlot(SlotId slot) const;
  absl::Status CheckTokens(absl::Span<const TokenId> tokens) const;
  absl::Status CheckLogits(size_t given, size_t wanted) const;
  absl::Status CheckRoomOnBranch(SlotId slot, size_t tokens) const;

  int vocabulary_rows_;
  int context_tokens_;
  int branch_tokens_;
  int max_position_;
  std::vector<Slot> slots_;
};

}  // namespace antiphon::inference

#endif  // ANTIPHON_INFERENCE_MODEL_SLOT_BOOK_H_
