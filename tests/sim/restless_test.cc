// SPDX-License-Identifier: Apache-2.0
//
// Any host, any player, any network: drawn from a seed, judged by invariants
// and by liveness. A failure names its seed and the command that replays it.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>

#include "tests/sim/fuzz.h"
#include "tests/sim/replay.h"

namespace antiphon::sim {
namespace {

constexpr char kProgram[] = "sim_restless_test";
// 10^4 bars, in parts that may run at the same time.
constexpr size_t kBars = 10'000;
constexpr uint64_t kParts = 4;
constexpr uint64_t kSeedsEach = 35;
constexpr int kJudgedEach = 600;

class Restless : public ::testing::TestWithParam<uint64_t> {};

TEST_P(Restless, HostAndNetworkLeaveTheMusicWhole) {
  Fuzzed sum;
  const uint64_t from = GetParam() * kSeedsEach;
  for (const uint64_t seed : Seeds(from, from + kSeedsEach)) {
    const Fuzzed session = Fuzz(seed);
    ASSERT_EQ(session.problem, "")
        << "seed " << seed << ": " << ReplayCommand(kProgram, seed);
    sum.bars += session.bars;
    sum.judged += session.judged;
    sum.notes += session.notes;
  }
  std::printf("%zu bars of at least %zu; %d answers judged, %d notes\n",
              sum.bars, kBars / kParts, sum.judged, sum.notes);
  if (std::getenv("ANTIPHON_SEED") != nullptr) return;
  EXPECT_GE(sum.bars, kBars / kParts);
  // A run that is nothing but trouble proves nothing.
  EXPECT_GE(sum.judged, kJudgedEach);
}

INSTANTIATE_TEST_SUITE_P(Seeds, Restless,
                         ::testing::Range<uint64_t>(0, kParts));

TEST(Replay, IsOneCommandWithOneSeed) {
  const char* seed = std::getenv("ANTIPHON_SEED");
  if (seed != nullptr) GTEST_SKIP() << "ANTIPHON_SEED is set";
  EXPECT_EQ(Seeds(3, 6), (std::vector<uint64_t>{3, 4, 5}));
  ASSERT_EQ(setenv("ANTIPHON_SEED", "42", 1), 0);
  EXPECT_EQ(Seeds(3, 6), (std::vector<uint64_t>{42}));
  ASSERT_EQ(unsetenv("ANTIPHON_SEED"), 0);
  const std::string command = ReplayCommand(kProgram, 42);
  EXPECT_EQ(command.rfind("ANTIPHON_SEED=42 build/", 0), 0u) << command;
  const std::string rest =
      "/tests/sim/sim_restless_test "
      "--gtest_filter=Replay.IsOneCommandWithOneSeed";
  EXPECT_NE(command.find(rest), std::string::npos) << command;
}

}  // namespace
}  // namespace antiphon::sim
