// SPDX-License-Identifier: Apache-2.0
#include "common/music/timeline.h"

#include <gtest/gtest.h>

namespace antiphon {
namespace {

constexpr double kNanosPerTickAt120 = 500e6 / 480;

MonoTime Ms(int64_t ms) { return MonoTime::FromNanos(ms * 1'000'000); }

TEST(Timeline, TicksAndTimeAreInverses) {
  Timeline timeline;
  timeline.AddAnchor(Ticks(), Ms(1000), kNanosPerTickAt120);
  timeline.AddAnchor(Ticks::Of(480), Ms(1500), kNanosPerTickAt120);
  timeline.AddAnchor(Ticks::Of(960), Ms(1900), 400e6 / 480);  // quicker
  for (int64_t tick = -500; tick < 4000; tick += 7) {
    EXPECT_EQ(timeline.TicksAt(timeline.TimeAt(Ticks::Of(tick))).count(), tick);
  }
  EXPECT_EQ(timeline.TimeAt(Ticks::Of(720)), Ms(1700));
  EXPECT_EQ(timeline.TimeAt(Ticks::Of(1440)), Ms(2300));
  EXPECT_NEAR(timeline.quarters_per_minute(), 150, 1e-9);
}

TEST(Timeline, OldAnchorsFallOutAndTheNewestHold) {
  Timeline timeline;
  for (int pulse = 0; pulse < 500; ++pulse) {
    timeline.AddAnchor(Ticks::FromPulses(pulse),
                       MonoTime::FromNanos(int64_t{20'000'000} * pulse), 1e6);
  }
  EXPECT_EQ(timeline.TicksAt(MonoTime::FromNanos(int64_t{20'000'000} * 499)),
            Ticks::FromPulses(499));
  EXPECT_EQ(timeline.TimeAt(Ticks::FromPulses(500)).nanos(),
            int64_t{20'000'000} * 500);
}

TEST(Timeline, AnAnchorDropsThoseItContradicts) {
  Timeline timeline;
  timeline.AddAnchor(Ticks::Of(0), Ms(0), 1e6);
  timeline.AddAnchor(Ticks::Of(20), Ms(20), 1e6);
  // The host is quicker than was believed: tick 40 was before tick 20's time.
  timeline.AddAnchor(Ticks::Of(40), Ms(20), 0.5e6);
  EXPECT_EQ(timeline.TimeAt(Ticks::Of(60)), Ms(30));
  EXPECT_EQ(timeline.TimeAt(Ticks::Of(20)), Ms(10));
  // Fewer pulses have come than were counted.
  timeline.AddAnchor(Ticks::Of(20), Ms(30), 1e6);
  EXPECT_EQ(timeline.TicksAt(Ms(40)), Ticks::Of(30));
  EXPECT_EQ(timeline.TicksAt(Ms(15)), Ticks::Of(10));
}

TEST(Timeline, BarsByNumberAndByPosition) {
  Timeline timeline;
  for (PlaySeq seq = 0; seq < 20; ++seq) {
    const Ticks begin = Ticks::Of(static_cast<int64_t>(seq) * 1920);
    timeline.SetBar({seq, static_cast<BarIndex>(seq), begin,
                     begin + Ticks::Of(1920), Meter{}});
  }
  EXPECT_FALSE(timeline.Bar(11).has_value());  // fell out
  EXPECT_EQ(timeline.Bar(12)->begin.count(), 12 * 1920);
  EXPECT_EQ(timeline.BarAt(Ticks::Of(15 * 1920))->play_seq, 15u);
  EXPECT_EQ(timeline.BarAt(Ticks::Of(15 * 1920 - 1))->play_seq, 14u);
  timeline.SetBar(
      {15, 3, Ticks::Of(15 * 1920 - 100), Ticks::Of(16 * 1920 - 100), Meter{}});
  EXPECT_EQ(timeline.LastBar()->bar_index, 3);
}

TEST(Timeline, ResetForgetsAndStops) {
  Timeline timeline;
  timeline.set_running(true);
  timeline.AddAnchor(Ticks(), Ms(1), 1e6);
  timeline.Reset(7);
  EXPECT_EQ(timeline.epoch(), 7u);
  EXPECT_FALSE(timeline.running());
  EXPECT_FALSE(timeline.has_time());
}

}  // namespace
}  // namespace antiphon
