// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/replay.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace antiphon::sim {

std::vector<uint64_t> Seeds(uint64_t from, uint64_t to) {
  if (const char* seed = std::getenv("ANTIPHON_SEED"); seed != nullptr) {
    return {std::strtoull(seed, nullptr, 10)};
  }
  std::vector<uint64_t> seeds;
  for (uint64_t seed = from; seed < to; ++seed) seeds.push_back(seed);
  return seeds;
}

std::string ReplayCommand(const std::string& program, uint64_t seed) {
  const ::testing::TestInfo& test =
      *::testing::UnitTest::GetInstance()->current_test_info();
  const std::string build(absl::StripPrefix(
      ANTIPHON_BINARY_DIR, absl::StrCat(ANTIPHON_SOURCE_DIR, "/")));
  return absl::StrCat("ANTIPHON_SEED=", seed, " ", build, "/tests/sim/",
                      program, " --gtest_filter=", test.test_suite_name(), ".",
                      test.name());
}

}  // namespace antiphon::sim
