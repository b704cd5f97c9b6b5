// SPDX-License-Identifier: Apache-2.0
#include "inference/model/fake_model.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace antiphon::inference {
namespace {

// SplitMix64's finaliser: every bit of the input reaches every bit out.
uint64_t Mix(uint64_t x) {
  x += 0x9e3779b97f4a7c15u;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

}  // namespace

ModelInfo FakeModel::DefaultInfo() {
  ModelInfo info;
  info.name = "fake";
  info.vocabulary_rows = Vocabulary(VocabularyKind::kDefault).size();
  info.slots = 4;
  info.context_tokens = 1024;
  info.branch_tokens = kMaxBranchTokens;
  info.max_position = info.context_tokens + info.branch_tokens;
  return info;
}

FakeModel::FakeModel(ModelInfo info, Shape shape)
    : info_(std::move(info)),
      shape_(std::move(shape)),
      book_(info_),
      tokens_(static_cast<size_t>(info_.slots)) {}

std::vector<float> FakeModel::LogitsAfter(
    absl::Span<const TokenId> history) const {
  std::vector<float> logits(static_cast<size_t>(info_.vocabulary_rows));
  Write(history, absl::MakeSpan(logits));
  return logits;
}

void FakeModel::FailNext(absl::Status status, int calls) {
  failure_ = std::move(status);
  failures_left_ = calls;
}

std::vector<TokenId> FakeModel::History(SlotId slot) const {
  const Tokens& tokens = tokens_[static_cast<size_t>(slot)];
  if (!HasBranch(slot)) return tokens.trunk;
  std::vector<TokenId> history(tokens.trunk.begin(),
                               tokens.trunk.begin() + book_.At(slot).fork);
  history.insert(history.end(), tokens.branch.begin(), tokens.branch.end());
  return history;
}

absl::Status FakeModel::Prefill(SlotId slot, absl::Span<const TokenId> tokens,
                                absl::Span<float> last_logits) {
  if (absl::Status s = TakeFailure(); !s.ok()) return s;
  absl::Status s = book_.CheckPrefill(slot, tokens, last_logits.size());
  if (!s.ok()) return s;
  std::vector<TokenId>& trunk = tokens_[static_cast<size_t>(slot)].trunk;
  trunk.insert(trunk.end(), tokens.begin(), tokens.end());
  book_.GrowTrunk(slot, static_cast<int>(tokens.size()));
  prefilled_ += static_cast<int>(tokens.size());
  if (!last_logits.empty()) Write(trunk, last_logits);
  return absl::OkStatus();
}

void FakeModel::Rewind(SlotId slot, int trunk_length) {
  book_.Rewind(slot, trunk_length);
  tokens_[static_cast<size_t>(slot)].trunk.resize(
      static_cast<size_t>(trunk_length));
}

void FakeModel::StartBranch(SlotId slot) {
  book_.StartBranch(slot);
  tokens_[static_cast<size_t>(slot)].branch.clear();
}

void FakeModel::DropBranch(SlotId slot) { book_.DropBranch(slot); }

void FakeModel::RewindBranch(SlotId slot, int branch_length) {
  book_.RewindBranch(slot, branch_length);
  tokens_[static_cast<size_t>(slot)].branch.resize(
      static_cast<size_t>(branch_length));
}

absl::Status FakeModel::PrefillBranch(SlotId slot,
                                      absl::Span<const TokenId> tokens,
                                      const NextTokens* wanted,
                                      absl::Span<float> last_logits) {
  if (absl::Status s = TakeFailure(); !s.ok()) return s;
  absl::Status s = book_.CheckPrefillBranch(slot, tokens, last_logits.size());
  if (!s.ok()) return s;
  std::vector<TokenId>& branch = tokens_[static_cast<size_t>(slot)].branch;
  branch.insert(branch.end(), tokens.begin(), tokens.end());
  book_.GrowBranch(slot, static_cast<int>(tokens.size()));
  prefilled_ += static_cast<int>(tokens.size());
  if (!last_logits.empty()) Write(History(slot), wanted, last_logits);
  return absl::OkStatus();
}

absl::Status FakeModel::DecodeStep(absl::Span<const BranchToken> batch,
                                   absl::Span<float> logits) {
  if (absl::Status s = TakeFailure(); !s.ok()) return s;
  absl::Status s = book_.CheckDecodeStep(batch, logits.size());
  if (!s.ok()) return s;
  const size_t rows = static_cast<size_t>(info_.vocabulary_rows);
  for (size_t i = 0; i < batch.size(); ++i) {
    const SlotId slot = batch[i].slot;
    tokens_[static_cast<size_t>(slot)].branch.push_back(batch[i].token);
    book_.GrowBranch(slot, 1);
    Write(History(slot), batch[i].wanted, logits.subspan(i * rows, rows));
  }
  ++decode_steps_;
  decoded_ += static_cast<int>(batch.size());
  largest_batch_ = std::max(largest_batch_, static_cast<int>(batch.size()));
  return absl::OkStatus();
}

void FakeModel::Write(absl::Span<const TokenId> history,
                      absl::Span<float> logits) const {
  uint64_t hash = history.size();
  for (TokenId token : history) {
    hash = Mix(hash ^ static_cast<uint64_t>(token));
  }
  for (size_t i = 0; i < logits.size(); ++i) {
    const uint64_t bits = Mix(hash + i) >> 40;  // 24 bits: exact in a float
    logits[i] = static_cast<float>(bits) / float{1 << 20} - 8.0f;
  }
  if (shape_) shape_(history, logits);
}

void FakeModel::Write(absl::Span<const TokenId> history,
                      const NextTokens* wanted,
                      absl::Span<float> logits) const {
  Write(history, logits);
  if (wanted == nullptr) return;
  for (size_t i = 0; i < logits.size(); ++i) {
    const TokenId id = static_cast<TokenId>(i);
    if (wanted->allowed.Contains(id) || wanted->end.Contains(id)) continue;
    logits[i] = std::numeric_limits<float>::quiet_NaN();
  }
}

absl::Status FakeModel::TakeFailure() {
  if (failures_left_ == 0) return absl::OkStatus();
  --failures_left_;
  return failure_;
}

}  // namespace antiphon::inference
