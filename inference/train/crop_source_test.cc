// SPDX-License-Identifier: Apache-2.0
#include "inference/train/crop_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "inference/aria/grammar.h"
#include "inference/aria/row_map.h"

namespace antiphon::inference {
namespace {

using ::testing::HasSubstr;

const Vocabulary kTokens(VocabularyKind::kDefault);

// Four notes of one key a bar, outside what synthetic pieces reach.
TrainingPiece Monotone(int pitch, int64_t bars) {
  TrainingPiece piece;
  piece.meters.assign(static_cast<size_t>(bars), Meter{4, 4});
  for (int64_t ms = 0; ms < bars * kWarpedBarMs; ms += 600) {
    piece.notes.push_back({{ms, 500, pitch, 80}, kWhole});
  }
  return piece;
}

int FirstPitch(const TrainingCrop& crop) {
  return kTokens.PitchOf(crop.tokens[2]);
}

CropSource Source(const std::vector<TrainingPiece>& pieces,
                  const CropSourceOptions& options = {}, uint64_t seed = 1) {
  auto source = CropSource::Create(pieces, options, seed);
  EXPECT_TRUE(source.ok()) << source.status();
  return *std::move(source);
}

TEST(CropSource, PiecesComeInProportionToTheirBars) {
  const std::vector<TrainingPiece> pieces = {Monotone(101, 30),
                                             Monotone(27, 10)};
  CropSource source = Source(pieces);
  int high = 0, low = 0, synthetic = 0;
  constexpr int kCrops = 4000;
  for (int i = 0; i < kCrops; ++i) {
    const TrainingCrop crop = source.Next();
    const int pitch = FirstPitch(crop);
    // Of several keys: made up.
    const bool made_up = !std::all_of(
        crop.tokens.begin(), crop.tokens.end(), [&](TokenId token) {
          return !kTokens.notes().Contains(token) ||
                 kTokens.PitchOf(token) == pitch;
        });
    if (made_up) ++synthetic;
    if (!made_up && pitch > 90) ++high;
    if (!made_up && pitch < 40) ++low;
  }
  EXPECT_NEAR(synthetic, kCrops * .1, 70);
  EXPECT_NEAR(high, kCrops * .9 * .75, 100);
  EXPECT_NEAR(low, kCrops * .9 * .25, 100);
}

TEST(CropSource, GoesOnWhereItWas) {
  const std::vector<TrainingPiece> pieces = {Monotone(60, 30)};
  CropSource source = Source(pieces);
  std::vector<TrainingCrop> crops;
  for (int i = 0; i < 20; ++i) crops.push_back(source.Next());
  EXPECT_EQ(source.position(), 20u);
  for (size_t i = 1; i < crops.size(); ++i) {
    EXPECT_NE(crops[i].tokens, crops[i - 1].tokens) << i;
  }
  CropSource again = Source(pieces);
  again.Seek(13);
  EXPECT_EQ(again.Next().tokens, crops[13].tokens);
  EXPECT_EQ(again.Next().wanted, crops[14].wanted);
  EXPECT_NE(Source(pieces, {}, 2).Next().tokens, crops[0].tokens);
}

TEST(CropSource, EveryTokenHasACompactRow) {
  const RowMap rows = RowMap::Compact(kTokens, kBarSegmentMs);
  auto read =
      ReadFolder(ANTIPHON_SOURCE_DIR "/examples", [](size_t, size_t) {});
  ASSERT_TRUE(read.ok()) << read.status();
  // Everything a file may hold: all keys and velocities, long and short.
  TrainingPiece wild = Monotone(0, 64);
  for (size_t i = 0; i < wild.notes.size(); ++i) {
    const int n = static_cast<int>(i);
    wild.notes[i].note.onset_ms += n % 7;
    wild.notes[i].note.duration_ms = 1 + n * 97 % 9000;
    wild.notes[i].note.pitch = n * 5 % 128;
    wild.notes[i].note.velocity = 1 + n * 11 % 127;
  }
  read->pieces.push_back(wild);
  for (const bool answers : {false, true}) {
    CropSource source =
        Source(read->pieces, {.synthetic_share = .3, .answers = answers});
    for (int i = 0; i < 2000; ++i) {
      const TrainingCrop crop = source.Next();
      ASSERT_EQ(crop.tokens.size(), crop.wanted.size());
      ASSERT_LE(crop.tokens.size(), 512u);
      Grammar grammar(kTokens, kBarSegmentMs);
      int wanted = 0;
      for (size_t at = 0; at < crop.tokens.size(); ++at) {
        const TokenId token = crop.tokens[at];
        ASSERT_TRUE(rows.RowOf(token).has_value()) << kTokens.TextOf(token);
        ASSERT_NE(grammar.Advance(token), Grammar::Step::kRefused);
        wanted += crop.wanted[at];
      }
      ASSERT_GT(wanted, 0);
      ASSERT_EQ(crop.tokens.back() == kTimeStepToken, answers);
    }
  }
}

TEST(CropSource, SyntheticPiecesStepInWhereNothingAnswers) {
  const std::vector<TrainingPiece> pieces = {Monotone(60, 2)};
  CropSource source =
      Source(pieces, {.crops = {.max_tokens = kFewestAnswerTokens},
                      .synthetic_share = 0,
                      .answers = true});
  for (int i = 0; i < 50; ++i) EXPECT_GT(source.Next().tokens.size(), 8u);
}

TEST(CropSource, WhatItCannotDoIsNamed) {
  const std::vector<TrainingPiece> pieces = {Monotone(60, 2)};
  const auto problem = [](absl::Span<const TrainingPiece> from,
                          const CropSourceOptions& options) {
    return std::string(CropSource::Create(from, options, 1).status().message());
  };
  EXPECT_THAT(problem({}, {}), HasSubstr("no piece"));
  EXPECT_EQ(problem({}, {.synthetic_share = 1}), "");
  EXPECT_THAT(problem(pieces, {.crops = {.max_tokens = 15}}),
              HasSubstr("max_tokens is 15, it must be at least 16"));
  EXPECT_THAT(problem(pieces, {.crops = {.max_tokens = 127}, .answers = true}),
              HasSubstr("at least 128"));
  EXPECT_THAT(problem(pieces, {.synthetic_share = 1.5}),
              HasSubstr("synthetic_share is 1.5"));
  EXPECT_THAT(problem(pieces, {.crops = {.jittered_share = -1}}),
              HasSubstr("jittered_share is -1"));
}

}  // namespace
}  // namespace antiphon::inference
