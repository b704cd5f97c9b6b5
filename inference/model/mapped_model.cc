// SPDX-License-Identifier: Apache-2.0
#include "inference/model/mapped_model.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "absl/strings/str_cat.h"

namespace antiphon::inference {

MappedModel::MappedModel(std::unique_ptr<Model> model, RowMap map, int ids)
    : model_(std::move(model)), map_(std::move(map)), info_(model_->info()) {
  info_.vocabulary_rows = ids;
}

// What is no id at all stays what the model refuses.
TokenId MappedModel::RowOf(TokenId id) const {
  if (id < 0 || id >= info_.vocabulary_rows) return -1;
  return map_.RowOrUnknown(id);
}

void MappedModel::MapTokens(absl::Span<const TokenId> tokens) {
  tokens_.resize(tokens.size());
  std::transform(tokens.begin(), tokens.end(), tokens_.begin(),
                 [this](TokenId id) { return RowOf(id); });
}

// Rows are in the order of ids: a range of ids is a range of rows. What it
// leaves out may be among those rows; it is not read.
NextTokens MappedModel::RowsOf(const NextTokens& ids) const {
  NextTokens rows;
  for (const auto& [from, to] : {std::pair{&ids.allowed, &rows.allowed},
                                 std::pair{&ids.end, &rows.end}}) {
    for (const TokenRange& range : *from) {
      to->Add({map_.FirstRowFrom(range.begin), map_.FirstRowFrom(range.end)});
    }
  }
  return rows;
}

void MappedModel::Spread(const float* rows, const NextTokens* wanted,
                         absl::Span<float> ids) const {
  const absl::Span<const float> from(rows, static_cast<size_t>(map_.rows()));
  if (wanted == nullptr) {
    map_.Spread(from, 0, info_.vocabulary_rows, ids);
    return;
  }
  for (const TokenSet* set : {&wanted->allowed, &wanted->end}) {
    for (const TokenRange& range : *set) {
      map_.Spread(from, std::max(range.begin, 0),
                  std::min(range.end, info_.vocabulary_rows), ids);
    }
  }
}

absl::Status MappedModel::Prefill(SlotId slot, absl::Span<const TokenId> tokens,
                                  absl::Span<float> last_logits) {
  MapTokens(tokens);
  logits_.resize(last_logits.empty() ? 0 : static_cast<size_t>(map_.rows()));
  absl::Status status = model_->Prefill(slot, tokens_, absl::MakeSpan(logits_));
  if (status.ok() && !last_logits.empty()) {
    Spread(logits_.data(), nullptr, last_logits);
  }
  return status;
}

absl::Status MappedModel::PrefillBranch(SlotId slot,
                                        absl::Span<const TokenId> tokens,
                                        const NextTokens* wanted,
                                        absl::Span<float> last_logits) {
  MapTokens(tokens);
  logits_.resize(last_logits.empty() ? 0 : static_cast<size_t>(map_.rows()));
  const NextTokens rows = wanted == nullptr ? NextTokens{} : RowsOf(*wanted);
  absl::Status status =
      model_->PrefillBranch(slot, tokens_, wanted == nullptr ? nullptr : &rows,
                            absl::MakeSpan(logits_));
  if (status.ok() && !last_logits.empty()) {
    Spread(logits_.data(), wanted, last_logits);
  }
  return status;
}

absl::Status MappedModel::DecodeStep(absl::Span<const BranchToken> batch,
                                     absl::Span<float> logits) {
  const size_t ids = static_cast<size_t>(info_.vocabulary_rows);
  const size_t rows = static_cast<size_t>(map_.rows());
  if (logits.size() != batch.size() * ids) {
    return absl::InvalidArgumentError(
        absl::StrCat("logits for ", batch.size(), " tokens take ",
                     batch.size() * ids, " values, not ", logits.size()));
  }
  batch_.assign(batch.begin(), batch.end());
  wanted_.resize(batch.size());
  logits_.resize(batch.size() * rows);
  for (size_t i = 0; i < batch.size(); ++i) {
    batch_[i].token = RowOf(batch[i].token);
    if (batch[i].wanted == nullptr) continue;
    wanted_[i] = RowsOf(*batch[i].wanted);
    batch_[i].wanted = &wanted_[i];
  }
  absl::Status status = model_->DecodeStep(batch_, absl::MakeSpan(logits_));
  if (!status.ok()) return status;
  for (size_t i = 0; i < batch.size(); ++i) {
    Spread(logits_.data() + i * rows, batch[i].wanted,
           logits.subspan(i * ids, ids));
  }
  return absl::OkStatus();
}

std::unique_ptr<Model> ByIds(std::unique_ptr<Model> model,
                             const ModelCard& card) {
  if (!card.row_map) return model;
  return std::make_unique<MappedModel>(std::move(model), *card.row_map,
                                       card.MappedIds());
}

}  // namespace antiphon::inference
