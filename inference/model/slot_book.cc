// SPDX-License-Identifier: Apache-2.0
#include "inference/model/slot_book.h"

#include <cassert>

#include "absl/strings/str_cat.h"

namespace antiphon::inference {

SlotBook::SlotBook(const ModelInfo& info)
    : vocabulary_rows_(info.vocabulary_rows),
      context_tokens_(info.context_tokens),
      branch_tokens_(info.branch_tokens),
      max_position_(info.max_position),
      slots_(static_cast<size_t>(info.slots)) {}

absl::Status SlotBook::CheckPrefill(SlotId slot,
                                    absl::Span<const TokenId> tokens,
                                    size_t logits) const {
  if (absl::Status s = CheckSlot(slot); !s.ok()) return s;
  if (absl::Status s = CheckTokens(tokens); !s.ok()) return s;
  const size_t wanted = static_cast<size_t>(vocabulary_rows_);
  if (absl::Status s = CheckLogits(logits, logits == 0 ? 0 : wanted); !s.ok()) {
    return s;
  }
  const size_t room = static_cast<size_t>(context_tokens_ - At(slot).trunk);
  if (tokens.size() > room) {
    return absl::ResourceExhaustedError(absl::StrCat(
        "slot ", slot, ": ", tokens.size(), " more tokens after ",
        At(slot).trunk, " exceed its ", context_tokens_,
        " positions; send a shorter context or raise --context-tokens"));
  }
  return absl::OkStatus();
}

absl::Status SlotBook::CheckPrefillBranch(SlotId slot,
                                          absl::Span<const TokenId> tokens,
                                          size_t logits) const {
  if (absl::Status s = CheckSlot(slot); !s.ok()) return s;
  if (absl::Status s = CheckTokens(tokens); !s.ok()) return s;
  const size_t wanted = static_cast<size_t>(vocabulary_rows_);
  if (absl::Status s = CheckLogits(logits, logits == 0 ? 0 : wanted); !s.ok()) {
    return s;
  }
  return CheckRoomOnBranch(slot, tokens.size());
}

absl::Status SlotBook::CheckDecodeStep(absl::Span<const BranchToken> batch,
                                       size_t logits) const {
  const size_t wanted = batch.size() * static_cast<size_t>(vocabulary_rows_);
  if (absl::Status s = CheckLogits(logits, wanted); !s.ok()) return s;
  for (size_t i = 0; i < batch.size(); ++i) {
    if (absl::Status s = CheckSlot(batch[i].slot); !s.ok()) return s;
    if (absl::Status s = CheckTokens({&batch[i].token, 1}); !s.ok()) return s;
    if (absl::Status s = CheckRoomOnBranch(batch[i].slot, 1); !s.ok()) return s;
    for (size_t j = 0; j < i; ++j) {
      if (batch[j].slot == batch[i].slot) {
        return absl::InvalidArgumentError(absl::StrCat(
            "slot ", batch[i].slot, " stands twice in one decode step"));
      }
    }
  }
  return absl::OkStatus();
}

void SlotBook::Rewind(SlotId slot, int trunk_length) {
  Slot& s = Mutable(slot);
  assert(0 <= trunk_length && trunk_length <= s.trunk);
  s.trunk = trunk_length;
  if (s.fork > trunk_length) DropBranch(slot);
}

void SlotBook::StartBranch(SlotId slot) {
  Mutable(slot).fork = At(slot).trunk;
  Mutable(slot).branch = 0;
}

void SlotBook::DropBranch(SlotId slot) {
  Mutable(slot).fork = -1;
  Mutable(slot).branch = 0;
}

void SlotBook::RewindBranch(SlotId slot, int branch_length) {
  Slot& s = Mutable(slot);
  assert(0 <= branch_length && branch_length <= s.branch);
  s.branch = branch_length;
}

absl::Status SlotBook::CheckSlot(SlotId slot) const {
  if (0 <= slot && slot < static_cast<int>(slots_.size())) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "slot ", slot, " does not exist: this model has ", slots_.size()));
}

absl::Status SlotBook::CheckTokens(absl::Span<const TokenId> tokens) const {
  for (TokenId token : tokens) {
    if (0 <= token && token < vocabulary_rows_) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("token id ", token, " is outside this model's vocabulary ",
                     "(0..", vocabulary_rows_ - 1, ")"));
  }
  return absl::OkStatus();
}

absl::Status SlotBook::CheckLogits(size_t given, size_t wanted) const {
  if (given == wanted) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "space for ", given, " logits was given, ", wanted, " are needed"));
}

absl::Status SlotBook::CheckRoomOnBranch(SlotId slot, size_t tokens) const {
  const Slot& s = At(slot);
  if (s.fork < 0) {
    return absl::FailedPreconditionError(
        absl::StrCat("slot ", slot, " has no branch; call StartBranch first"));
  }
  const size_t length = static_cast<size_t>(s.branch) + tokens;
  if (length <= static_cast<size_t>(branch_tokens_) &&
      static_cast<size_t>(s.fork) + length <=
          static_cast<size_t>(max_position_)) {
    return absl::OkStatus();
  }
  return absl::ResourceExhaustedError(
      absl::StrCat("slot ", slot, ": an answer of ", length, " tokens after ",
                   s.fork, " exceeds ", branch_tokens_,
                   " positions or the model's ", max_position_));
}

}  // namespace antiphon::inference
