// SPDX-License-Identifier: Apache-2.0
//
// What goes wrong on a stage, done to the real programs while a master clock
// runs and an ear listens: losing the service silences nothing, SIGTERM does
// within a tenth of a second, an edge that was killed comes back clean, and
// each time the music is back as soon as a whole bar has been played.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "tests/integration/live_session.h"

namespace antiphon::testing {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Not;

constexpr double kTempo = 240;

class OutageTest : public LiveSession {
 protected:
  void Begin() {
    StartJackMidiClock(kTempo, {});
    transport_->Start();
  }
  // The bar of the song that is being played.
  int64_t BarNow() const { return LastPulse().song / kPulsesPerBar; }
  // Whether a note began in that bar of the song.
  bool SoundsInBar(const std::vector<SoundedNote>& notes, int64_t bar) const {
    MonoTime begin = MonoTime::Max();
    MonoTime end = MonoTime::Min();
    for (const JackMusician::Pulse& pulse : musician_->pulses().All()) {
      if (pulse.song / kPulsesPerBar != bar) continue;
      begin = std::min(begin, pulse.at);
      end = std::max(end, pulse.at);
    }
    return std::any_of(notes.begin(), notes.end(), [&](const auto& note) {
      return note.on >= begin && note.on < end;
    });
  }
};

TEST_F(OutageTest, LosingTheServiceSilencesNothing) {
  Begin();
  AwaitAnswer(1);
  service_->Signal(SIGKILL);
  AwaitAnswer(2);  // in bar 4: it had arrived before
  AwaitAnswer(2);  // in bar 5: again
  StartService();
  AwaitConnection(2);
  // What is repeated until then is bar 2, which sounds like bar 7.
  const int64_t back = BarNow() % 5 == 2 ? BarNow() + 1 : BarNow();
  AwaitAnswer(back);
  AwaitStop([&] { transport_->Stop(); });
  Wait(absl::Milliseconds(200));

  const std::vector<SoundedNote> notes = NotesOf(ear_->Events());
  for (int64_t bar = 2; bar <= back + 2; ++bar) {
    EXPECT_TRUE(SoundsInBar(notes, bar)) << "bar " << bar;
  }
  for (const SoundedNote& note : notes) EXPECT_TRUE(note.off.has_value());
  std::vector<std::string> outcomes;
  for (const ToldBar& bar : Told()) outcomes.push_back(bar.outcome);
  ASSERT_GE(outcomes.size(), 6u);
  EXPECT_EQ(outcomes[4], "answer");
  EXPECT_EQ(outcomes[5], "repeat");
  EXPECT_THAT(outcomes, Not(Contains("silence")));
}

TEST_F(OutageTest, AKilledEdgeComesBackCleanAndSigtermIsSilence) {
  Begin();
  AwaitAnswer(1);
  const MonoTime killed = rt::Now();
  edge_->Signal(SIGKILL);
  AwaitStop([&] { transport_->Stop(); });
  StartEdge();
  transport_->Locate(0);
  Wait(absl::Milliseconds(200));
  transport_->Start();
  AwaitAnswer(1);
  Wait(absl::Milliseconds(20));
  const MonoTime terminated = rt::Now();
  edge_->Signal(SIGTERM);
  AwaitStop([&] { transport_->Stop(); });
  EXPECT_EQ(edge_->WaitForExit(std::chrono::seconds(2)), 0);

  for (const SoundedNote& note : NotesOf(ear_->Events())) {
    if (note.on > killed || !note.off || *note.off < killed) continue;
    std::printf("the killed edge left pitch %d sounding for %.0f ms\n",
                note.pitch, absl::ToDoubleMilliseconds(*note.off - killed));
  }
  AnswerJudge judge = Judge(true);
  const std::vector<int64_t> bars = judge.JudgeAll();
  ExpectInTime(judge, kTempo);
  EXPECT_THAT(bars, ElementsAre(2, 2));
  EXPECT_EQ(AnsweredBars(), bars);
  EXPECT_LE(judge.MillisecondsToSilence(terminated), kMsToSilence);
}

}  // namespace
}  // namespace antiphon::testing
