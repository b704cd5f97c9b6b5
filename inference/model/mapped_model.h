// SPDX-License-Identifier: Apache-2.0
//
// A model with fewer rows than its vocabulary has ids, as one that has them
// all: tokens go in and logits come out by id. An id without a row is read as
// <U> and never likely. Owner: that of the model.
#ifndef ANTIPHON_INFERENCE_MODEL_MAPPED_MODEL_H_
#define ANTIPHON_INFERENCE_MODEL_MAPPED_MODEL_H_

#include <memory>
#include <vector>

#include "inference/aria/row_map.h"
#include "inference/model/model.h"
#include "inference/model/model_card.h"

namespace antiphon::inference {

class MappedModel : public Model {
 public:
  // `model` has a row for each of the map's, `ids` is the vocabulary's size.
  MappedModel(std::unique_ptr<Model> model, RowMap map, int ids);

  const ModelInfo& info() const override { return info_; }
  absl::Status Prefill(SlotId slot, absl::Span<const TokenId> tokens,
                       absl::Span<float> last_logits) override;
  void Rewind(SlotId slot, int trunk_length) override {
    model_->Rewind(slot, trunk_length);
  }
  void StartBranch(SlotId slot) override { model_->StartBranch(slot); }
  void DropBranch(SlotId slot) override { model_->DropBranch(slot); }
  void RewindBranch(SlotId slot, int branch_length) override {
    model_->RewindBranch(slot, branch_length);
  }
  absl::Status PrefillBranch(SlotId slot, absl::Span<const TokenId> tokens,
                             const NextTokens* wanted,
                             absl::Span<float> last_logits) override;
  absl::Status DecodeStep(absl::Span<const BranchToken> batch,
                          absl::Span<float> logits) override;
  int TrunkLength(SlotId slot) const override {
    return model_->TrunkLength(slot);
  }
  bool HasBranch(SlotId slot) const override { return model_->HasBranch(slot); }
  int BranchLength(SlotId slot) const override {
    return model_->BranchLength(slot);
  }

 private:
  TokenId RowOf(TokenId id) const;
  void MapTokens(absl::Span<const TokenId> tokens);
  NextTokens RowsOf(const NextTokens& ids) const;
  // Of one token, from `rows` on.
  void Spread(const float* rows, const NextTokens* wanted,
              absl::Span<float> ids) const;

  const std::unique_ptr<Model> model_;
  const RowMap map_;
  ModelInfo info_;
  // Of the call that runs.
  std::vector<TokenId> tokens_;
  std::vector<BranchToken> batch_;
  std::vector<NextTokens> wanted_;
  std::vector<float> logits_;
};

// `model`, or where its card has a row map, that model by ids.
std::unique_ptr<Model> ByIds(std::unique_ptr<Model> model,
                             const ModelCard& card);

}  // namespace antiphon::inference

#endif  // ANTIPHON_INFERENCE_MODEL_MAPPED_MODEL_H_
