// SPDX-License-Identifier: Apache-2.0
#include "inference/model/mapped_model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "inference/model/fake_model.h"

namespace antiphon::inference {
namespace {

constexpr int kIds = 40;

// Rows 0..6 are ids 0..6, rows 7..11 are 10..14, rows 12..14 are 30..32.
RowMap Map() { return *RowMap::Of({{0, 7}, {10, 15}, {30, 33}}); }

class MappedModelTest : public ::testing::Test {
 protected:
  MappedModelTest() {
    ModelInfo info = FakeModel::DefaultInfo();
    info.vocabulary_rows = 15;
    auto inner = std::make_unique<FakeModel>(info);
    inner_ = inner.get();
    model_ = std::make_unique<MappedModel>(std::move(inner), Map(), kIds);
  }

  std::vector<float> logits_ = std::vector<float>(kIds);
  FakeModel* inner_;
  std::unique_ptr<MappedModel> model_;
};

TEST_F(MappedModelTest, TokensAndLogitsAreIds) {
  EXPECT_EQ(model_->info().vocabulary_rows, kIds);
  const std::vector<TokenId> tokens = {0, 12, 31};
  ASSERT_TRUE(model_->Prefill(0, tokens, absl::MakeSpan(logits_)).ok());
  const std::vector<float> rows = inner_->LogitsAfter({{0, 9, 13}});
  for (TokenId id = 0; id < kIds; ++id) {
    const auto row = Map().RowOf(id);
    const float due = row ? rows[static_cast<size_t>(*row)] : -INFINITY;
    EXPECT_EQ(logits_[static_cast<size_t>(id)], due) << id;
  }
}

TEST_F(MappedModelTest, AnIdWithoutARowIsReadAsUnknown) {
  ASSERT_TRUE(model_->Prefill(0, {{0, 20}}, {}).ok());
  EXPECT_EQ(inner_->History(0), (std::vector<TokenId>{0, kUnknownToken}));
  EXPECT_FALSE(model_->Prefill(0, {{kIds}}, {}).ok());
  EXPECT_FALSE(model_->Prefill(0, {{-1}}, {}).ok());
}

// Of what is wanted alone; ids without a row are never likely.
TEST_F(MappedModelTest, WantedIdsAreWantedRows) {
  ASSERT_TRUE(model_->Prefill(0, {{0, 1}}, {}).ok());
  model_->StartBranch(0);
  NextTokens wanted;
  wanted.allowed.Add(TokenRange{8, 16, 0});
  wanted.end.Add(5);
  const auto check = [&](const std::vector<float>& rows) {
    for (const TokenId id : {8, 9, 15}) {
      EXPECT_EQ(logits_[static_cast<size_t>(id)], -INFINITY) << id;
    }
    EXPECT_EQ(logits_[10], rows[7]);
    EXPECT_EQ(logits_[14], rows[11]);
    EXPECT_EQ(logits_[5], rows[5]);
  };
  ASSERT_TRUE(
      model_->PrefillBranch(0, {{2}}, &wanted, absl::MakeSpan(logits_)).ok());
  check(inner_->LogitsAfter({{0, 1, 2}}));
  const BranchToken next{0, 31, &wanted};
  ASSERT_TRUE(model_->DecodeStep({&next, 1}, absl::MakeSpan(logits_)).ok());
  check(inner_->LogitsAfter({{0, 1, 2, 13}}));
  EXPECT_FALSE(
      model_->DecodeStep({&next, 1}, absl::MakeSpan(logits_).first(15)).ok());
}

}  // namespace
}  // namespace antiphon::inference
