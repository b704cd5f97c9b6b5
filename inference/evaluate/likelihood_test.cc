// SPDX-License-Identifier: Apache-2.0
#include "inference/evaluate/likelihood.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "inference/evaluate/pairing.h"
#include "inference/evaluate/text.h"

namespace antiphon::inference {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Note At(int64_t tick, int pitch, int64_t duration = 480) {
  return {.tick = Ticks::Of(tick),
          .duration = Ticks::Of(duration),
          .pitch = static_cast<uint8_t>(pitch),
          .velocity = 80};
}

TokenFormat BarFormat() {
  return {Vocabulary(VocabularyKind::kDemo26), TimeBase::kBar, 4800};
}

std::vector<std::string> Words(const Text& text) {
  std::vector<std::string> words;
  for (const TokenId id : text) {
    words.push_back(BarFormat().vocabulary.TextOf(id));
  }
  return words;
}

Passage Bars(int bars, std::vector<Note> notes) {
  return {std::move(notes), Ticks::Of(1920), bars};
}

TEST(TextTest, APairIsACallAndWhatFollows) {
  const auto pair =
      PairOf(BarFormat(), Bars(2, {At(0, 64), At(0, 60), At(1920, 62)}),
             Bars(2, {At(1920, 65)}), {{Ticks(), 120}});
  ASSERT_TRUE(pair.ok()) << pair.status();
  EXPECT_THAT(Words(pair->text),
              ElementsAre("prefix:instrument:piano", "<S>", "piano:60:80",
                          "onset:0", "dur:600", "piano:64:80", "onset:0",
                          "dur:600", "piano:62:80", "onset:2400", "dur:600",
                          "<T>", "piano:65:80", "onset:2400", "dur:600"));
  EXPECT_EQ(pair->answer, 11u);
}

TEST(TextTest, InBarsAChordIsByPitchEachKeyOfThePianoOnce) {
  const auto pair = PairOf(
      BarFormat(),
      Bars(1, {At(0, 64), At(0, 60), At(0, 20), At(0, 64), At(480, 109)}),
      Bars(1, {At(0, 62), At(0, 20)}), {{Ticks(), 120}});
  ASSERT_TRUE(pair.ok()) << pair.status();
  EXPECT_THAT(Words(pair->text),
              ElementsAre("prefix:instrument:piano", "<S>", "piano:60:80",
                          "onset:0", "dur:600", "piano:64:80", "onset:0",
                          "dur:600", "piano:62:80", "onset:2400", "dur:600"));
  EXPECT_EQ(pair->answer, 8u);
}

TEST(TextTest, RealTimeFollowsTheTempoAndKeepsTheOrder) {
  const TokenFormat real{Vocabulary(VocabularyKind::kDemo26), TimeBase::kReal,
                         5000};
  const auto pair = PairOf(real, Bars(1, {At(0, 64), At(0, 60)}),
                           Bars(1, {At(0, 62)}), {{Ticks(), 60}});
  ASSERT_TRUE(pair.ok()) << pair.status();
  EXPECT_THAT(Words(pair->text),
              ElementsAre("prefix:instrument:piano", "<S>", "piano:64:80",
                          "onset:0", "dur:1000", "piano:60:80", "onset:0",
                          "dur:1000", "piano:62:80", "onset:4000", "dur:1000"));
}

// A piece of `bars` bars with eight notes each, after one bar of silence.
Piece LongPiece(int bars) {
  Piece piece;
  for (int i = 0; i < 8 * bars; ++i) {
    piece.notes.push_back(At(1920 + i * 240, 60 + i % 12));
  }
  return piece;
}

TEST(TextTest, ExcerptsAreTheFirstAndTheMiddle) {
  const auto excerpts = ExcerptsOf(BarFormat(), LongPiece(100));
  ASSERT_TRUE(excerpts.ok()) << excerpts.status();
  ASSERT_EQ(excerpts->size(), 2u);
  for (const Text& text : *excerpts) {
    EXPECT_LE(text.size(), kExcerptTokens);
    EXPECT_GT(text.size(), kExcerptTokens - 4);
    const auto words = Words(text);
    EXPECT_THAT(words[2], HasSubstr("piano:"));
    EXPECT_EQ(words[3], "onset:0");
    EXPECT_THAT(words.back(), HasSubstr("dur:"));
  }
  EXPECT_EQ(Words((*excerpts)[0])[2], "piano:60:80");
  EXPECT_EQ(Words((*excerpts)[1])[2], "piano:64:80");  // note 400
}

TEST(TextTest, AShortPieceHasOneExcerpt) {
  const auto excerpts = ExcerptsOf(BarFormat(), LongPiece(20));
  ASSERT_TRUE(excerpts.ok()) << excerpts.status();
  ASSERT_EQ(excerpts->size(), 1u);
  // Prefix, <S>, 160 notes, 9 segments after the first.
  EXPECT_EQ((*excerpts)[0].size(), 2u + 3 * 160 + 9);
}

TEST(TextTest, PagesHoldThePieceOnce) {
  const auto pages = PagesOf(BarFormat(), LongPiece(100), 64);
  ASSERT_TRUE(pages.ok()) << pages.status();
  ASSERT_EQ(pages->size(), 2u);
  EXPECT_EQ((*pages)[0].size(), 2u + 3 * 8 * 64 + 31);
  EXPECT_EQ((*pages)[1].size(), 2u + 3 * 8 * 36 + 17);
}

// Expects `id` with probability `sure` and all else alike, unless it stands
// behind what `shape` looks for.
using Expecting = std::function<TokenId(absl::Span<const TokenId> before)>;
Reader Expect(double sure, Expecting expecting) {
  const TokenFormat format = BarFormat();
  const auto rows = static_cast<size_t>(format.vocabulary.size());
  const double others = (1 - sure) / static_cast<double>(rows - 1);
  return {format, rows, 50,
          [=](absl::Span<const TokenId> text, absl::Span<float> logits) {
            for (size_t i = 0; i < text.size(); ++i) {
              const auto row = logits.subspan(i * rows, rows);
              // Any constant added to all logits says the same.
              std::fill(row.begin(), row.end(),
                        static_cast<float>(std::log(others) + 50));
              row[static_cast<size_t>(expecting(text.first(i + 1)))] =
                  static_cast<float>(std::log(sure) + 50);
            }
            return absl::OkStatus();
          }};
}

TEST(LikelihoodTest, CountsByClassSourceAndNote) {
  // Knows that an onset follows a note and that it is 0, and nothing else.
  const TokenFormat format = BarFormat();
  const TokenId onset = format.vocabulary.OnsetId(0);
  const Reader reader =
      Expect(0.5, [=](absl::Span<const TokenId>) { return onset; });
  const auto pair =
      PairOf(format, Bars(2, {At(0, 60), At(0, 64)}), Bars(2, {At(0, 62)}), {});
  ASSERT_TRUE(pair.ok());
  Likelihood sum;
  ASSERT_TRUE(AddText(reader, "a", pair->text, sum).ok());
  ASSERT_TRUE(AddText(reader, "b", pair->text, sum).ok());
  const double other = std::log((2674.0) / 0.5);
  EXPECT_EQ(sum.texts, 2);
  EXPECT_EQ(sum.all.notes, 6);
  EXPECT_EQ(sum.all.tokens, 20);  // 3 notes of 3 tokens and a <T>, twice
  EXPECT_NEAR(sum.by_class["onset"].PerToken(), std::log(2), 1e-4);
  EXPECT_NEAR(sum.by_class["note"].PerToken(), other, 1e-4);
  EXPECT_NEAR(sum.by_class["dur"].PerToken(), other, 1e-4);
  EXPECT_EQ(sum.by_class["time_step"].tokens, 2);
  EXPECT_NEAR(sum.by_source["b"].PerNote(), (3 * std::log(2) + 7 * other) / 3,
              1e-4);
  const auto answer = AnswerNats(reader, *pair);
  ASSERT_TRUE(answer.ok());
  EXPECT_NEAR(*answer, std::log(2) + 3 * other, 1e-4);
}

TEST(LikelihoodTest, ARowIsOfTheTokenAfterIt) {
  const auto pair = PairOf(BarFormat(), Bars(2, {At(0, 60), At(480, 64)}),
                           Bars(2, {At(0, 62)}), {});
  ASSERT_TRUE(pair.ok());
  const Text& text = pair->text;
  const Reader knows = Expect(0.5, [&](absl::Span<const TokenId> before) {
    return before.size() < text.size() ? text[before.size()] : TokenId{0};
  });
  Likelihood sum;
  ASSERT_TRUE(AddText(knows, "a", text, sum).ok());
  EXPECT_NEAR(sum.all.PerToken(), std::log(2), 1e-4);
}

TEST(LikelihoodTest, WhatAModelCannotExpectIsNamed) {
  const Reader reader = {
      BarFormat(), 2675, 50,
      [](absl::Span<const TokenId>, absl::Span<float> logits) {
        std::fill(logits.begin(), logits.end(),
                  -std::numeric_limits<float>::infinity());
        for (size_t i = 0; i < logits.size(); i += 2675) logits[i] = 0;
        return absl::OkStatus();
      }};
  const auto pair =
      PairOf(BarFormat(), Bars(1, {At(0, 60)}), Bars(1, {At(0, 62)}), {});
  Likelihood sum;
  EXPECT_THAT(AddText(reader, "a", pair->text, sum).message(),
              HasSubstr("cannot expect piano:60:80"));
}

Case CaseOf(const std::string& file, int pitch, int64_t bar = 1920) {
  Case one{file, Bars(2, {At(0, pitch)}), Bars(2, {At(0, pitch)}), {}};
  one.call.bar_length = one.human.bar_length = Ticks::Of(bar);
  return one;
}

TEST(PairingTest, AModelThatListensFindsEveryPair) {
  // Files a and b in 4/4, c alone in its meter.
  const std::vector<Case> cases = {CaseOf("a", 60), CaseOf("a", 60),
                                   CaseOf("b", 62), CaseOf("c", 64, 1440)};
  // Expects the first note again.
  const Reader listens = Expect(0.5, [](absl::Span<const TokenId> before) {
    return before.size() > 2 ? before[2] : TokenId{0};
  });
  const auto found = PairingOf(listens, cases, 2, 1, nullptr);
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_EQ(found->pairs, 6);
  EXPECT_EQ(found->own, 6);
  // One that does not listen wins nothing: a tie is no win.
  const Reader deaf =
      Expect(0.5, [](absl::Span<const TokenId>) { return TokenId{0}; });
  EXPECT_EQ(PairingOf(deaf, cases, 2, 1, nullptr)->own, 0);
  // Of one that reads little: nothing at all.
  Reader little = listens;
  little.max_tokens = 5;
  EXPECT_EQ(PairingOf(little, cases, 2, 1, nullptr)->pairs, 0);
}

}  // namespace
}  // namespace antiphon::inference
