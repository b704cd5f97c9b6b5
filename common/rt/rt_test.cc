// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cstdint>
#include <thread>

#include "common/rt/clock.h"
#include "common/rt/latest_value.h"
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

}  // namespace
}  // namespace antiphon
