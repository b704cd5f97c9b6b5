// SPDX-License-Identifier: Apache-2.0
//
// Any host, any player, any network: drawn from a seed, judged by invariants
// and by liveness. A failure names its seed and the command that replays it.
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "tests/sim/checkers.h"
#include "tests/sim/generators.h"
#include "tests/sim/liveness.h"
#include "tests/sim/replay.h"
#include "tests/sim/sim_world.h"

namespace antiphon::sim {
namespace {

constexpr char kProgram[] = "sim_restless_test";
constexpr int kSteps = 30;
constexpr uint64_t kSeedsEach = 60;

class Restless : public ::testing::TestWithParam<uint64_t> {};

TEST_P(Restless, HostAndNetworkLeaveTheMusicWhole) {
  int judged = 0;
  int notes = 0;
  size_t bars = 0;
  const uint64_t from = GetParam() * kSeedsEach;
  for (const uint64_t seed : Seeds(from, from + kSeedsEach)) {
    const HostScript host = RestlessHost(seed, kSteps);
    const Recording recording =
        Play(host, RestlessNetwork(seed, host.now()), {.seed = seed});
    const Truth truth(host);
    const Liveness live = CheckLiveness(recording, truth);
    ASSERT_EQ(CheckInvariants(recording, truth), "")
        << "seed " << seed << ": " << ReplayCommand(kProgram, seed);
    ASSERT_EQ(live.problem, "")
        << "seed " << seed << ": " << ReplayCommand(kProgram, seed);
    judged += live.judged;
    notes += live.notes;
    bars += recording.bars.size();
  }
  std::printf("%zu bars; %d answers judged, %d notes\n", bars, judged, notes);
  // A run that is nothing but trouble proves nothing.
  if (std::getenv("ANTIPHON_SEED") == nullptr) {
    EXPECT_GT(bars, 4000u);
    EXPECT_GT(judged, 800);
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, Restless, ::testing::Range<uint64_t>(0, 4));

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
