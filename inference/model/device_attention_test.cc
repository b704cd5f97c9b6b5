// SPDX-License-Identifier: Apache-2.0
// On the CPU, against the CPU's own attention.
#include "inference/model/device_attention.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace antiphon::inference {
namespace {

constexpr int kHeads = 3;
constexpr int kWidth = 32;
constexpr int64_t kD = int64_t{kHeads} * kWidth;
constexpr KvCache::Shape kShape{.layers = 2,
                                .slots = 3,
                                .heads = kHeads,
                                .head_width = kWidth,
                                .trunk_positions = 40,
                                .branch_positions = 12};

class DeviceAttentionTest : public ::testing::Test {
 protected:
  // What attention.h gives for the same rows; changes `qkv`.
  std::vector<float> Expected(int layer, const std::vector<NetworkRow>& rows,
                              at::Tensor qkv) {
    std::vector<float> out(rows.size() * static_cast<size_t>(kD));
    std::vector<float> scores(52);
    for (size_t i = 0; i < rows.size(); ++i) {
      const NetworkRow& row = rows[i];
      float* const from = qkv.mutable_data_ptr<float>() + i * 3 * kD;
      rope_.Rotate(row.position(), 2 * kHeads, from);
      for (int h = 0; h < kHeads; ++h) {
        const KvCache::Head trunk = cache_.Trunk(layer, row.slot, h);
        const KvCache::Head branch = cache_.Branch(layer, row.slot, h);
        const KvCache::Head& own = row.on_branch() ? branch : trunk;
        const int at =
            (row.on_branch() ? row.branch_visible : row.trunk_visible) - 1;
        std::copy_n(from + kD + h * kWidth, kWidth, own.keys + at * kWidth);
        std::copy_n(from + 2 * kD + h * kWidth, kWidth,
                    own.values + at * kWidth);
        Attend(from + h * kWidth, {trunk.keys, trunk.values, row.trunk_visible},
               {branch.keys, branch.values, row.branch_visible}, kWidth,
               scores.data(), &out[i * kD + static_cast<size_t>(h * kWidth)]);
      }
    }
    return out;
  }
  void ExpectSame(const std::vector<NetworkRow>& rows) {
    const int64_t padded = static_cast<int64_t>(rows.size()) + 5;
    attention_.Begin(rows);
    for (int layer = 0; layer < kShape.layers; ++layer) {
      const at::Tensor qkv = at::rand({padded, 3 * kD});
      at::Tensor out = at::zeros({padded, kD});
      attention_.Attend(layer, qkv, out);
      std::vector<float> expected = Expected(layer, rows, qkv.clone());
      expected.resize(static_cast<size_t>(padded * kD));  // zeros
      for (size_t i = 0; i < expected.size(); ++i) {
        ASSERT_NEAR(out.const_data_ptr<float>()[i], expected[i], 1e-5) << i;
      }
    }
  }

  const RopeTable rope_{52, kWidth};
  KvCache cache_{kShape};
  DeviceAttention attention_{kShape, rope_, Device::kCpu};
};

// Rows of `slot`'s trunk at positions begin .. end.
std::vector<NetworkRow> Trunk(SlotId slot, int begin, int end) {
  std::vector<NetworkRow> rows;
  for (int at = begin; at < end; ++at) rows.push_back({slot, 0, at + 1, 0});
  return rows;
}

TEST_F(DeviceAttentionTest, IsThatOfTheCpuForTrunksAndBranches) {
  ExpectSame(Trunk(0, 0, 20));
  ExpectSame(Trunk(2, 0, 1));
  ExpectSame(Trunk(0, 20, 33));
  ExpectSame(Trunk(2, 1, 9));
  // Three slots answer, one of them several tokens; another trunk goes on.
  ExpectSame({{0, 0, 30, 1}, {2, 0, 9, 1}, {2, 0, 9, 2}, {2, 0, 9, 3}});
  ExpectSame({{2, 0, 9, 4}, {0, 0, 30, 2}, {1, 0, 1, 0}, {1, 0, 2, 0}});
  // Rewound, with another ending.
  ExpectSame(Trunk(0, 10, 16));
  ExpectSame({{0, 0, 16, 1}});
}

}  // namespace
}  // namespace antiphon::inference
