// SPDX-License-Identifier: Apache-2.0
#include "inference/model/memory_need.h"

#include <unistd.h>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "inference/model/random_checkpoint.h"

namespace antiphon::inference {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

ModelShape Medium() {
  ModelShape shape = *NamedShape("medium");
  shape.vocabulary_rows = 17727;
  return shape;
}

TEST(MemoryNeedTest, IsThatOfWeightsAndOfEverySlot) {
  const MemoryNeed exact = NeedOf(Medium(), ComputeType::kF32, 1, 1024);
  EXPECT_EQ(exact.weights, int64_t{4} * 658'538'496);
  // 192 KiB a position, of which the answer takes 256.
  EXPECT_EQ(exact.cache, int64_t{1024 + 256} * 192 * 1024);
  const MemoryNeed rounded = NeedOf(Medium(), ComputeType::kBf16, 8, 1024);
  EXPECT_EQ(rounded.weights,
            int64_t{2} * 658'538'496 + int64_t{2} * 17727 * 1536);
  EXPECT_EQ(rounded.cache, 8 * exact.cache);
  // No slot has more positions than the model, but for the vector in front.
  ModelShape demo = Medium();
  demo.vocabulary_rows = 2675;
  demo.adapter_width = 512;
  demo.max_position = 100;
  EXPECT_EQ(NeedOf(demo, ComputeType::kF32, 1, 1024).cache,
            int64_t{1 + 100 + 100} * 192 * 1024);
}

TEST(MemoryNeedTest, WhatExceedsTheMachineIsRefusedWithBothSizes) {
  const MemoryNeed need = NeedOf(Medium(), ComputeType::kF32, 1, 1024);
  EXPECT_TRUE(CheckFits("m", need, need.total()).ok());
  const absl::Status refused = CheckFits("m", need, need.total() - 1);
  EXPECT_EQ(refused.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(
      std::string(refused.message()),
      AllOf(HasSubstr("'m' needs 3.2 GB of memory (weights 2.6 GB, contexts "
                      "252 MB, program 300 MB), this machine has 3.2 GB"),
            HasSubstr("--dtype=bf16")));
}

TEST(MemoryNeedTest, AMachineHasNoMoreThanItsPages) {
  const int64_t pages = sysconf(_SC_PHYS_PAGES);
  EXPECT_LE(MachineMemory(), pages * sysconf(_SC_PAGESIZE));
  EXPECT_GT(MachineMemory(), 1 << 24);
}

}  // namespace
}  // namespace antiphon::inference
