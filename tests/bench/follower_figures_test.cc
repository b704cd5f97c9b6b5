// SPDX-License-Identifier: Apache-2.0
//
// A small part of what follower_bench computes, held to the same limits.
#include "tests/bench/follower_figures.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace antiphon::bench {
namespace {

constexpr Effort kLittle = {.seeds = 2, .seconds = 60, .others = false};

void ExpectAllHold(const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    EXPECT_TRUE(row.Holds()) << row.name << " is " << row.value << " "
                             << row.unit << ", above " << *row.limit;
  }
}

TEST(FollowerFigures, Jitter) { ExpectAllHold(Jitter(kLittle)); }
TEST(FollowerFigures, Skew) { ExpectAllHold(Skew(kLittle)); }
TEST(FollowerFigures, Quantised) { ExpectAllHold(Quantised(kLittle)); }
TEST(FollowerFigures, Swung) { ExpectAllHold(Swung(kLittle)); }
TEST(FollowerFigures, Ramp) { ExpectAllHold(Ramp(kLittle)); }
TEST(FollowerFigures, Losses) { ExpectAllHold(Losses(kLittle)); }
TEST(FollowerFigures, Range) { ExpectAllHold(Range()); }
TEST(FollowerFigures, Settle) {
  ExpectAllHold(Settle({.seeds = 10, .others = false}));
}
TEST(FollowerFigures, AnHourLosesNoBar) { ExpectAllHold(Drift(3600)); }

// The figures can fail: a filter of one bandwidth misses one or the other.
TEST(FollowerFigures, OneBandwidthIsNotEnough) {
  const auto worst = [](Predictor& predictor, const PulseStream& stream,
                        double from) {
    double largest = 0;
    for (const Sample& s : Follow(stream, predictor)) {
      if (s.seconds >= from) largest = std::max(largest, std::abs(s.pulse));
    }
    return largest;
  };
  Loop quick(2);
  EXPECT_GT(worst(quick, PulseStream::Steady(120, 60).Jitter(1, 1), 10), 1);
  Loop quiet(0.1);
  EXPECT_GT(worst(quiet, PulseStream::Step(120, 126, 60).Jitter(0.1, 1), 60.5),
            10);
}

}  // namespace
}  // namespace antiphon::bench
