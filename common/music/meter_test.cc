// SPDX-License-Identifier: Apache-2.0
#include "common/music/meter.h"

#include <gtest/gtest.h>

namespace antiphon {
namespace {

TEST(Meter, BarLengthInTicks) {
  EXPECT_EQ((Meter{4, 4}.BarLength().count()), 1920);
  EXPECT_EQ((Meter{6, 8}.BarLength().count()), 1440);
  EXPECT_EQ((Meter{7, 8}.BarLength().count()), 1680);
}

TEST(Meter, ParsesOnlyMeters) {
  EXPECT_EQ(ParseMeter("3/4"), (Meter{3, 4}));
  for (const char* bad :
       {"", "4", "0/4", "4/0", "4/3", "-1/4", "4/4x", "65/4"}) {
    EXPECT_FALSE(ParseMeter(bad).has_value()) << bad;
  }
}

TEST(Ticks, PulsesRoundDown) {
  EXPECT_EQ(Ticks::Of(39).Pulses(), 1);
  EXPECT_EQ(Ticks::Of(40).Pulses(), 2);
  EXPECT_EQ(Ticks::Of(-1).Pulses(), -1);
  EXPECT_EQ(Ticks::Of(-20).Pulses(), -1);
}

TEST(MeterMap, ConstantMeter) {
  const MeterMap map(Meter{3, 4});
  EXPECT_EQ(map.BarAt(Ticks()).index, 0);
  EXPECT_EQ(map.BarAt(Ticks::Of(1439)).index, 0);
  EXPECT_EQ(map.BarAt(Ticks::Of(1440)).index, 1);
  EXPECT_EQ(map.BarAt(Ticks::Of(1440)).begin.count(), 1440);
}

TEST(MeterMap, ChangeOnALineAndInsideABar) {
  const MeterMap map({{Ticks(), {4, 4}},
                      {Ticks::Of(3840), {3, 4}},
                      {Ticks::Of(3841), {6, 8}}});
  EXPECT_EQ(map.BarAt(Ticks::Of(3839)).index, 1);
  const HostBar waltz = map.BarAt(Ticks::Of(3840));
  EXPECT_EQ(waltz.index, 2);
  EXPECT_EQ(waltz.meter, (Meter{3, 4}));
  // The change inside bar 2 waits for its end.
  const HostBar six = map.BarAt(Ticks::Of(3840 + 1440));
  EXPECT_EQ(six.index, 3);
  EXPECT_EQ(six.meter, (Meter{6, 8}));
}

TEST(MeterMap, APickupIsAShortBarZero) {
  const MeterMap map(Meter{4, 4}, Ticks::Of(480));
  const HostBar pickup = map.BarAt(Ticks::Of(479));
  EXPECT_EQ(pickup.index, 0);
  EXPECT_EQ(pickup.end(), Ticks::Of(480));
  EXPECT_TRUE(pickup.pickup);
  const HostBar first = map.BarAt(Ticks::Of(480));
  EXPECT_EQ(first.index, 1);
  EXPECT_EQ(first.begin, Ticks::Of(480));
  EXPECT_EQ(first.end(), Ticks::Of(480 + 1920));
  EXPECT_FALSE(first.pickup);
  EXPECT_EQ(map.BarAt(Ticks::Of(480 + 1920)).index, 2);
}

}  // namespace
}  // namespace antiphon
