// SPDX-License-Identifier: Apache-2.0
#include "edge/clock/clock_follower.h"

#include <gtest/gtest.h>

#include <utility>

namespace antiphon::edge {
namespace {

using Change = ClockFollower::Change;
constexpr int64_t kPeriod = 20'000'000;  // 125 BPM

// A host that sends clocks at a steady rate.
class Host {
 public:
  explicit Host(Meter meter = {}) : follower(MeterMap(meter)) {}
  explicit Host(ClockFollower::Options options)
      : follower(std::move(options)) {}

  Change Send(const MidiMessage& message) {
    return follower.OnMessage({now, message});
  }
  Change Clock() {
    const Change change = Send(MidiMessage::Clock());
    now = now + absl::Nanoseconds(kPeriod);
    return change;
  }
  // Clocks that do not come.
  void Skip(int count) { now = now + absl::Nanoseconds(count * kPeriod); }
  Change Clocks(int count) {
    Change change = Change::kNone;
    while (count-- > 0) change = Clock();
    return change;
  }
  BarSpan BarNow() {
    return *follower.timeline().BarAt(
        follower.timeline().TicksAt(now - absl::Nanoseconds(kPeriod)));
  }

  ClockFollower follower;
  MonoTime now = MonoTime::FromNanos(1'000'000'000);
};

TEST(ClockFollower, FirstClockAfterStartIsPulseZero) {
  Host host;
  host.Clocks(10);  // stopped: tempo only
  EXPECT_FALSE(host.follower.timeline().running());
  host.Send(MidiMessage::Start());
  const MonoTime zero = host.now;
  EXPECT_EQ(host.Clock(), Change::kStart);
  EXPECT_EQ(host.follower.timeline().TimeAt(Ticks()), zero);
  EXPECT_NEAR(host.follower.timeline().quarters_per_minute(), 125, 1e-6);
  host.Clocks(96);
  EXPECT_EQ(host.BarNow().bar_index, 1);
  EXPECT_EQ(host.BarNow().play_seq, 1u);
}

TEST(ClockFollower, ClocksWhileStoppedSetAnyTempo) {
  Host host;
  host.Clocks(50);
  for (int i = 0; i < 50; ++i) {
    host.Send(MidiMessage::Clock());
    host.now = host.now + absl::Nanoseconds(kPeriod * 7 / 4);
  }
  EXPECT_NEAR(host.follower.quarters_per_minute(), 125 / 1.75, 0.01);
}

TEST(ClockFollower, StopThenContinueGoesOnAtTheNextPulse) {
  Host host;
  host.Send(MidiMessage::Start());
  host.Clocks(100);
  host.follower.OnBarBegun(1);
  host.Send(MidiMessage::Stop());
  EXPECT_EQ(host.Clock(), Change::kStop);
  host.Clocks(30);
  host.Send(MidiMessage::Continue());
  EXPECT_EQ(host.Clock(), Change::kStart);
  EXPECT_EQ(host.BarNow().bar_index, 1);
  EXPECT_FALSE(host.follower.first_bar_whole());
  EXPECT_EQ(host.follower.first_bar(), 2u);
  EXPECT_EQ(
      host.follower.timeline().TicksAt(host.now - absl::Nanoseconds(kPeriod)),
      Ticks::FromPulses(100));
}

TEST(ClockFollower, ALoneStopActsAfterTwentyMilliseconds) {
  Host host;
  host.Send(MidiMessage::Start());
  host.Clocks(10);
  const MonoTime at = host.now;
  host.Send(MidiMessage::Stop());
  ASSERT_EQ(host.follower.NextDue(), at + absl::Milliseconds(20));
  EXPECT_EQ(host.follower.OnDue(at + absl::Milliseconds(20)), Change::kStop);
  EXPECT_FALSE(host.follower.timeline().running());
}

TEST(ClockFollower, StopAndContinueBetweenTwoClocksChangeNothing) {
  Host host;
  host.Send(MidiMessage::Start());
  host.Clocks(10);
  host.Send(MidiMessage::Stop());
  host.Send(MidiMessage::Continue());
  EXPECT_EQ(host.Clock(), Change::kPulse);
  EXPECT_EQ(host.follower.timeline().epoch(), 1u);
}

TEST(ClockFollower, SongPositionThenContinueStartsThere) {
  Host host;
  host.Send(MidiMessage::SongPosition(32));  // bar 2
  host.Send(MidiMessage::Continue());
  EXPECT_EQ(host.Clock(), Change::kStart);
  EXPECT_EQ(host.BarNow().bar_index, 2);
  EXPECT_TRUE(host.follower.first_bar_whole());
}

TEST(ClockFollower, ALoopKeepsTheEpochAndThePlaySeq) {
  Host host;
  host.Send(MidiMessage::Start());
  host.Clocks(4 * 96);
  host.Send(MidiMessage::SongPosition(0));
  EXPECT_EQ(host.Clock(), Change::kLoop);
  EXPECT_EQ(host.follower.timeline().epoch(), 1u);
  EXPECT_EQ(host.BarNow().bar_index, 0);
  EXPECT_EQ(host.BarNow().play_seq, 4u);
  host.Clocks(96);
  EXPECT_EQ(host.BarNow().bar_index, 1);
  EXPECT_EQ(host.BarNow().play_seq, 5u);
}

TEST(ClockFollower, ALoopLeftEarlyEndsTheBarThere) {
  Host host;
  host.Send(MidiMessage::Start());
  host.Clocks(4 * 96 - 2);
  host.Send(MidiMessage::Start());
  EXPECT_EQ(host.Clock(), Change::kLoop);
  EXPECT_EQ(host.BarNow().play_seq, 4u);
  EXPECT_EQ(host.follower.timeline().Bar(3)->length(), Ticks::FromPulses(94));
}

TEST(ClockFollower, ALoopLeftLateStartsTheBarAgain) {
  Host host;
  host.Send(MidiMessage::Start());
  host.Clocks(4 * 96 + 2);
  EXPECT_EQ(host.BarNow().play_seq, 4u);
  host.Send(MidiMessage::SongPosition(0));
  EXPECT_EQ(host.Clock(), Change::kLoop);
  EXPECT_EQ(host.BarNow().play_seq, 4u);
  EXPECT_EQ(host.BarNow().bar_index, 0);
  EXPECT_EQ(host.BarNow().begin, Ticks::FromPulses(4 * 96 + 2));
}

TEST(ClockFollower, APickupIsAShortBarBeforeTheFirst) {
  ClockFollower follower(
      ClockFollower::Options{MeterMap(Meter{4, 4}, Ticks::FromPulses(24))});
  MonoTime now = MonoTime::FromNanos(1'000'000'000);
  follower.OnMessage({now, MidiMessage::Start()});
  for (int i = 0; i < 30; ++i) {
    follower.OnMessage({now, MidiMessage::Clock()});
    now = now + absl::Nanoseconds(kPeriod);
  }
  const auto pickup = follower.timeline().Bar(0);
  const auto first = follower.timeline().Bar(1);
  ASSERT_TRUE(pickup && first);
  EXPECT_TRUE(pickup->pickup);
  EXPECT_EQ(pickup->length(), Ticks::FromPulses(24));
  EXPECT_FALSE(first->pickup);
  EXPECT_EQ(first->bar_index, 1);
  EXPECT_EQ(first->length(), Ticks::FromPulses(96));
}

TEST(ClockFollower, TheAnchorIsThePulseOfBarZero) {
  Host host;
  host.Clocks(100);
  host.Send(MidiMessage::Start());
  host.Clocks(200);
  EXPECT_EQ(host.follower.anchor_pulse(), 100);
  host.Send(MidiMessage::SongPosition(4 * 16));  // 384 pulses into the song
  host.Clock();
  EXPECT_EQ(host.follower.anchor_pulse(), 300 - 384);
}

TEST(ClockFollower, AJumpInsideABarIsABreak) {
  Host host;
  host.Send(MidiMessage::Start());
  host.Clocks(50);
  host.Send(MidiMessage::SongPosition(0));
  EXPECT_EQ(host.Clock(), Change::kStart);
  EXPECT_EQ(host.follower.timeline().epoch(), 2u);
  EXPECT_EQ(host.BarNow().play_seq, 1u);
}

// Clocks that come in one buffer: a loop and at once a jump from there.
TEST(ClockFollower, ABarThatABreakKeepsFromBeginningLendsItsNumber) {
  Host host;
  host.Send(MidiMessage::Start());
  host.Clocks(4 * 96);
  for (PlaySeq bar = 0; bar < 4; ++bar) host.follower.OnBarBegun(bar);
  host.Send(MidiMessage::SongPosition(0));
  EXPECT_EQ(host.Clock(), Change::kLoop);
  EXPECT_EQ(host.BarNow().play_seq, 4u);
  host.Send(MidiMessage::SongPosition(7));
  EXPECT_EQ(host.Clock(), Change::kStart);
  EXPECT_EQ(host.BarNow().play_seq, 4u);
}

// ---- Clocks missing ----

TEST(ClockFollower, AGapIsCountedByTimeAndStaysSo) {
  Host host;
  host.Send(MidiMessage::Start());
  host.Clocks(100);
  host.Skip(5);
  EXPECT_EQ(host.follower.timeline().TicksAt(host.now), Ticks::FromPulses(105));
  host.Clocks(20);
  EXPECT_EQ(host.follower.timeline().TicksAt(host.now), Ticks::FromPulses(125));
  EXPECT_EQ(host.follower.counts().lost, 5u);
  // The count goes on from there.
  host.Clocks(192 - 125);
  EXPECT_EQ(host.Clock(), Change::kPulse);
  EXPECT_EQ(host.BarNow().begin, Ticks::FromPulses(192));
}

TEST(ClockFollower, ContinueGoesOnBehindTheLostClocks) {
  Host host;
  host.Send(MidiMessage::Start());
  host.Clocks(90);
  host.Skip(5);
  host.Clocks(10);
  host.Send(MidiMessage::Stop());
  host.Clocks(30);
  host.Send(MidiMessage::Continue());
  EXPECT_EQ(host.Clock(), Change::kStart);
  EXPECT_EQ(
      host.follower.timeline().TicksAt(host.now - absl::Nanoseconds(kPeriod)),
      Ticks::FromPulses(105));
}

TEST(ClockFollower, ABurstWithinTheNextBeatRevisesTheCount) {
  Host host;
  host.Send(MidiMessage::Start());
  host.Clocks(100);
  host.Skip(5);
  host.Clocks(10);
  const MonoTime now = host.now;
  host.now = now - absl::Nanoseconds(kPeriod);
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(host.Send(MidiMessage::Clock()), Change::kNone);
  }
  host.now = now;
  host.Clocks(10);
  EXPECT_EQ(host.follower.timeline().TicksAt(host.now), Ticks::FromPulses(125));
  EXPECT_EQ(host.follower.counts().revised, 5u);
}

TEST(ClockFollower, AStalledHostThatBurstsDoesNotRace) {
  Host host;
  host.Send(MidiMessage::Start());
  host.Clocks(100);
  host.Skip(9);
  for (int i = 0; i < 10; ++i) {
    host.Send(MidiMessage::Clock());
    // At no moment is the timeline elsewhere than time says.
    EXPECT_EQ(host.follower.timeline().TicksAt(host.now),
              Ticks::FromPulses(109));
  }
  host.Skip(1);
  host.Clocks(20);
  EXPECT_EQ(host.follower.timeline().TicksAt(host.now), Ticks::FromPulses(130));
  EXPECT_EQ(host.follower.timeline().epoch(), 1u);
  EXPECT_EQ(host.follower.counts().lost, 0u);
}

TEST(ClockFollower, ASongPositionAfterAGapHoldsAsItIs) {
  Host host;
  host.Send(MidiMessage::Start());
  host.Clocks(100);
  host.Skip(5);
  host.Clocks(2);
  // The losses would be found at the very clock that jumps to bar 4.
  host.Send(MidiMessage::SongPosition(64));
  EXPECT_EQ(host.Clock(), Change::kStart);
  EXPECT_EQ(host.BarNow().bar_index, 4);
  EXPECT_EQ(host.BarNow().begin, host.follower.timeline().TicksAt(
                                     host.now - absl::Nanoseconds(kPeriod)));
}

TEST(ClockFollower, BarsAreForeseenFromTheNewestThatBegan) {
  Host host(Meter{1, 32});  // 60 ms
  host.Send(MidiMessage::Start());
  host.Clocks(3);
  const PlaySeq last = host.follower.timeline().LastBar()->play_seq;
  // No clock comes; the conductor goes through what is foreseen.
  for (PlaySeq bar = 1; bar <= last + 2; ++bar) {
    ASSERT_TRUE(host.follower.timeline().Bar(bar)) << bar;
    host.follower.OnBarBegun(bar);
  }
  EXPECT_GE(host.follower.timeline().LastBar()->play_seq, last + 3);
}

// ---- The clock lost ----

TEST(ClockFollower, ALostClockStopsAfterTheFreewheel) {
  Host host;
  host.Send(MidiMessage::Start());
  host.Clocks(10);
  const MonoTime last = host.now - absl::Nanoseconds(kPeriod);
  ASSERT_EQ(host.follower.NextDue(),
            last + absl::Nanoseconds(kPeriod) + absl::Milliseconds(250));
  EXPECT_EQ(
      host.follower.OnDue(*host.follower.NextDue() - absl::Nanoseconds(1)),
      Change::kNone);
  EXPECT_TRUE(host.follower.timeline().running());
  EXPECT_EQ(host.follower.OnDue(*host.follower.NextDue()), Change::kStop);
  EXPECT_FALSE(host.follower.timeline().running());
  EXPECT_TRUE(host.follower.clock_lost());
  EXPECT_EQ(host.follower.losses(), 1u);
}

// The clock is lost after 100 pulses.
class LostClock : public testing::Test {
 protected:
  LostClock() {
    host.Send(MidiMessage::Start());
    host.Clocks(100);
    host.follower.OnDue(*host.follower.NextDue());
    host.now = host.now + absl::Seconds(2);
  }

