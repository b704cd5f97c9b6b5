// SPDX-License-Identifier: Apache-2.0
#include "inference/model/fake_model.h"

#include <cmath>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace antiphon::inference {
namespace {

using ::testing::HasSubstr;

std::vector<TokenId> Tokens(int count, TokenId first = 6) {
  std::vector<TokenId> tokens;
  for (int i = 0; i < count; ++i) tokens.push_back(first + i);
  return tokens;
}

TEST(FakeModelTest, LogitsAreThoseOfTheHistory) {
  FakeModel model;
  std::vector<float> row(static_cast<size_t>(model.info().vocabulary_rows));
  ASSERT_TRUE(model.Prefill(1, Tokens(5), absl::MakeSpan(row)).ok());
  EXPECT_EQ(row, model.LogitsAfter(Tokens(5)));
  model.StartBranch(1);
  // The trunk may grow beyond the fork; the branch does not see it.
  ASSERT_TRUE(model.Prefill(1, Tokens(3, 100), {}).ok());
  ASSERT_TRUE(model.DecodeStep({{1, 77}}, absl::MakeSpan(row)).ok());
  std::vector<TokenId> history = Tokens(5);
  history.push_back(77);
  EXPECT_EQ(row, model.LogitsAfter(history));
  model.Rewind(1, 4);
  EXPECT_FALSE(model.HasBranch(1));
  EXPECT_EQ(model.TrunkLength(1), 4);
}

TEST(FakeModelTest, LogitsThatWereNotWantedAreNone) {
  FakeModel model;
  ASSERT_TRUE(model.Prefill(0, Tokens(3), {}).ok());
  model.StartBranch(0);
  NextTokens wanted;
  wanted.allowed.Add({100, 110, 5});
  wanted.end.Add(TokenId{1});
  std::vector<float> row(static_cast<size_t>(model.info().vocabulary_rows));
  for (const bool prefill : {true, false}) {
    const BranchToken next{0, 9, &wanted};
    ASSERT_TRUE((prefill ? model.PrefillBranch(0, Tokens(2), &wanted,
                                               absl::MakeSpan(row))
                         : model.DecodeStep({&next, 1}, absl::MakeSpan(row)))
                    .ok());
    const std::vector<float> all = model.LogitsAfter(model.History(0));
    EXPECT_TRUE(std::isnan(row[0]));
    EXPECT_TRUE(std::isnan(row[105]));
    for (size_t id : {1u, 101u, 109u}) EXPECT_EQ(row[id], all[id]);
  }
}

TEST(FakeModelTest, MisuseIsRefusedAndChangesNothing) {
  FakeModel model;
  std::vector<float> row(static_cast<size_t>(model.info().vocabulary_rows));
  EXPECT_FALSE(model.Prefill(4, Tokens(1), {}).ok());
  EXPECT_FALSE(model.Prefill(0, {-1}, {}).ok());
  EXPECT_FALSE(model.Prefill(0, {17727}, {}).ok());
  EXPECT_FALSE(model.Prefill(0, Tokens(1), absl::MakeSpan(row).first(3)).ok());
  EXPECT_EQ(model.DecodeStep({{0, 1}}, absl::MakeSpan(row)).code(),
            absl::StatusCode::kFailedPrecondition);
  model.StartBranch(0);
  std::vector<float> rows(2 * row.size());
  EXPECT_THAT(
      std::string(
          model.DecodeStep({{0, 1}, {0, 2}}, absl::MakeSpan(rows)).message()),
      HasSubstr("twice"));
  EXPECT_EQ(model.PrefillBranch(0, Tokens(257), nullptr, {}).code(),
            absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(model.Prefill(0, std::vector<TokenId>(1025, 6), {}).code(),
            absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(model.TrunkLength(0), 0);
  EXPECT_EQ(model.BranchLength(0), 0);
}

TEST(FakeModel, ARewoundBranchIsAsIfNothingHadFollowed) {
  FakeModel model;
  std::vector<float> logits(static_cast<size_t>(model.info().vocabulary_rows));
  const auto step = [&](TokenId token) {
    const BranchToken next{0, token};
    ASSERT_TRUE(model.DecodeStep({&next, 1}, absl::MakeSpan(logits)).ok());
  };
  ASSERT_TRUE(model.Prefill(0, {6, 0}, {}).ok());
  model.StartBranch(0);
  step(100);
  step(101);
  step(102);
  model.RewindBranch(0, 1);
  EXPECT_EQ(model.BranchLength(0), 1);
  step(103);
  EXPECT_EQ(logits, model.LogitsAfter({6, 0, 100, 103}));
}

}  // namespace
}  // namespace antiphon::inference
