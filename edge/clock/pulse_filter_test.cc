// SPDX-License-Identifier: Apache-2.0
#include "edge/clock/pulse_filter.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "edge/clock/gap_history.h"

namespace antiphon::edge {
namespace {

constexpr int64_t kPeriod = 20'000'000;  // 125 BPM
absl::Duration Ms(double ms) { return absl::Microseconds(ms * 1000); }

// A filter, and the clock that it hears.
class Source {
 public:
  explicit Source(int64_t period = kPeriod) : period_(period) {}

  // The next pulse is due, `late` after its time.
  PulseFilter::Heard Pulse(absl::Duration late = absl::ZeroDuration()) {
    const PulseFilter::Heard heard = filter.OnPulse(due + late);
    Skip(1);
    return heard;
  }
  void Pulses(int count) {
    while (count-- > 0) Pulse();
  }
  // Pulses that do not come.
  void Skip(int count) { due = due + count * absl::Nanoseconds(period_); }
  // How far the filter has the last pulse from its time, milliseconds.
  double Error() const {
    return absl::ToDoubleMilliseconds(filter.phase() -
                                      (due - absl::Nanoseconds(period_)));
  }

  PulseFilter filter;
  MonoTime due = MonoTime::FromNanos(1'000'000'000);

 private:
  const int64_t period_;
};

TEST(PulseFilter, LocksWhenAQuarterNoteLiesOnOneLine) {
  Source source;
  source.Pulses(22);
  EXPECT_FALSE(source.filter.locked());
  source.Pulses(1);
  EXPECT_TRUE(source.filter.locked());
}

TEST(PulseFilter, ShiftsFromNoGearToQuickToQuiet) {
  Source source;
  EXPECT_EQ(source.filter.gear(), PulseFilter::Gear::kNone);
  source.Pulses(1);
  EXPECT_EQ(source.filter.gear(), PulseFilter::Gear::kNone);
  source.Pulses(1);
  EXPECT_EQ(source.filter.gear(), PulseFilter::Gear::kQuick);
  source.Pulses(22 + 48);
  EXPECT_EQ(source.filter.gear(), PulseFilter::Gear::kQuick);
  source.Pulses(96);
  EXPECT_EQ(source.filter.gear(), PulseFilter::Gear::kQuiet);
}

TEST(PulseFilter, AtRestIsTheDelayLockedLoopOfATenthHertz) {
  Source source;
  source.Pulses(2000);
  // A small error moves phase and period by the loop's gains.
  const double omega = 2 * 3.14159265 * 0.1 / 48;
  const double error = 0.5e6;
  source.Pulse(absl::Nanoseconds(error));
  EXPECT_NEAR(source.Error() * 1e6 / error, std::sqrt(2) * omega, 5e-4);
  EXPECT_NEAR((source.filter.period_nanos() - kPeriod) / error, omega * omega,
              1e-5);
}

TEST(PulseFilter, ALatePulseMovesNothing) {
  Source source;
  source.Pulses(200);
  source.Pulse(Ms(5));
  EXPECT_EQ(source.Error(), 0);
  EXPECT_NEAR(source.filter.period_nanos(), kPeriod, 2);
  EXPECT_EQ(source.filter.counts().outliers, 1u);
  source.Pulses(30);
  EXPECT_EQ(source.Error(), 0);
  EXPECT_TRUE(source.filter.locked());
}

TEST(PulseFilter, TwoLatePulsesInARowMoveNothing) {
  Source source;
  source.Pulses(200);
  source.Pulse(Ms(9));
  source.Pulse(Ms(4));
  source.Pulses(30);
  EXPECT_EQ(source.Error(), 0);
  EXPECT_EQ(source.filter.counts().phase_steps, 0u);
  EXPECT_EQ(source.filter.counts().tempo_steps, 0u);
}

TEST(PulseFilter, ThreePulsesElsewhereAreANewPhaseAtTheOldTempo) {
  Source source;
  source.Pulses(200);
  source.due = source.due + Ms(8);
  source.Pulses(2);
  EXPECT_NEAR(source.Error(), -8, 0.01);
  source.Pulses(1);
  EXPECT_NEAR(source.Error(), 0, 0.5);
  EXPECT_TRUE(source.filter.locked());
  EXPECT_NEAR(source.filter.period_nanos(), kPeriod, 0.001 * kPeriod);
  EXPECT_EQ(source.filter.counts().phase_steps, 1u);
}

TEST(PulseFilter, AnyNewTempoIsFollowedFromItsFourthPulse) {
  for (const double factor : {0.3, 0.5, 0.8, 0.95, 1.05, 1.3, 2.0, 3.0}) {
    Source before;
    before.Pulses(200);
    Source after(std::llround(kPeriod * factor));
    after.filter = before.filter;
    after.due = before.due - absl::Nanoseconds(kPeriod * (1 - factor));
    after.Pulses(4);
    EXPECT_NEAR(after.Error(), 0, 0.5) << factor;
    EXPECT_NEAR(after.filter.period_nanos() / kPeriod, factor, 0.01 * factor);
    EXPECT_FALSE(after.filter.locked());
    EXPECT_EQ(after.filter.counts().lost, 0u) << factor;
    after.Pulses(24);
    EXPECT_TRUE(after.filter.locked());
  }
}

TEST(PulseFilter, SaysTheJitterWithinTenPercent) {
  for (const double sigma : {0.5, 1.0, 3.0}) {
    Source source;
    std::mt19937 random(1);
    std::normal_distribution<double> jitter(0, sigma);
    double sum = 0;
    for (int i = 0; i < 4000; ++i) {
      source.Pulse(Ms(jitter(random)));
      if (i >= 1000) {
        sum += absl::ToDoubleMilliseconds(source.filter.jitter()) / 3000;
      }
    }
    EXPECT_NEAR(sum, sigma, 0.1 * sigma);
  }
}

// ---- Silence ----

TEST(PulseFilter, SilenceEndsTheLineOneNanosecondAfterItsLimit) {
  for (const int64_t beyond : {0, 1}) {
    Source source;
    source.Pulses(100);
    const MonoTime last = source.due - absl::Nanoseconds(kPeriod);
    EXPECT_EQ(source.filter.SilenceLimit(), Ms(20 + 250));
    const MonoTime at =
        last + source.filter.SilenceLimit() + absl::Nanoseconds(beyond);
    source.filter.OnPulse(at);
    EXPECT_EQ(source.filter.phase() == at, beyond == 1);
  }
}

TEST(PulseFilter, SlowClocksMayBeSilentForThreePeriods) {
  Source source(100'000'000);  // 25 BPM
  source.Pulses(100);
  EXPECT_NEAR(absl::ToDoubleMilliseconds(source.filter.SilenceLimit()), 400,
              0.1);
}

TEST(PulseFilter, TheTempoBeforeASilenceIsTheFirstGuess) {
  Source source;
  source.Pulses(100);
  source.Skip(100);
  source.Pulse();
  source.Pulse(Ms(1));  // 5 % of a period
  EXPECT_NEAR(source.filter.period_nanos(), kPeriod, 0.04 * kPeriod);
}

TEST(PulseFilter, PulsesAtOnceSayNothingOfTheTempo) {
  Source source;
  source.Pulse();
  source.filter.OnPulse(source.due - absl::Nanoseconds(kPeriod));
  EXPECT_EQ(source.filter.period_nanos(), 500e6 / 24);  // as if nothing came
  source.Pulse();
  EXPECT_NEAR(source.filter.period_nanos(), kPeriod, 2);
}

// ---- Lost, late, in bursts ----

TEST(PulseFilter, LostPulsesAreCountedWhenThreeHaveComeSince) {
  for (const int missing : {1, 2, 7}) {
    Source source;
    source.Pulses(200);
    source.Skip(missing);
    EXPECT_EQ(source.Pulse().lost, 0);
    EXPECT_EQ(source.Pulse().lost, 0);
    EXPECT_EQ(source.Pulse().lost, missing);
    EXPECT_NEAR(source.Error(), 0, 0.01);
    EXPECT_TRUE(source.filter.locked());
    EXPECT_EQ(source.filter.counts().lost, static_cast<uint64_t>(missing));
  }
}

TEST(PulseFilter, TwoLossesCloseTogetherAreBothCounted) {
  Source source;
  source.Pulses(200);
  source.Skip(1);
  source.Pulse();
  source.Skip(1);
  int lost = 0;
  for (int i = 0; i < 24; ++i) lost += source.Pulse().lost;
  EXPECT_EQ(lost, 2);
  EXPECT_NEAR(source.Error(), 0, 0.01);
}

TEST(PulseFilter, ABurstAfterAStallIsNoLossAndMovesNothing) {
  Source source;
  source.Pulses(200);
  // Ten pulses are held up and come at once, when the tenth is due.
  const MonoTime end = source.due + absl::Nanoseconds(9 * kPeriod);
  for (int i = 0; i < 10; ++i) {
    const PulseFilter::Heard heard = source.Pulse(end - source.due + Ms(0.1));
    EXPECT_EQ(heard.lost, 0);
    EXPECT_FALSE(heard.extra);
  }
  source.Pulses(30);
  EXPECT_NEAR(source.Error(), 0, 0.01);
  EXPECT_EQ(source.filter.counts().lost, 0u);
  EXPECT_EQ(source.filter.counts().tempo_steps, 0u);
}

TEST(PulseFilter, LostPulsesThatComeWithinABeatAreRevised) {
  Source source;
  source.Pulses(200);
  source.Skip(5);
  source.Pulses(10);  // counted as lost by now
  ASSERT_EQ(source.filter.counts().lost, 5u);
  const MonoTime now = source.due - absl::Nanoseconds(kPeriod);
  for (int i = 0; i < 5; ++i) {
    EXPECT_TRUE(source.filter.OnPulse(now + Ms(i)).extra) << i;
  }
  EXPECT_EQ(source.filter.counts().revised, 5u);
  // Nothing more is owed.
  EXPECT_FALSE(source.filter.OnPulse(now + Ms(5)).extra);
}

TEST(PulseFilter, AfterABeatPulsesAreNewOnes) {
  for (const int pulses : {3 + 23, 3 + 24}) {
    Source source;
    source.Pulses(200);
    source.Skip(5);
    source.Pulses(pulses);
    const MonoTime now = source.due - absl::Nanoseconds(kPeriod);
    EXPECT_EQ(source.filter.OnPulse(now + Ms(1)).extra, pulses == 26);
  }
}

// ---- Sources that contradict themselves ----

TEST(PulseFilter, ASwungClockIsFollowedOnAverage) {
  Source source;
  for (int i = 0; i < 2000; ++i) {
    const int in_eighth = i % 12;
    // 60 %: the middle of each eighth note is a tenth of it late.
    const double late = in_eighth < 6 ? in_eighth * 4 : (12 - in_eighth) * 4;
    source.Pulse(Ms(late));
    if (i < 500) continue;
    EXPECT_TRUE(source.filter.locked());
    EXPECT_NEAR(source.Error(), 12, 1);  // the mean delay
  }
}

TEST(PulseFilter, GapsAsRegularAsAClockAreNoLosses) {
  // 1024 frames at 48 kHz hold one pulse of 115 quarter notes a minute, and
  // every 53rd or so none.
  const double buffer = 1024e9 / 48000;
  const double period = 60e9 / 115 / 24;
  PulseFilter filter;
  int lost = 0;
  for (int i = 0; i < 2000; ++i) {
    const double at = std::ceil(1e9 / buffer + i * period / buffer) * buffer;
    const PulseFilter::Heard heard =
        filter.OnPulse(MonoTime::FromNanos(std::llround(at)));
    lost += heard.lost;
  }
  EXPECT_EQ(lost, 0);
  EXPECT_NEAR(60e9 / 24 / filter.period_nanos(), 115, 1);
}

TEST(PulseFilter, NothingThatArrivesBreaksIt) {
  std::mt19937_64 random(3);
  for (int run = 0; run < 300; ++run) {
    PulseFilter filter;
    MonoTime now = MonoTime::FromNanos(1);
    const int64_t usual = 1 + static_cast<int64_t>(random() % 200'000'000);
    for (int i = 0; i < 300; ++i) {
      const uint64_t what = random() % 16;
      const int64_t interval =
          what == 0   ? 0
          : what == 1 ? static_cast<int64_t>(random() % 1'000'000)
          : what == 2 ? static_cast<int64_t>(random() % 3'000'000'000)
          : what == 3 ? 2 * usual
                      : usual;
      now = now + absl::Nanoseconds(interval);
      filter.OnPulse(now);
      ASSERT_GE(filter.period_nanos(), PulseLine::kMinPeriod);
      ASSERT_LE(filter.period_nanos(), PulseLine::kMaxPeriod);
      const double behind = absl::ToDoubleSeconds(now - filter.phase());
      ASSERT_LT(std::abs(behind), 24 * 2 * 0.13) << "run " << run;
      ASSERT_GE(filter.counts().lost, filter.counts().revised);
    }
  }
}

TEST(GapHistory, FourGapsAtOneDistanceAreRegular) {
  GapHistory gaps;
  const auto gap_after = [&](int pulses) {
    for (int i = 0; i < pulses; ++i) gaps.OnPulse();
    gaps.Note(0, 1);
  };
  for (const int pulses : {500, 53, 54}) gap_after(pulses);
  EXPECT_FALSE(gaps.AreRegular(117.19));
  gap_after(53);
  EXPECT_TRUE(gaps.AreRegular(117.19));
  EXPECT_FALSE(gaps.AreRegular(120.05));  // a tempo that people set
  EXPECT_EQ(gaps.Missing(), 4);
  EXPECT_NEAR(gaps.Stretch(), 1 + 3 / 160.0, 1e-9);
  gap_after(51);
  EXPECT_FALSE(gaps.AreRegular(117.19));
  for (int i = 0; i < 4; ++i) gap_after(1);
  EXPECT_FALSE(gaps.AreRegular(117.19));  // nothing but gaps
}

}  // namespace
}  // namespace antiphon::edge