  Host host;
};

TEST_F(LostClock, GoesOnFromThereAtTheSecondClock) {
  EXPECT_EQ(host.Clock(), Change::kNone);  // perhaps the first of a burst
  EXPECT_EQ(host.Clock(), Change::kStart);
  EXPECT_EQ(
      host.follower.timeline().TicksAt(host.now - absl::Nanoseconds(kPeriod)),
      Ticks::FromPulses(101));
  EXPECT_EQ(host.BarNow().bar_index, 1);
  EXPECT_FALSE(host.follower.first_bar_whole());
}

TEST_F(LostClock, ABurstOnItsReturnIsCountedBeforeTimeRuns) {
  for (const int64_t spacing : {0, 1, 3}) {
    Host again = host;
    for (int i = 0; i < 95; ++i) {
      EXPECT_EQ(again.Send(MidiMessage::Clock()), Change::kNone);
      again.now = again.now + absl::Milliseconds(spacing);
    }
    again.now = again.now - absl::Milliseconds(spacing);
    again.Skip(1);
    EXPECT_EQ(again.Clock(), Change::kStart);
    EXPECT_EQ(again.follower.timeline().TicksAt(again.now -
                                                absl::Nanoseconds(kPeriod)),
              Ticks::FromPulses(195));
    EXPECT_NEAR(again.follower.timeline().quarters_per_minute(), 125, 1e-6);
    EXPECT_EQ(again.follower.timeline().epoch(), 3u);
  }
}

TEST_F(LostClock, StartRunsAtItsFirstClock) {
  host.Send(MidiMessage::Start());
  EXPECT_EQ(host.Clock(), Change::kStart);
  EXPECT_EQ(host.BarNow().bar_index, 0);
}

TEST_F(LostClock, AStopMeanwhileHolds) {
  host.Send(MidiMessage::Stop());
  host.Clocks(5);
  EXPECT_FALSE(host.follower.timeline().running());
}

// ---- A new grid ----

TEST(ClockFollower, AStartOffTheOldGridBeginsANewOne) {
  Host host;
  host.Send(MidiMessage::Start());
  host.Clocks(100);
  host.Send(MidiMessage::Stop());
  host.follower.OnDue(*host.follower.NextDue());
  host.now = host.now + absl::Milliseconds(147);
  host.Send(MidiMessage::Start());
  const MonoTime zero = host.now;
  EXPECT_EQ(host.Clock(), Change::kStart);
  EXPECT_EQ(host.follower.timeline().TimeAt(Ticks()), zero);
  host.Clocks(30);
  EXPECT_EQ(host.follower.timeline().TicksAt(host.now), Ticks::FromPulses(31));
}

TEST(ClockFollower, AStartOnARunningClockKeepsItsGrid) {
  Host host;
  host.Clocks(100);
  host.Send(MidiMessage::Start());
  const MonoTime zero = host.now;
  host.now = host.now + absl::Milliseconds(3);  // this clock is late
  EXPECT_EQ(host.Clock(), Change::kStart);
  EXPECT_EQ(host.follower.timeline().TimeAt(Ticks()), zero);
}

TEST(ClockFollower, TheOffsetMovesTheGrid) {
  for (const int64_t ms : {-15, 40}) {
    const absl::Duration offset = absl::Milliseconds(ms);
    ClockFollower::Options options{MeterMap()};
    options.clock_offset = offset;
    Host host(options);
    host.Send(MidiMessage::Start());
    const MonoTime zero = host.now;
    host.Clocks(50);
    EXPECT_EQ(host.follower.timeline().TimeAt(Ticks()), zero + offset);
    EXPECT_EQ(host.follower.timeline().TicksAt(host.now + offset),
              Ticks::FromPulses(50));
  }
}

// ---- Attaching to a clock that runs ----

TEST(ClockFollower, ThePlayersFirstNoteIsTheDownbeatOfAClockThatRuns) {
  // The nearest pulse, before or after the note.
  for (const int64_t ms : {0, 9, 11, 19}) {
    Host host;
    host.Clocks(60);
    const MonoTime last = host.now - absl::Nanoseconds(kPeriod);
    const MonoTime note = last + absl::Milliseconds(ms);
    EXPECT_EQ(host.follower.OnMessage({note, MidiMessage::NoteOn(0, 60, 90)}),
              Change::kStart);
    const MonoTime line = ms < 10 ? last : host.now;
    EXPECT_EQ(host.follower.timeline().TimeAt(Ticks()), line);
    EXPECT_FALSE(host.follower.first_bar_whole());
    EXPECT_EQ(host.Clock(), Change::kPulse);
    host.Clocks(100);
    EXPECT_EQ(host.follower.timeline().BarAt(Ticks::FromPulses(96))->begin,
              Ticks::FromPulses(96));
    EXPECT_EQ(host.BarNow().bar_index, 1);
  }
}

TEST(ClockFollower, TheFirstSongPositionIsTheNextClockOfAClockThatRuns) {
  Host host;
  host.Clocks(60);
  host.Send(MidiMessage::SongPosition(16 + 4));
  EXPECT_EQ(host.Clock(), Change::kStart);
  EXPECT_EQ(host.BarNow().bar_index, 1);
  EXPECT_FALSE(host.follower.first_bar_whole());
  // A note is only a note now.
  EXPECT_EQ(host.Send(MidiMessage::NoteOn(0, 60, 90)), Change::kNone);
}

TEST(ClockFollower, NobodyAttachesToAClockThatWasToldOf) {
  for (const bool stop : {true, false}) {
    Host host;
    host.Clocks(60);
    host.Send(stop ? MidiMessage::Stop() : MidiMessage::Start());
    EXPECT_EQ(host.Send(MidiMessage::NoteOn(0, 60, 90)), Change::kNone);
    if (!stop) continue;
    host.Send(MidiMessage::SongPosition(0));
    host.Clocks(3);
    EXPECT_FALSE(host.follower.timeline().running());
  }
}

TEST(ClockFollower, NobodyAttachesToAClockThatIsNotThere) {
  Host host;
  EXPECT_EQ(host.Send(MidiMessage::NoteOn(0, 60, 90)), Change::kNone);
  host.Clocks(22);  // not locked
  EXPECT_EQ(host.Send(MidiMessage::NoteOn(0, 60, 90)), Change::kNone);
  host.Clocks(30);
  host.now = host.now + absl::Milliseconds(251);  // 271 after the last
  EXPECT_EQ(host.Send(MidiMessage::NoteOn(0, 60, 90)), Change::kNone);
  host.Send(MidiMessage::SongPosition(0));
  EXPECT_EQ(host.Clock(), Change::kNone);
}

TEST(ClockFollower, MeterGivesTheBarLength) {
  Host host(Meter{6, 8});
  host.Send(MidiMessage::Start());
  host.Clocks(73);
  EXPECT_EQ(host.BarNow().bar_index, 1);
}

}  // namespace
}  // namespace antiphon::edge
