// SPDX-License-Identifier: Apache-2.0
//
// What goes wrong on a stage, done to the real programs while a master clock
// runs and an ear listens: losing the service silences nothing, SIGTERM does
// within a tenth of a second, an instrument that was unplugged or whose edge
// was killed holds no note of before, and each time the music is back as soon
// as a whole bar has been played.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "tests/integration/live_session.h"
#include "tests/integration/synth.h"

namespace antiphon::testing {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;
using Bytes = std::vector<uint8_t>;

constexpr double kTempo = 120;

const Bytes kPedalUp = {0xB2, 64, 0};
const Bytes kAllNotesOff = {0xB2, 123, 0};

class OutageTest : public LiveSession {
 protected:
  static constexpr int kChannel = 2;  // "--channel=3"

  OutageTest() { edge_flags_ = {"--channel=3"}; }

  void Begin() {
    StartJackMidiClock(kTempo, {});
    transport_->Start();
  }
  // The bar of the song that is being played.
  int64_t BarNow() const { return LastPulse().song / kPulsesPerBar; }
  // What the ear has heard when nothing more can come of it.
  size_t KillEdge() {
    edge_->Signal(SIGKILL);
    EXPECT_EQ(edge_->WaitForExit(std::chrono::seconds(2)), 128 + SIGKILL);
    Wait(absl::Milliseconds(20));
    return ear_->count();
  }
  static std::vector<Bytes> BytesOf(const std::vector<HeardEvent>& events,
                                    size_t begin, size_t end) {
    std::vector<Bytes> bytes;
    for (size_t i = begin; i < end; ++i) bytes.push_back(events[i].bytes);
    return bytes;
  }
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
  by_transport_ = true;
  Begin();
  const int64_t before = AwaitJudgeable(1);
  const size_t killed = KillEdge();
  AwaitStop([&] { transport_->Stop(); });
  StartEdge();
  transport_->Locate(0);
  Wait(absl::Milliseconds(200));
  transport_->Start();
  const int64_t after = AwaitJudgeable(before);  // the same note again
  Wait(absl::Milliseconds(20));
  const MonoTime terminated = rt::Now();
  edge_->Signal(SIGTERM);
  AwaitStop([&] { transport_->Stop(); });
  EXPECT_EQ(edge_->WaitForExit(std::chrono::seconds(2)), 0);

  // Nobody may have been connected to its port when it was opened.
  const std::vector<HeardEvent> events = ear_->Events();
  const size_t first = NextNoteOn(events, killed);
  ASSERT_LT(first, events.size());
  EXPECT_THAT(SoundingAfter(events, killed),
              Contains(Key{kChannel, PitchOf(before, kLong)}));
  EXPECT_THAT(SoundingAfter(events, first), IsEmpty());
  EXPECT_THAT(BytesOf(events, killed, first),
              AllOf(Contains(kPedalUp), Contains(kAllNotesOff)));
  AnswerJudge judge = Judge();
  const std::vector<int64_t> bars = judge.JudgeAll();
  ExpectInTime(judge);
  EXPECT_EQ(bars, Bars({{2, before + 1}, {2, after + 1}}));
  EXPECT_EQ(AnsweredBars(), bars);
  EXPECT_LE(judge.MillisecondsToSilence(terminated), kMsToSilence);
}

// Nobody may have been connected to its port when it was opened: a reset that
// went out then is lost, and no note brings another one.
TEST_F(OutageTest, AnInstrumentThatIsConnectedAgainHoldsNoNoteOfAKilledEdge) {
  Begin();
  AwaitAnswer(1);
  const size_t killed = KillEdge();
  AwaitStop([&] { transport_->Stop(); });
  EXPECT_THAT(SoundingAfter(ear_->Events(), killed),
              Contains(Key{kChannel, PitchOf(1, kLong)}));
  connects_ear_ = false;
  StartEdge();
  EXPECT_EQ(ear_->count(), killed);
  const MonoTime connected = rt::Now();
  ASSERT_TRUE(ear_->Hear(kEdgeOut).ok());
  ASSERT_TRUE(Eventually([&] { return ear_->count() >= killed + 2; }));

  const std::vector<HeardEvent> events = ear_->Events();
  EXPECT_THAT(BytesOf(events, killed, events.size()),
              ElementsAre(kPedalUp, kAllNotesOff));
  EXPECT_THAT(SoundingAfter(events, events.size()), IsEmpty());
  const double silent =
      absl::ToDoubleMilliseconds(events.back().at - connected);
  std::printf("silent %.1f ms after it was connected\n", silent);
  EXPECT_LE(silent, kMsToSilence);
}

class NamedOutputTest : public OutageTest {
 protected:
  NamedOutputTest() {
    edge_flags_.emplace_back("--out=ear:in");
    connects_ear_ = false;
  }
};

TEST_F(NamedOutputTest, AnInstrumentHoldsNoNoteOnceItsPortIsOpenAgain) {
  Begin();
  AwaitAnswer(1);
  Wait(absl::Milliseconds(50));  // well into the note
  ear_.reset();
  Wait(absl::Milliseconds(200));
  ear_ = JackListener::Create("ear").value();
  ASSERT_TRUE(Eventually([&] { return ear_->count() > 0; }));
  const int64_t back = BarNow() + 1;
  AwaitAnswer(back - 1);
  const size_t killed = KillEdge();
  AwaitStop([&] { transport_->Stop(); });
  const size_t silent_from = ear_->count();
  StartEdge();

  // The instrument vanished.
  const std::vector<HeardEvent> events = ear_->Events();
  const std::vector<Bytes> owed = BytesOf(events, 0, NextNoteOn(events, 0));
  const Bytes off = {0x82, PitchOf(1, kLong), 0};
  const auto reset = std::find(owed.begin(), owed.end(), kPedalUp);
  EXPECT_THAT(std::vector<Bytes>(owed.begin(), reset), Contains(off));
  EXPECT_THAT(std::vector<Bytes>(reset, owed.end()), Contains(kAllNotesOff));
  EXPECT_TRUE(SoundsInBar(NotesOf(events), back));
  // The edge was killed.
  EXPECT_THAT(SoundingAfter(events, killed),
              Contains(Key{kChannel, PitchOf(back - 1, kLong)}));
  EXPECT_EQ(silent_from, killed);
  EXPECT_THAT(BytesOf(events, killed, events.size()),
              ElementsAre(kPedalUp, kAllNotesOff));
  EXPECT_THAT(SoundingAfter(events, events.size()), IsEmpty());
}

}  // namespace
}  // namespace antiphon::testing
