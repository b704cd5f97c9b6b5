// SPDX-License-Identifier: Apache-2.0
#include "inference/engine/hearing.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

namespace antiphon::inference {
namespace {

using ::testing::ElementsAre;

constexpr int64_t kBar = 1920;

Note NoteAt(int64_t tick, uint8_t pitch = 60) {
  return {Ticks::Of(tick), Ticks::Of(100), pitch, 80};
}

// Two bars of a tick to the millisecond.
Job JobOf(std::vector<Note> notes) {
  Job job;
  job.tempos = {{Ticks(), 125}};
  job.bar_lines = {Ticks(), Ticks::Of(kBar)};
  job.cut = Ticks::Of(2 * kBar);
  job.notes = std::move(notes);
  return job;
}

std::vector<int64_t> OnsetsOf(const std::vector<Note>& notes) {
  std::vector<int64_t> onsets;
  for (const Note& note : notes) onsets.push_back(note.tick.count());
  return onsets;
}

// Of notes played there.
template <typename... Played>
std::vector<int64_t> Heard(Played... ticks) {
  return OnsetsOf(AsHeard(JobOf({NoteAt(ticks)...})));
}

TEST(Hearing, WhatIsNearASixteenthOrATripletIsHeardThere) {
  EXPECT_THAT(Heard(17), ElementsAre(0));
  EXPECT_THAT(Heard(103), ElementsAre(120));
  EXPECT_THAT(Heard(255), ElementsAre(240));
  EXPECT_THAT(Heard(kBar - 23), ElementsAre(kBar));
  EXPECT_THAT(Heard(480 + 139), ElementsAre(480 + 120));
  EXPECT_THAT(Heard(480 + 141), ElementsAre(480 + 160));
  // Swung.
  EXPECT_THAT(Heard(480 + 308), ElementsAre(480 + 320));
}

TEST(Hearing, WhatIsNearNothingStaysAsItWasPlayed) {
  EXPECT_THAT(Heard(60), ElementsAre(60));
  EXPECT_THAT(Heard(280), ElementsAre(280));            // a light swing
  EXPECT_THAT(Heard(480 + 96), ElementsAre(480 + 96));  // a quintuplet
}

TEST(Hearing, NotesStruckTogetherAreAChord) {
  EXPECT_THAT(Heard(230, 238, 260), ElementsAre(240, 240, 240));
  // Off the grid too.
  EXPECT_THAT(Heard(50, 60, 70), ElementsAre(60, 60, 60));
  // A chord does not grow note by note.
  EXPECT_THAT(Heard(50, 80, 81), ElementsAre(65, 65, 81));
}

TEST(Hearing, HandsErrInTime) {
  Job job = JobOf({NoteAt(22)});
  EXPECT_THAT(OnsetsOf(AsHeard(job)), ElementsAre(0));
  job.tempos[0].quarters_per_minute = 60;
  EXPECT_THAT(OnsetsOf(AsHeard(job)), ElementsAre(22));  // 46 ms
  job = JobOf({NoteAt(50), NoteAt(90, 64)});
  EXPECT_THAT(OnsetsOf(AsHeard(job)), ElementsAre(50, 90));
  job.tempos[0].quarters_per_minute = 180;
  EXPECT_THAT(OnsetsOf(AsHeard(job)), ElementsAre(70, 70));  // 28 ms
}

// Written there, late by `ticks`, and each a little off as hands are.
std::vector<Note> Played(const std::vector<int64_t>& written, int64_t ticks,
                         std::mt19937& random) {
  std::normal_distribution<double> off(static_cast<double>(ticks), 10);
  std::vector<Note> notes;
  for (const int64_t tick : written) {
    notes.push_back(NoteAt(tick + std::llround(off(random))));
  }
  return notes;
}

std::vector<int64_t> Places(std::vector<int64_t> in_beat, int beats) {
  std::vector<int64_t> ticks;
  for (int beat = 1; beat <= beats; ++beat) {
    for (const int64_t tick : in_beat) ticks.push_back(beat * 480 + tick);
  }
  return ticks;
}

// Of played `in_beat`s, in 100 jobs of six beats; a tick is a millisecond.
double ShareHeardAsWritten(const std::vector<int64_t>& in_beat, int64_t late) {
  std::mt19937 random(7);
  const std::vector<int64_t> written = Places(in_beat, 6);
  double right = 0;
  for (int i = 0; i < 100; ++i) {
    const auto heard = OnsetsOf(AsHeard(JobOf(Played(written, late, random))));
    for (size_t at = 0; at < heard.size(); ++at) {
      right += heard[at] == written[at] ? 1 : 0;
    }
  }
  return right / static_cast<double>(100 * written.size());
}

TEST(Hearing, LateAndEarlyPlayersAreHeardAsWritten) {
  for (const int64_t late : {-30, -15, 0, 15, 30}) {
    SCOPED_TRACE(late);
    EXPECT_GT(ShareHeardAsWritten({0, 240}, late), .9);
    EXPECT_GT(ShareHeardAsWritten({0, 320}, late), .9);  // swung
    EXPECT_GT(ShareHeardAsWritten({0, 120, 240, 360}, late), .9);
    EXPECT_GT(ShareHeardAsWritten({0, 160, 320}, late), .9);
  }
}

TEST(Hearing, MoreThanFortyMillisecondsAreNotTakenOff) {
  EXPECT_LT(ShareHeardAsWritten({0, 240}, 65), .1);
}

// What was struck early comes on the line, what else is early does not.
TEST(Hearing, AnEarlyDownbeatThatTheEdgePutOnItsLineStaysThere) {
  std::vector<int64_t> played, written;
  for (int64_t tick = 0; tick < 2 * kBar; tick += 240) {
    written.push_back(tick);
    played.push_back(tick % kBar == 0 ? tick : tick - 30);
  }
  std::vector<Note> notes;
  for (const int64_t tick : played) notes.push_back(NoteAt(tick));
  EXPECT_EQ(OnsetsOf(AsHeard(JobOf(notes))), written);
}

TEST(Hearing, WhatIsNearNothingIsEarlierToo) {
  std::vector<Note> notes;
  for (int i = 1; i < 12; ++i) notes.push_back(NoteAt(i * 240 + 25));
  notes.push_back(NoteAt(12 * 240 + 55 + 25));
  EXPECT_EQ(OnsetsOf(AsHeard(JobOf(notes))).back(), 12 * 240 + 55);
}

TEST(Hearing, WrittenMusicStaysAsItIs) {
  for (const std::vector<int64_t>& in_beat :
       std::vector<std::vector<int64_t>>{{0, 240},
                                         {0, 160, 320},
                                         {0, 80, 160, 240, 320, 400},
                                         {0, 60, 120, 180, 240, 300, 360, 420},
                                         {0, 180, 240, 420},
                                         {0, 96, 192, 288, 384},
                                         {0, 280}}) {
    SCOPED_TRACE(in_beat[1]);
    const std::vector<int64_t> written = Places(in_beat, 6);
    for (const double tempo : {50, 90, 125, 180}) {
      SCOPED_TRACE(tempo);
      std::vector<Note> notes;
      for (const int64_t tick : written) notes.push_back(NoteAt(tick));
      Job job = JobOf(notes);
      job.tempos[0].quarters_per_minute = tempo;
      EXPECT_EQ(OnsetsOf(AsHeard(job)), written);
    }
  }
}

// Played, it is no lateness: the beats stay on the beat.
TEST(Hearing, ALightSwingIsNoLateness) {
  std::mt19937 random(7);
  const std::vector<int64_t> written = Places({0, 284}, 6);
  int on_beat = 0;
  for (int i = 0; i < 100; ++i) {
    const auto heard = OnsetsOf(AsHeard(JobOf(Played(written, 0, random))));
    for (size_t at = 0; at < heard.size(); at += 2) {
      on_beat += heard[at] == written[at] ? 1 : 0;
    }
  }
  EXPECT_GT(on_beat, 540);  // of 600
}

TEST(Hearing, AtFastTemposTicksKeepApartWhatIsWritten) {
  for (const double tempo : {250, 320, 400}) {
    SCOPED_TRACE(tempo);
    std::vector<Note> notes;
    for (int i = 0; i < 30; ++i) notes.push_back(NoteAt(i * 120 + i % 3 * 5));
    Job job = JobOf(notes);
    job.tempos[0].quarters_per_minute = tempo;
    std::vector<int64_t> written;
    for (int i = 0; i < 30; ++i) written.push_back(i * 120);
    EXPECT_EQ(OnsetsOf(AsHeard(job)), written);
  }
}

TEST(Hearing, WhatIsBeforeTheFirstLineIsLeftAlone) {
  Job job = JobOf({NoteAt(-300), NoteAt(kBar + 20)});
  job.bar_lines = {Ticks::Of(kBar)};
  EXPECT_THAT(OnsetsOf(AsHeard(job)), ElementsAre(-300, kBar));
  job.bar_lines.clear();
  EXPECT_EQ(AsHeard(job), job.notes);
}

TEST(Hearing, ABarIsCountedFromItsOwnLine) {
  Job job = JobOf({NoteAt(1680 + 158)});
  job.bar_lines = {Ticks(), Ticks::Of(1680)};  // 7/8: no whole triplets
  EXPECT_THAT(OnsetsOf(AsHeard(job)), ElementsAre(1680 + 160));
  // A pickup of a sixteenth and a quarter is the end of a bar.
  job = JobOf({NoteAt(5), NoteAt(118), NoteAt(118 + 160)});
  job.bar_lines = {Ticks(), Ticks::Of(600)};
  job.origin_meter = Meter{4, 4};
  EXPECT_THAT(OnsetsOf(AsHeard(job)), ElementsAre(0, 120, 280));
}

TEST(Hearing, NothingIsHeardAtTheCutOrLater) {
  EXPECT_THAT(Heard(2 * kBar - 10), ElementsAre(2 * kBar - 10));
}

TEST(Hearing, AnswersStayAsTheyAre) {
  Job job = JobOf({NoteAt(10), NoteAt(12)});
  job.notes[1].source = NoteSource::kAnswer;
  EXPECT_THAT(OnsetsOf(AsHeard(job)), ElementsAre(0, 12));
}

TEST(Hearing, OnlyAHeldNoteLastsUntilTheSameTick) {
  Job job = JobOf({NoteAt(10), NoteAt(15, 64)});
  job.notes[1].duration = job.cut - Ticks::Of(15);
  job.notes[1].held_by = HeldBy::kKey;
  const std::vector<Note> heard = AsHeard(job);
  EXPECT_THAT(OnsetsOf(heard), ElementsAre(0, 0));
  EXPECT_EQ(heard[0].duration, Ticks::Of(100));
  EXPECT_EQ(heard[1].end(), job.cut);
}

TEST(Hearing, NothingPlayedIsNothingHeard) {
  EXPECT_THAT(AsHeard(JobOf({})), ElementsAre());
}

// Four voices: one alone would be out of reach, and some would be.
TEST(Hearing, APlayedChordIsHeardAsOne) {
  std::mt19937 random(1);
  std::vector<Note> notes;
  for (int64_t onset = 240; onset < 2 * kBar; onset += 240) {
    for (const int64_t off : {-13, 4, 13, 15}) {
      notes.push_back(NoteAt(onset + 12 + off, static_cast<uint8_t>(60 + off)));
    }
  }
  const std::vector<int64_t> heard = OnsetsOf(AsHeard(JobOf(notes)));
  for (size_t i = 0; i < heard.size(); ++i) {
    EXPECT_EQ(heard[i], static_cast<int64_t>(i / 4 + 1) * 240);
  }
}

}  // namespace
}  // namespace antiphon::inference
