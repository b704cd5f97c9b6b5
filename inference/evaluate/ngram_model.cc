// SPDX-License-Identifier: Apache-2.0
#include "inference/evaluate/ngram_model.h"

#include <cmath>

namespace antiphon::inference {
namespace {

constexpr int kContextTokens = 1024;
constexpr int kMaxPosition = 8192;

ModelInfo InfoOf(const TokenFormat& format) {
  ModelInfo info;
  info.name = "4-gram";
  info.vocabulary_rows = format.vocabulary.size();
  info.slots = 1;
  info.context_tokens = kContextTokens;
  info.branch_tokens = kMaxBranchTokens;
  info.max_position = kMaxPosition;
  info.time_base = format.time_base;
  info.segment_ms = format.segment_ms;
  // What it learnt, unshaped.
  info.temperature = 1;
  info.top_p = 1;
  return info;
}

}  // namespace

NgramModel::NgramModel(const Ngram* ngram, const TokenFormat& format)
    : ngram_(ngram), info_(InfoOf(format)), book_(info_) {}

void NgramModel::Write(absl::Span<const TokenId> history,
                       absl::Span<float> logits) const {
  std::vector<double> probabilities(logits.size());
  ngram_->Distribution(history, absl::MakeSpan(probabilities));
  // Nearly all are alike: those that never followed.
  double last = 1;
  float logarithm = 0;
  for (size_t i = 0; i < logits.size(); ++i) {
    if (probabilities[i] != last) {
      last = probabilities[i];
      logarithm = static_cast<float>(std::log(last));
    }
    logits[i] = logarithm;
  }
}

void NgramModel::ReadAll(absl::Span<const TokenId> text,
                         absl::Span<float> logits) const {
  const auto rows = static_cast<size_t>(info_.vocabulary_rows);
  for (size_t i = 0; i < text.size(); ++i) {
    Write(text.first(i + 1), logits.subspan(i * rows, rows));
  }
}

absl::Status NgramModel::Prefill(SlotId slot, absl::Span<const TokenId> tokens,
                                 absl::Span<float> last_logits) {
  absl::Status s = book_.CheckPrefill(slot, tokens, last_logits.size());
  if (!s.ok()) return s;
  trunk_.insert(trunk_.end(), tokens.begin(), tokens.end());
  book_.GrowTrunk(slot, static_cast<int>(tokens.size()));
  if (!last_logits.empty()) Write(trunk_, last_logits);
  return absl::OkStatus();
}

void NgramModel::Rewind(SlotId slot, int trunk_length) {
  book_.Rewind(slot, trunk_length);
  trunk_.resize(static_cast<size_t>(trunk_length));
}

void NgramModel::StartBranch(SlotId slot) {
  book_.StartBranch(slot);
  branch_ = trunk_;
}

void NgramModel::DropBranch(SlotId slot) { book_.DropBranch(slot); }

void NgramModel::RewindBranch(SlotId slot, int branch_length) {
  book_.RewindBranch(slot, branch_length);
  branch_.resize(static_cast<size_t>(book_.At(slot).fork + branch_length));
}

absl::Status NgramModel::PrefillBranch(SlotId slot,
                                       absl::Span<const TokenId> tokens,
                                       const NextTokens*,
                                       absl::Span<float> last_logits) {
  absl::Status s = book_.CheckPrefillBranch(slot, tokens, last_logits.size());
  if (!s.ok()) return s;
  branch_.insert(branch_.end(), tokens.begin(), tokens.end());
  book_.GrowBranch(slot, static_cast<int>(tokens.size()));
  if (!last_logits.empty()) Write(branch_, last_logits);
  return absl::OkStatus();
}

absl::Status NgramModel::DecodeStep(absl::Span<const BranchToken> batch,
                                    absl::Span<float> logits) {
  absl::Status s = book_.CheckDecodeStep(batch, logits.size());
  if (!s.ok()) return s;
  if (batch.empty()) return absl::OkStatus();
  branch_.push_back(batch[0].token);
  book_.GrowBranch(batch[0].slot, 1);
  Write(branch_, logits);
  return absl::OkStatus();
}

}  // namespace antiphon::inference
