// SPDX-License-Identifier: Apache-2.0
//
// Masters of MIDI clock that others wrote drive the real edge, and an
// independent ear judges it: bars begin where the master's bars begin, answers
// come two bars later at the same place, and START, STOP, CONTINUE, song
// position and a lost clock each do what MIDI says. Two masters with different
// habits: jack_midi_clock follows JACK's transport, tells song positions and is
// silent while stopped; Csound knows no position and never stops its clock.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <cstdio>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/integration/live_session.h"

namespace antiphon::testing {
namespace {

using ::testing::ElementsAre;

// ---- jack_midi_clock ----

struct Rolling {
  double tempo;
  // From the position where the transport is put to the bar line from which
  // jack_midi_clock counts on. Whole periods of JACK: with anything else it
  // counts a pulse too few, as the comparison with JACK's transport would show.
  int lead_pulses;
  // In percent of a pulse. It is added to each interval, so that the clock
  // wanders away from JACK's transport, which then is no measure.
  int jitter;

  friend void PrintTo(const Rolling& rolling, std::ostream* out) {
    *out << rolling.tempo << " per minute, jitter " << rolling.jitter << " %";
  }
};

class JackMidiClock : public LiveSession,
                      public ::testing::WithParamInterface<Rolling> {
 protected:
  void Begin() {
    const Rolling& p = GetParam();
    by_transport_ = p.jitter == 0;
    StartJackMidiClock(
        p.tempo, {"-d", absl::StrCat(p.lead_pulses / 24.0 * 60 / p.tempo), "-J",
                  absl::StrCat(p.jitter)});
  }
  void Locate(int64_t bar) {
    transport_->Locate(bar * kPulsesPerBar - GetParam().lead_pulses);
  }
  std::vector<int> Said() const {
    std::vector<int> said;
    for (const auto& message : musician_->transport().All()) {
      if (message.status != kSongPosition) said.push_back(message.status);
    }
    return said;
  }
};

class FrozenJackMidiClock : public LiveSession {
 protected:
  static constexpr double kTempo = 100;
};

TEST_P(JackMidiClock, StartStopContinueAndLocate) {
  Begin();
  transport_->Start();
  const int64_t first = AwaitJudgeable(1);
  const MonoTime stopped = AwaitStop([&] { transport_->Stop(); });
  Locate(9);  // while it stands
  Wait(absl::Milliseconds(300));
  transport_->Start();
  const int64_t second = AwaitJudgeable(10);
  const MonoTime located = AwaitStop([&] { Locate(4); });  // while it rolls
  const int64_t third = AwaitJudgeable(5);
  AwaitStop([&] { transport_->Stop(); });
  Wait(absl::Milliseconds(200));

  AnswerJudge judge = Judge();
  const std::vector<int64_t> bars = judge.JudgeAll();
  ExpectInTime(judge);
  EXPECT_THAT(Said(),
              ElementsAre(kStart, kStop, kContinue, kStop, kContinue, kStop));
  EXPECT_EQ(bars, Bars({{2, first + 1}, {11, second + 1}, {6, third + 1}}));
  EXPECT_EQ(AnsweredBars(), bars);
  EXPECT_LE(judge.MillisecondsToSilence(stopped), kMsToSilence);
  EXPECT_LE(judge.MillisecondsToSilence(located), kMsToSilence);
}

// It goes on without a word, where JACK's transport has got to meanwhile.
TEST_F(FrozenJackMidiClock, GoesOnWhereItWasLost) {
  StartJackMidiClock(kTempo, {});
  transport_->Start();
  const int64_t first = AwaitJudgeable(1);
  Wait(absl::Milliseconds(50));  // well into the note
  const MonoTime lost = FreezeMaster(absl::Milliseconds(700));
  const int64_t second = AwaitJudgeable(first + 4);
  AwaitStop([&] { transport_->Stop(); });
  Wait(absl::Milliseconds(200));

  AnswerJudge judge = Judge();
  const std::vector<int64_t> bars = judge.JudgeAll();
  ExpectInTime(judge);
  EXPECT_EQ(bars, Bars({{2, first + 1}, {first + 5, second + 1}}));
  EXPECT_EQ(AnsweredBars(), bars);
  ExpectFreewheel(judge, lost);
}

INSTANTIATE_TEST_SUITE_P(Steady, JackMidiClock,
                         ::testing::Values(Rolling{120, 24, 0}));
INSTANTIATE_TEST_SUITE_P(Jittering, JackMidiClock,
                         ::testing::Values(Rolling{100, 48, 2}));

// ---- Csound ----

class Csound : public LiveSession {
 protected:
  static constexpr double kTempo = 100;

  void Begin() {
    tempo_ = kTempo;
    std::vector<std::string> words = {
        "csound", absl::StrCat("--smacro:HZ=", kTempo * 24 / 60),
        absl::StrCat(ANTIPHON_SOURCE_DIR,
                     "/tests/integration/clock_master.csd")};
    if (server_->real_time()) {
      words.insert(words.begin(), {"chrt", "--fifo", "60"});
    }
    master_ = Start("master", std::move(words));
    ConnectMaster("csound6-midi_out:port");
    Wait(absl::Milliseconds(200));  // clocks before START
  }
  void Send(int message) {
    master_->Say(absl::StrCat("i 1 0 0.01 ", message, "\n"));
  }
  void SendStart() { Send(1); }
  void SendContinue() { Send(2); }
  MonoTime SendStop() {
    return AwaitStop([&] { Send(0); });
  }
};

TEST_F(Csound, StartStopContinueAFrozenAndAKilledMaster) {
  Begin();
  SendStart();
  const int64_t first = AwaitJudgeable(1);
  const MonoTime stopped = SendStop();
  Wait(absl::Milliseconds(250));
  SendContinue();  // inside a bar
  const int64_t second = AwaitJudgeable(first + 4);
  Wait(absl::Milliseconds(50));  // well into the note
  const MonoTime frozen = FreezeMaster(absl::Milliseconds(700));
  const int64_t third = AwaitJudgeable(second + 4);
  Wait(absl::Milliseconds(50));
  master_->Signal(SIGKILL);
  Wait(absl::Milliseconds(500));
  const MonoTime lost = LastPulse().at;
  Begin();
  SendStart();
  const int64_t fourth = AwaitJudgeable(1);
  SendStop();
  Wait(absl::Milliseconds(200));

  AnswerJudge judge = Judge();
  const std::vector<int64_t> bars = judge.JudgeAll();
  ExpectInTime(judge);
  EXPECT_EQ(bars, Bars({{2, first + 1},
                        {first + 5, second + 1},
                        {second + 5, third + 1},
                        {2, fourth + 1}}));
  EXPECT_EQ(AnsweredBars(), bars);
  EXPECT_LE(judge.MillisecondsToSilence(stopped), kMsToSilence);
  ExpectFreewheel(judge, frozen);
  ExpectFreewheel(judge, lost);
}

}  // namespace
}  // namespace antiphon::testing
