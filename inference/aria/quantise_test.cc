// SPDX-License-Identifier: Apache-2.0
#include "inference/aria/quantise.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <string>

#include "inference/aria/golden.h"

namespace antiphon::inference {
namespace {

TEST(Quantise, AgreesWithTheReferenceEverywhere) {
  const auto golden = ReadGolden("tokenizer/quantize.json");
  const auto& velocities = golden.at("velocity");
  ASSERT_EQ(velocities.size(), 128U);
  for (int v = 0; v < 128; ++v) {
    EXPECT_EQ(QuantiseVelocity(v), velocities.at(static_cast<size_t>(v)));
  }
  const auto& onsets = golden.at("onset_ms_in_segment_div10");
  ASSERT_EQ(onsets.size(), 5000U);
  for (int ms = 0; ms < 5000; ++ms) {
    EXPECT_EQ(QuantiseOnsetMs(ms) / 10, onsets.at(static_cast<size_t>(ms)));
  }
  const auto& durations = golden.at("dur_ms_div10");
  ASSERT_EQ(durations.size(), 5101U);
  for (int ms = 0; ms <= 5100; ++ms) {
    EXPECT_EQ(QuantiseDurationMs(ms) / 10,
              durations.at(static_cast<size_t>(ms)));
  }
  for (const auto& extra : golden.at("dur_ms_extra")) {
    EXPECT_EQ(QuantiseDurationMs(extra[0].get<int64_t>()), extra[1]);
  }
}

TEST(Quantise, ExtremesStayOnTheGrid) {
  EXPECT_EQ(QuantiseDurationMs(std::numeric_limits<int64_t>::min()), 10);
  EXPECT_EQ(QuantiseDurationMs(std::numeric_limits<int64_t>::max()), 5000);
  EXPECT_EQ(QuantiseVelocity(-1), 0);
  EXPECT_EQ(QuantiseOnsetMs(-5), 0);
  EXPECT_EQ(QuantiseOnsetMs(5000), 4990);
}

TEST(Quantise, AShorterSegmentHasAShorterGrid) {
  for (int ms = 0; ms < 4800; ++ms) {
    const int onset = QuantiseOnsetMs(ms, 4800);
    EXPECT_LE(onset, 4790);
    EXPECT_EQ(onset % 10, 0);
    if (ms < 4790) {
      EXPECT_LE(std::abs(onset - ms), 5) << ms;
    }
  }
  EXPECT_EQ(QuantiseOnsetMs(4799, 4800), 4790);
}

}  // namespace
}  // namespace antiphon::inference
