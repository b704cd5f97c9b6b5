// SPDX-License-Identifier: Apache-2.0
#include "tests/integration/answer_judge.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace antiphon::testing {
namespace {

constexpr double kPulseMs = 20;

// A musician in time, run after run, and an edge that answers in time.
class AnswerJudgeTest : public ::testing::Test {
 protected:
  // From a bar line on.
  void Play(int run, int pulses) {
    const MonoTime begin = now_;
    for (int song = 0; song < pulses; ++song) {
      testimony_.pulses.push_back(
          {.run = run, .song = song, .at = begin + Pulses(song)});
    }
    for (int bar = 0; bar * kPulsesPerBar < pulses; ++bar) {
      for (size_t i = 0; i < kBarNotes.size(); ++i) {
        const int song = bar * kPulsesPerBar + kBarNotes[i].on;
        if (song < pulses) Strike(run, song, static_cast<int>(i), begin);
      }
    }
    now_ = begin + Pulses(pulses) + absl::Seconds(1);
    testimony_.transport.push_back(
        {.status = kStop, .run = run, .at = begin + Pulses(pulses)});
    for (const JackMusician::Onset& onset : testimony_.onsets) {
      if (onset.run == run) Answer(onset, begin, pulses);
    }
  }

  bool HasJudgedAll() const {
    AnswerJudge judge(testimony_, kPulseMs, 0);
    judge.JudgeAll();
    return judge.HasJudgedAll();
  }

  Testimony testimony_;

 private:
  static absl::Duration Pulses(int64_t count) {
    return absl::Milliseconds(kPulseMs * static_cast<double>(count));
  }
  void Strike(int run, int song, int note, MonoTime begin) {
    testimony_.onsets.push_back(
        {.song = song, .run = run, .note = note, .at = begin + Pulses(song)});
  }
  // Until the clock ends.
  void Answer(const JackMusician::Onset& onset, MonoTime begin, int pulses) {
    const int64_t song =
        onset.song + AnswerJudge::kAnswerBarsLater * kPulsesPerBar;
    if (song >= pulses) return;
    // The key that was held over a line is let go on it.
    const BarNote& note = kBarNotes[static_cast<size_t>(onset.note)];
    const int64_t held = std::min(note.off, kPulsesPerBar) - note.on;
    const int64_t off = std::min<int64_t>(song + held, pulses);
    const auto pitch =
        static_cast<uint8_t>(PitchOf(onset.song / kPulsesPerBar, onset.note));
    testimony_.heard.push_back({begin + Pulses(song), {0x90, pitch, 80}});
    testimony_.heard.push_back({begin + Pulses(off), {0x80, pitch, 0}});
  }

  MonoTime now_ = MonoTime::FromNanos(0);
};

TEST_F(AnswerJudgeTest, NothingHeardIsNothingJudged) {
  EXPECT_FALSE(HasJudgedAll());
  Play(1, kPulsesPerBar);
  EXPECT_FALSE(HasJudgedAll());
}

TEST_F(AnswerJudgeTest, ARunOfWholeBarsIsJudged) {
  Play(1, 4 * kPulsesPerBar + 1);
  EXPECT_TRUE(HasJudgedAll());
}

// Three of its answers came, and nothing is wrong with them.
TEST_F(AnswerJudgeTest, ARunWithoutAWholeBarIsNotAskedFor) {
  Play(1, 4 * kPulsesPerBar + 1);
  Play(2, 2 * kPulsesPerBar + 14);
  EXPECT_TRUE(HasJudgedAll());
}

TEST_F(AnswerJudgeTest, ARunOfTooFewDistancesIsNotJudged) {
  Play(1, 4 * kPulsesPerBar + 1);
  Play(2, 4 * kPulsesPerBar + 1);
  // JACK halts all the while.
  for (const JackMusician::Pulse& pulse : testimony_.pulses) {
    if (pulse.run != 2) continue;
    testimony_.stalls.push_back({pulse.at, JackMusician::LeastStall()});
  }
  EXPECT_FALSE(HasJudgedAll());
}

}  // namespace
}  // namespace antiphon::testing
