// SPDX-License-Identifier: Apache-2.0
#include "edge/clock/clock_follower.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace antiphon::edge {
namespace {

using Change = ClockFollower::Change;
constexpr int64_t kPeriod = 20'000'000;  // 125 BPM

// A host that sends clocks at a steady rate.
class Host {
 public:
  explicit Host(Meter meter = {}) : follower(MeterMap(meter)) {}

  Change Send(const MidiMessage& message) {
    return follower.OnMessage({now, message});
  }
  Change Clock() {
    const Change change = Send(MidiMessage::Clock());
    now = now + absl::Nanoseconds(kPeriod);
    return change;
  }
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

TEST(ClockFollower, StopThenContinueGoesOnAtTheNextPulse) {
  Host host;
  host.Send(MidiMessage::Start());
  host.Clocks(100);
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

TEST(ClockFollower, ALostClockStopsAfterTheFreewheelAndComesBack) {
  Host host;
  host.Send(MidiMessage::Start());
  host.Clocks(10);
  const MonoTime last = host.now - absl::Nanoseconds(kPeriod);
  ASSERT_EQ(host.follower.NextDue(),
            last + absl::Nanoseconds(kPeriod) + absl::Milliseconds(250));
  EXPECT_EQ(
      host.follower.OnDue(*host.follower.NextDue() - absl::Nanoseconds(1)),
      Change::kNone);
  EXPECT_EQ(host.follower.OnDue(*host.follower.NextDue()), Change::kStop);
  host.now = host.now + absl::Seconds(2);
  EXPECT_EQ(host.Clock(), Change::kStart);
}

TEST(ClockFollower, MeterGivesTheBarLength) {
  Host host(Meter{6, 8});
  host.Send(MidiMessage::Start());
  host.Clocks(73);
  EXPECT_EQ(host.BarNow().bar_index, 1);
}

TEST(PulseFilter, QuietsJitterOnceLocked) {
  PulseFilter filter;
  std::mt19937 random(1);
  std::normal_distribution<double> jitter(0, 1e6);
  double sum = 0;
  int counted = 0;
  for (int i = 0; i < 4000; ++i) {
    const int64_t ideal = int64_t{1'000'000'000} + i * kPeriod;
    filter.OnPulse(MonoTime::FromNanos(ideal + std::llround(jitter(random))));
    if (i < 2000) continue;
    sum += std::pow(static_cast<double>(filter.phase().nanos() - ideal), 2);
    ++counted;
  }
  EXPECT_LT(std::sqrt(sum / counted), 0.5e6);
}

TEST(PulseFilter, FollowsATempoStep) {
  PulseFilter filter;
  MonoTime now = MonoTime::FromNanos(0);
  for (int i = 0; i < 200; ++i) {
    filter.OnPulse(now);
    now = now + absl::Nanoseconds(kPeriod);
  }
  for (int i = 0; i < 100; ++i) {
    filter.OnPulse(now);
    now = now + absl::Nanoseconds(kPeriod * 5 / 4);
  }
  EXPECT_NEAR(filter.period_nanos(), kPeriod * 1.25, kPeriod * 0.01);
}

}  // namespace
}  // namespace antiphon::edge
