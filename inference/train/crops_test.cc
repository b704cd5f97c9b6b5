// SPDX-License-Identifier: Apache-2.0
#include "inference/train/crops.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <string>

#include "absl/strings/str_join.h"
#include "inference/aria/grammar.h"
#include "inference/aria/row_map.h"

namespace antiphon::inference {
namespace {

const Vocabulary kTokens(VocabularyKind::kDefault);

// Eighths over bass notes of half a bar: ten notes a bar.
TrainingPiece Etude(int64_t bars) {
  TrainingPiece piece;
  piece.meters.assign(static_cast<size_t>(bars), Meter{4, 4});
  for (int64_t ms = 0; ms < bars * kWarpedBarMs; ms += 300) {
    const auto number = static_cast<int>(ms / 300);
    piece.notes.push_back({{ms, 300, 60 + number % 13, 80}, kMelody});
    if (ms % 1200 == 0) piece.notes.push_back({{ms, 1200, 40, 60}, kLeftHand});
  }
  ByOnsetAndPitch(piece.notes);
  return piece;
}

std::string TextOf(const TrainingCrop& crop) {
  return absl::StrJoin(crop.tokens, " ", [](std::string* out, TokenId token) {
    out->append(kTokens.TextOf(token));
  });
}

// How many of each kind: "onset wanted", "onset unwanted", …
std::map<std::string, int> Count(const TrainingCrop& crop) {
  std::map<std::string, int> counts;
  for (size_t i = 0; i < crop.tokens.size(); ++i) {
    const std::string text = kTokens.TextOf(crop.tokens[i]);
    ++counts[text.substr(0, text.find(':')) +
             (crop.wanted[i] != 0 ? " wanted" : " unwanted")];
  }
  return counts;
}

// Events alone, whole ones, in order, and only rows of the compact vocabulary.
void ExpectSound(const TrainingCrop& crop, int max_tokens) {
  static const RowMap rows = RowMap::Compact(kTokens, kBarSegmentMs);
  ASSERT_EQ(crop.tokens.size(), crop.wanted.size());
  ASSERT_LE(crop.tokens.size(), static_cast<size_t>(max_tokens));
  ASSERT_EQ(crop.tokens[0], kPianoPrefixToken);
  ASSERT_EQ(crop.tokens[1], kBosToken);
  EXPECT_EQ(crop.wanted[0] + crop.wanted[1], 0);
  Grammar grammar(kTokens, kBarSegmentMs);
  for (const TokenId token : crop.tokens) {
    ASSERT_TRUE(rows.RowOf(token).has_value()) << kTokens.TextOf(token);
    ASSERT_NE(grammar.Advance(token), Grammar::Step::kRefused) << TextOf(crop);
  }
}

TEST(PlainCrop, BeginsAtItsBarAndEndsBehindAnEvent) {
  const auto crop = PlainCrop(Etude(8), 3, 16);
  ASSERT_TRUE(crop.has_value());
  EXPECT_EQ(TextOf(*crop),
            "prefix:instrument:piano <S> piano:40:60 onset:0 dur:1200 "
            "piano:71:80 onset:0 dur:300 piano:72:80 onset:300 dur:300 "
            "piano:60:80 onset:600 dur:300");
  EXPECT_THAT(crop->wanted,
              testing::ElementsAre(0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1));
  EXPECT_FALSE(PlainCrop(Etude(8), 8, 16).has_value());
  TrainingPiece low = Etude(1);
  for (TrainingNote& note : low.notes) note.note.pitch = 20;
  EXPECT_FALSE(PlainCrop(low, 0, 16).has_value());
}

TEST(RandomCrop, IsSoundFullAndMostOfThemJittered) {
  const TrainingPiece piece = Etude(40);
  Random random(1);
  int jittered = 0, fullest = 0;
  constexpr int kCrops = 1000;
  for (int i = 0; i < kCrops; ++i) {
    const auto crop = RandomCrop(piece, {.max_tokens = 200}, random);
    ASSERT_TRUE(crop.has_value());
    ExpectSound(*crop, 200);
    EXPECT_TRUE(kTokens.durs().Contains(crop->tokens.back())) << TextOf(*crop);
    std::map<std::string, int> count = Count(*crop);
    jittered += count["onset unwanted"] > 0 ? 1 : 0;
    fullest += crop->tokens.size() > 180 ? 1 : 0;
    EXPECT_EQ(count["piano unwanted"] + count["dur unwanted"], 0);
    EXPECT_EQ(count["<T> unwanted"], 0);
  }
  EXPECT_NEAR(jittered, kCrops * 3 / 4, 60);
  // A bass line alone has 80 notes: 240 tokens, and many <T>.
  EXPECT_GT(fullest, kCrops * 8 / 10);
}

TEST(RandomCrop, TheUnwantedOnsetsAreThoseOfTheCall) {
  const TrainingPiece piece = Etude(40);
  Random random(2);
  int answered = 0;
  for (int i = 0; i < 300; ++i) {
    const auto crop =
        RandomCrop(piece, {.max_tokens = 200, .jittered_share = 1}, random);
    ASSERT_TRUE(crop.has_value());
    bool answers = false;
    for (size_t at = 2; at < crop->tokens.size(); ++at) {
      if (!kTokens.onsets().Contains(crop->tokens[at])) continue;
      if (crop->wanted[at] == 0) {
        EXPECT_FALSE(answers) << i;
      } else {
        answers = true;
        EXPECT_EQ(kTokens.OnsetMs(crop->tokens[at]) % 300, 0) << i;
      }
    }
    answered += answers ? 1 : 0;
  }
  // Of the others the last bar did not fit.
  EXPECT_GT(answered, 280);
}

// How far off the beat the call's onsets are: the root of the mean square.
double WidthOf(const TrainingCrop& crop) {
  double squares = 0;
  int onsets = 0;
  for (size_t at = 2; at < crop.tokens.size(); ++at) {
    if (crop.wanted[at] != 0 || !kTokens.onsets().Contains(crop.tokens[at])) {
      continue;
    }
    const double off = std::remainder(kTokens.OnsetMs(crop.tokens[at]), 300);
    squares += off * off;
    ++onsets;
  }
  return onsets < 10 ? 0 : std::sqrt(squares / onsets);
}

TEST(RandomCrop, CallsAreNeatAndSlowOrSloppyAndFast) {
  const TrainingPiece piece = Etude(40);
  Random random(4);
  std::vector<double> widths;
  for (int i = 0; i < 500; ++i) {
    const auto crop =
        RandomCrop(piece, {.max_tokens = 200, .jittered_share = 1}, random);
    const double width = WidthOf(*crop);
    if (width > 0) widths.push_back(width);
  }
  ASSERT_GT(widths.size(), 300);
  std::sort(widths.begin(), widths.end());
  EXPECT_LT(widths.front(), 8);
  EXPECT_GT(widths.back(), 35);
  EXPECT_NEAR(widths[widths.size() / 2], 17, 3);
}

TEST(RandomCrop, PartsAreHeardAloneAndKeysChange) {
  const TrainingPiece piece = Etude(40);
  Random random(3);
  int bass = 0, melody = 0, everyone = 0;
  std::map<int, int> keys;
  constexpr int kCrops = 2000;
  for (int i = 0; i < kCrops; ++i) {
    const auto crop = RandomCrop(piece, {}, random);
    bool low = false, high = false;
    for (const TokenId token : crop->tokens) {
      if (!kTokens.notes().Contains(token)) continue;
      const int pitch = kTokens.PitchOf(token);
      (pitch < 50 ? low : high) = true;
      if (pitch < 50) keys[pitch - 40] = 1;
    }
    bass += low && !high ? 1 : 0;
    melody += high && !low ? 1 : 0;
    everyone += high && low ? 1 : 0;
  }
  EXPECT_NEAR(bass, kCrops * .3, 80);  // without melody, and left hand alone
  EXPECT_NEAR(melody, kCrops * .15, 60);
  EXPECT_NEAR(everyone, kCrops * .55, 80);
  EXPECT_EQ(keys.size(), 13u);
}

// How many of 2,000 crops begin at an odd bar; those begin after their line.
int OddBeginnings(int64_t bars, int max_tokens) {
  TrainingPiece piece;
  for (int64_t bar = 0; bar < bars; ++bar) {
    piece.meters.push_back({});
    const int64_t late_ms = bar % 2 == 0 ? 0 : 300;
    piece.notes.push_back(
        {{bar * kWarpedBarMs + late_ms, 100, 60, 80}, kWhole});
  }
  Random random(4);
  int odd = 0;
  for (int i = 0; i < 2000; ++i) {
    const auto crop = RandomCrop(
        piece, {.max_tokens = max_tokens, .jittered_share = 0}, random);
    odd += kTokens.OnsetMs(crop->tokens[3]) == 300 ? 1 : 0;
  }
  return odd;
}

TEST(RandomCrop, BeginsAtEvenAndOddBars) {
  EXPECT_NEAR(OddBeginnings(100, 40), 1000, 120);
}

TEST(RandomCrop, OfShortPiecesIsNearlyAllOfThem) {
  // From the first bar a sixth, and half of what would be shorter still.
  EXPECT_NEAR(OddBeginnings(6, 512), 2000 * 5 / 12, 100);
}

TEST(AnswerCrop, WantsTheAnswerAlone) {
  const TrainingPiece piece = Etude(40);
  Random random(5);
  int twos = 0;
  for (int i = 0; i < 500; ++i) {
    const auto crop = AnswerCrop(piece, {.jittered_share = 1}, random);
    ASSERT_TRUE(crop.has_value());
    ExpectSound(*crop, 512);
    EXPECT_EQ(crop->tokens.back(), kTimeStepToken);
    EXPECT_EQ(crop->wanted.back(), 1);
    int segments = 1, segment = 0;
    for (const TokenId token : crop->tokens)
      segments += token == kTimeStepToken;
    --segments;  // the last <T> ends the answer
    ASSERT_TRUE(segments == 2 || segments == 4) << segments;
    twos += segments == 2 ? 1 : 0;
    for (size_t at = 2; at < crop->tokens.size(); ++at) {
      segment += crop->tokens[at] == kTimeStepToken ? 1 : 0;
      ASSERT_EQ(crop->wanted[at], segment >= segments / 2) << TextOf(*crop);
      if (crop->wanted[at] != 0 &&
          kTokens.onsets().Contains(crop->tokens[at])) {
        EXPECT_EQ(kTokens.OnsetMs(crop->tokens[at]) % 300, 0);
      }
    }
  }
  EXPECT_NEAR(twos, 250, 60);
}

TEST(AnswerCrop, IsThereOnlyWhereEveryBarAnswers) {
  Random random(6);
  EXPECT_FALSE(AnswerCrop(Etude(3), {}, random).has_value());
  TrainingPiece rests = Etude(4);
  std::erase_if(rests.notes, [](const TrainingNote& note) {
    return note.note.onset_ms >= 3 * kWarpedBarMs;
  });
  EXPECT_FALSE(AnswerCrop(rests, {}, random).has_value());
  // Forty notes take 122 tokens, their <T> two more.
  std::optional<TrainingCrop> fits;
  for (int i = 0; i < 50 && !fits; ++i) {
    fits = AnswerCrop(Etude(4), {.max_tokens = 124}, random);
    if (fits && fits->tokens.size() < 124) fits.reset();  // a part alone
  }
  EXPECT_TRUE(fits.has_value());
  for (int i = 0; i < 50; ++i) {
    const auto crop = AnswerCrop(Etude(4), {.max_tokens = 123}, random);
    EXPECT_TRUE(!crop || crop->tokens.size() < 123);
  }
}

TEST(Crops, TheSeedSaysAll) {
  const TrainingPiece piece = Etude(40);
  Random one(7), same(7), other(8);
  const TrainingCrop crop = *RandomCrop(piece, {}, one);
  EXPECT_EQ(crop.tokens, RandomCrop(piece, {}, same)->tokens);
  EXPECT_NE(crop.tokens, RandomCrop(piece, {}, other)->tokens);
}

}  // namespace
}  // namespace antiphon::inference
