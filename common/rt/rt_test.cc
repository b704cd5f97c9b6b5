// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <thread>

#include "common/rt/clock.h"
#include "common/rt/latest_value.h"
#include "common/rt/mul_div.h"
#include "common/rt/spsc_ring.h"

namespace antiphon {
namespace {

TEST(SpscRing, KeepsOrderAndCountsWhatDidNotFit) {
  SpscRing<int> ring(3);
  EXPECT_TRUE(ring.TryPush(1));
  EXPECT_TRUE(ring.TryPush(2));
  EXPECT_TRUE(ring.TryPush(3));
  EXPECT_FALSE(ring.TryPush(4));
  EXPECT_EQ(ring.dropped(), 1u);
  int value = 0;
  for (int expected = 1; expected <= 3; ++expected) {
    ASSERT_TRUE(ring.TryPop(value));
    EXPECT_EQ(value, expected);
  }
  EXPECT_FALSE(ring.TryPop(value));
  EXPECT_TRUE(ring.TryPush(5));
}

TEST(SpscRing, KnowsItsCells) {
  for (const size_t capacity : {1u, 3u, 8u}) {
    SpscRing<uint64_t> ring(capacity);
    EXPECT_EQ(ring.size(), 0u);
    const auto cells = ring.cells();
    EXPECT_GE(cells.size(), capacity);
    for (uint64_t i = 1; i <= capacity; ++i) EXPECT_TRUE(ring.TryPush(i));
    for (uint64_t i = 1; i <= capacity; ++i) {
      EXPECT_EQ(cells[i - 1], i) << "of " << capacity;
    }
  }
}

TEST(SpscRing, TwoThreadsLoseNothing) {
  constexpr int kCount = 200'000;
  SpscRing<int> ring(64);
  std::thread producer([&ring] {
    for (int i = 0; i < kCount;) {
      if (ring.TryPush(i)) {
        ++i;
      } else {
        std::this_thread::yield();
      }
    }
  });
  for (int i = 0; i < kCount;) {
    int value = -1;
    if (!ring.TryPop(value)) {
      std::this_thread::yield();
      continue;
    }
    ASSERT_EQ(value, i);
    ++i;
  }
  producer.join();
}

struct Pair {
  uint64_t a = 0;
  uint64_t b = 0;
};

TEST(LatestValue, ReadsTheNewestAndKeepsIt) {
  LatestValue<Pair> latest;
  EXPECT_EQ(latest.Read().a, 0u);
  latest.Publish({1, 1});
  latest.Publish({2, 2});
  EXPECT_EQ(latest.Read().a, 2u);
  EXPECT_EQ(latest.Read().a, 2u);
  latest.Publish({3, 3});
  EXPECT_EQ(latest.Read().b, 3u);
}

TEST(LatestValue, IsNeverTornAndNeverGoesBack) {
  constexpr uint64_t kCount = 200'000;
  LatestValue<Pair> latest;
  std::thread writer([&latest] {
    for (uint64_t i = 1; i <= kCount; ++i) latest.Publish({i, ~i});
  });
  uint64_t last = 0;
  while (last < kCount) {
    const Pair pair = latest.Read();
    if (pair.a == 0) continue;
    ASSERT_EQ(pair.b, ~pair.a);
    ASSERT_GE(pair.a, last);
    last = pair.a;
  }
  writer.join();
}

TEST(Clock, SleepNeverReturnsEarly) {
  const MonoTime until = rt::Now() + absl::Milliseconds(2);
  rt::SleepUntil(until);
  EXPECT_GE(rt::Now(), until);
  rt::SleepUntil(until);  // passed: returns at once
}

// A counter of 10 MHz (Windows) and one of 24 MHz (125 / 3 ns, Apple silicon).
TEST(MulDiv, TurnsTicksIntoNanosecondsAndBack) {
  EXPECT_EQ(rt::MulDivDown(0, 1'000'000'000, 10'000'000), 0);
  EXPECT_EQ(rt::MulDivDown(7, 1'000'000'000, 10'000'000), 700);
  EXPECT_EQ(rt::MulDivDown(1, 125, 3), 41);
  EXPECT_EQ(rt::MulDivUp(41, 3, 125), 1);
  EXPECT_EQ(rt::MulDivUp(42, 3, 125), 2);
  EXPECT_EQ(rt::MulDivUp(0, 3, 125), 0);
}

TEST(MulDiv, AnInstantToWaitForIsNeverEarly) {
  for (int64_t nanos = 0; nanos < 1000; ++nanos) {
    EXPECT_GE(rt::MulDivDown(rt::MulDivUp(nanos, 3, 125), 125, 3), nanos);
  }
}

TEST(MulDiv, DoesNotOverflowInAHundredYears) {
  constexpr int64_t kSeconds = int64_t{100} * 365 * 86'400;
  EXPECT_EQ(rt::MulDivDown(kSeconds * 10'000'000, 1'000'000'000, 10'000'000),
            kSeconds * 1'000'000'000);
  EXPECT_EQ(rt::MulDivDown(kSeconds * 24'000'000, 125, 3),
            kSeconds * 1'000'000'000);
  constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
  EXPECT_EQ(rt::MulDivUp(kMax, 1, 1), kMax);
  EXPECT_GT(rt::MulDivUp(kMax, 3, 125), kMax / 42);
}

}  // namespace
}  // namespace antiphon
