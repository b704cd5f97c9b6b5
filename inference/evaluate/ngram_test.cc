// SPDX-License-Identifier: Apache-2.0
#include "inference/evaluate/ngram.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <numeric>
#include <vector>

#include "gtest/gtest.h"
#include "inference/engine/aria_answerer.h"
#include "inference/evaluate/ngram_model.h"
#include "inference/evaluate/rows.h"

namespace antiphon::inference {
namespace {

std::vector<double> After(const Ngram& ngram, std::vector<TokenId> context,
                          size_t rows) {
  std::vector<double> out(rows);
  ngram.Distribution(context, absl::MakeSpan(out));
  EXPECT_NEAR(std::accumulate(out.begin(), out.end(), 0.0), 1, 1e-12);
  return out;
}

TEST(NgramTest, SmoothsAsWittenAndBell) {
  Ngram ngram(4);
  ngram.Add({0, 1, 0, 2});
  ngram.Finish();
  // Order 1: 4 tokens, 3 kinds of them.
  const std::vector<double> none = After(ngram, {}, 4);
  EXPECT_NEAR(none[0], (2 + 3 * 0.25) / 7, 1e-12);
  EXPECT_NEAR(none[3], (0 + 3 * 0.25) / 7, 1e-12);
  // After 0 came 1 and 2.
  const std::vector<double> after = After(ngram, {0}, 4);
  EXPECT_NEAR(after[1], (1 + 2 * none[1]) / 4, 1e-12);
  EXPECT_NEAR(after[0], 2 * none[0] / 4, 1e-12);
  // After 1, 0 came 2; after 0, 1, 0 as well.
  const std::vector<double> second = {after[0] / 2, after[1] / 2,
                                      (1 + after[2]) / 2, after[3] / 2};
  const std::vector<double> two = After(ngram, {1, 0}, 4);
  const std::vector<double> three = After(ngram, {0, 1, 0}, 4);
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_NEAR(two[i], second[i], 1e-12) << i;
    EXPECT_NEAR(three[i], ((i == 2 ? 1 : 0) + second[i]) / 2, 1e-12) << i;
  }
  // A context that never was: as if it were shorter.
  EXPECT_EQ(After(ngram, {2, 1, 0}, 4), two);
}

TEST(NgramTest, TextsDoNotRunIntoEachOther) {
  Ngram ngram(4);
  ngram.Add({0, 1});
  ngram.Add({2, 3});
  ngram.Finish();
  const std::vector<double> after = After(ngram, {1}, 4);
  EXPECT_NEAR(after[2], 0.25, 1e-12);
}

// One bar of four quarters, as far as it goes.
Case Quarters() {
  Case one{"a", {{}, Ticks::Of(1920), 2}, {{}, Ticks::Of(1920), 2}, {}};
  for (int i = 0; i < 8; ++i) {
    const Note note{.tick = Ticks::Of(i * 480),
                    .duration = Ticks::Of(480),
                    .pitch = static_cast<uint8_t>(60 + i % 4),
                    .velocity = 80};
    one.call.notes.push_back(note);
    one.human.notes.push_back(note);
  }
  return one;
}

TEST(NgramModelTest, AnswersWhatItLearnt) {
  const TokenFormat format{Vocabulary(VocabularyKind::kDefault), TimeBase::kBar,
                           4800};
  Ngram ngram(format.vocabulary.size());
  const Case one = Quarters();
  const auto pair = PairOf(format, one.call, one.human, one.tempos);
  ASSERT_TRUE(pair.ok()) << pair.status();
  for (int i = 0; i < 2000; ++i) ngram.Add(pair->text);
  ngram.Finish();
  auto answerer =
      AriaAnswerer::Create(std::make_unique<NgramModel>(&ngram, format));
  ASSERT_TRUE(answerer.ok()) << answerer.status();
  Random random(1);
  const auto answer =
      ModelAnswering({answerer->get(), std::nullopt, false})(one, random);
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_GT(Compare(one.human, *answer)[kCopy], 0.6);
}

TEST(NgramModelTest, ReadsAsItDecodes) {
  const TokenFormat format{Vocabulary(VocabularyKind::kDefault), TimeBase::kBar,
                           4800};
  const auto rows = static_cast<size_t>(format.vocabulary.size());
  Ngram ngram(format.vocabulary.size());
  ngram.Add({6, 0, 20, 30, 40, 20, 31, 41});
  ngram.Finish();
  NgramModel model(&ngram, format);
  std::vector<float> all(3 * rows);
  model.ReadAll({6, 0, 20}, absl::MakeSpan(all));
  std::vector<float> last(rows);
  ASSERT_TRUE(model.Prefill(0, {6}, {}).ok());
  model.StartBranch(0);
  ASSERT_TRUE(model.PrefillBranch(0, {0}, nullptr, {}).ok());
  const BranchToken next{0, 20, nullptr};
  ASSERT_TRUE(model.DecodeStep({&next, 1}, absl::MakeSpan(last)).ok());
  EXPECT_TRUE(
      std::equal(last.begin(), last.end(), all.end() - std::ssize(last)));
  EXPECT_EQ(model.BranchLength(0), 2);
  model.Rewind(0, 0);
  EXPECT_FALSE(model.HasBranch(0));
  ASSERT_TRUE(model.Prefill(0, {6, 0, 20}, absl::MakeSpan(last)).ok());
  EXPECT_TRUE(
      std::equal(last.begin(), last.end(), all.end() - std::ssize(last)));
  EXPECT_FALSE(model.Prefill(0, {1'000'000}, {}).ok());
}

}  // namespace
}  // namespace antiphon::inference
