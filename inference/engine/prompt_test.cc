// SPDX-License-Identifier: Apache-2.0
#include "inference/engine/prompt.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "inference/engine/fake_session.h"

namespace antiphon::inference {
namespace {

using ::testing::ElementsAre;

const Vocabulary kDemo25(VocabularyKind::kDemo25);

ModelInfo InfoOf(const Vocabulary& vocabulary) {
  ModelInfo info = FakeModel::DefaultInfo();
  info.vocabulary_rows = vocabulary.size();
  return info;
}

// Two bars of a tick to the millisecond. 60 ends with the pedal's first press,
// 62 sounds as long as its key is down; nothing else happens.
Job TwoBars() {
  Job job;
  job.tempos = {{Ticks(), 125}};
  job.bar_lines = {Ticks(), Ticks::Of(1920)};
  job.cut = Ticks::Of(3840);
  job.notes = {{Ticks::Of(100), Ticks::Of(900), 60, 80},
               {Ticks::Of(2000), Ticks::Of(500), 62, 80}};
  return job;
}

antiphon::PedalChange Down(int64_t tick) { return {Ticks::Of(tick), true}; }
antiphon::PedalChange Up(int64_t tick) { return {Ticks::Of(tick), false}; }

// "+200 -1000" for pedal tokens at these milliseconds.
std::vector<std::string> PedalsIn(const Prompt& prompt) {
  std::vector<std::string> pedals;
  int64_t segment_ms = 0;
  for (size_t i = 0; i < prompt.tokens.size(); ++i) {
    if (prompt.tokens[i] == kTimeStepToken) segment_ms += kMaxSegmentMs;
    if (kDemo25.ClassOf(prompt.tokens[i]) != TokenClass::kPedal) continue;
    pedals.push_back(
        absl::StrCat(prompt.tokens[i] == kDemo25.PedalId(true) ? "+" : "-",
                     segment_ms + kDemo25.OnsetMs(prompt.tokens[i + 1])));
  }
  return pedals;
}

std::vector<std::string> PedalsOf(const Job& job, size_t capacity = 1024) {
  return PedalsIn(*PromptOf(job, kDemo25, InfoOf(kDemo25), capacity));
}

TEST(PedalPrompt, PressesThatNoNoteNeedsAreLeftOut) {
  Job job = TwoBars();
  job.pedals = {Up(10),     Down(200), Down(300),  Up(1000), Up(1100),
                Down(1200), Up(1300),  Down(2510), Up(2600)};
  EXPECT_THAT(PedalsOf(job), ElementsAre("+200", "-1000"));
}

TEST(PedalPrompt, WhatIsDownAtTheCutStaysDownIfItHoldsANote) {
  Job job = TwoBars();
  job.pedals = {Down(2600)};
  EXPECT_THAT(PedalsOf(job), ElementsAre());  // since 62 is over
  for (const HeldBy by : {HeldBy::kPedal, HeldBy::kKey}) {
    job.notes[1].duration = Ticks::Of(1840);
    job.notes[1].held_by = by;
    EXPECT_THAT(PedalsOf(job), ElementsAre("+2600"));
  }
  // No tokens after the cut, nor of it.
  job.pedals = {Down(2600), Up(3840), Down(3850)};
  EXPECT_THAT(PedalsOf(job), ElementsAre("+2600"));
}

TEST(PedalPrompt, ADroppedBarsPedalStaysDown) {
  Job job = TwoBars();
  job.notes[1].duration = Ticks::Of(700);
  job.pedals = {Down(200), Up(1000), Down(1900), Up(2700)};
  EXPECT_THAT(PedalsOf(job), ElementsAre("+200", "-1000", "+1900", "-2700"));
  const auto one_bar = PromptOf(job, kDemo25, InfoOf(kDemo25), 9);
  ASSERT_TRUE(one_bar.has_value());
  EXPECT_EQ(one_bar->bars, 1u);
  EXPECT_EQ(one_bar->tokens.size(), 9u);
  EXPECT_THAT(PedalsIn(*one_bar), ElementsAre("+0", "-780"));
}

TEST(PedalPrompt, AnAnswersNotesAreNotThePedals) {
  Job job = TwoBars();
  job.pedals = {Down(200), Up(1000)};
  job.notes[0].source = NoteSource::kAnswer;
  EXPECT_THAT(PedalsOf(job), ElementsAre());
}

TEST(PedalPrompt, HeldNotesAreFoundBetweenThem) {
  Job job = TwoBars();
  job.pedals = {Down(200), Up(1000), Down(2400)};
  job.notes[1].duration = Ticks::Of(1840);
  job.notes[1].held_by = HeldBy::kPedal;
  const Prompt prompt = *PromptOf(job, kDemo25, InfoOf(kDemo25), 1024);
  ASSERT_EQ(prompt.held.size(), 1u);
  EXPECT_EQ(prompt.held[0].so_far_ms, 1840);
  EXPECT_EQ(prompt.tokens[prompt.held[0].at], kDemo25.DurId(1840));
}

TEST(PedalPrompt, AVocabularyWithoutPedalsHasNone) {
  const Vocabulary vocabulary(VocabularyKind::kDefault);
  Job job = TwoBars();
  const auto without = PromptOf(job, vocabulary, InfoOf(vocabulary), 1024);
  job.pedals = {Down(200), Up(1000)};
  const auto with = PromptOf(job, vocabulary, InfoOf(vocabulary), 1024);
  EXPECT_EQ(with->tokens, without->tokens);
}

// The model lifts and presses the pedal between its notes: that is not the end,
// and nobody hears of it.
TEST(PedalAnswer, PedalsAreDrawnAndNotesAreSent) {
  for (const VocabularyKind kind :
       {VocabularyKind::kDemo25, VocabularyKind::kDemo26}) {
    const Vocabulary vocabulary(kind);
    // Two bars of 1920 ms are read: the answer begins at 3840 ms.
    const auto answerer = Wishing(
        [&](const Grammar& grammar) {
          switch (grammar.expects()) {
            case Grammar::Expects::kNoteOnset:
              return vocabulary.OnsetId(4000);
            case Grammar::Expects::kOtherOnset:
              return vocabulary.OnsetId(grammar.note().onset_ms < 3840 ? 3900
                                                                       : 4100);
            case Grammar::Expects::kDuration:
              return vocabulary.DurId(500);
            default:
              break;
          }
          const int last = grammar.last_onset_ms();
          if (last < 3840) return vocabulary.PedalId(false);
          if (last == 3900) return vocabulary.NoteId(72, 60);
          return last == 4000 ? vocabulary.PedalId(true) : kEosToken;
        },
        InfoOf(vocabulary));
    Job job = TwoBars();
    job.deadline = rt::Now() + absl::Seconds(30);
    job.sampling = Sampling{0, 1, std::nullopt};
    job.pedals = {Down(2400)};
    job.notes[1].duration = Ticks::Of(700);
    job.pedals.push_back(Up(2700));
    job.pedals.push_back(Down(2750));
    job.notes.push_back({.tick = Ticks::Of(2800),
                         .duration = Ticks::Of(1040),
                         .pitch = 64,
                         .velocity = 80,
                         .held_by = HeldBy::kPedal});
    Collector sink;
    EXPECT_EQ(answerer->Answer(job, sink).reason, EndReason::kComplete);
    EXPECT_THAT(answerer->drawn(),
                ElementsAre(vocabulary.PedalId(false), vocabulary.OnsetId(3900),
                            vocabulary.NoteId(72, 60), vocabulary.OnsetId(4000),
                            vocabulary.DurId(500), vocabulary.PedalId(true),
                            vocabulary.OnsetId(4100)));
    ASSERT_EQ(sink.notes.size(), 1u);
    EXPECT_EQ(sink.notes[0].tick.count(), 160);
    EXPECT_EQ(sink.notes[0].duration.count(), 500);
  }
}

TEST(PedalAnswer, APedalBeyondTheBarIsItsEnd) {
  const auto answerer = Wishing(
      [](const Grammar& grammar) {
        if (grammar.expects() == Grammar::Expects::kOtherOnset) {
          return kDemo25.OnsetId(800);
        }
        return grammar.segment_start_ms() == 0 ? kTimeStepToken
                                               : kDemo25.PedalId(true);
      },
      InfoOf(kDemo25));
  Job job = TwoBars();
  job.deadline = rt::Now() + absl::Seconds(30);
  Collector sink;  // until 5760 ms
  EXPECT_EQ(answerer->Answer(job, sink).reason, EndReason::kEmpty);
  EXPECT_THAT(answerer->drawn(),
              ElementsAre(kTimeStepToken, kDemo25.PedalId(true)));
}

}  // namespace
}  // namespace antiphon::inference
