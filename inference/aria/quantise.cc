// SPDX-License-Identifier: Apache-2.0
#include "inference/aria/quantise.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cstddef>
#include <cstdlib>

namespace antiphon::inference {
namespace {

constexpr int kDurationPoints = kMaxDurationMs / kTimeStepMs + 1;

// All inputs up to the last grid point, where the answer stays the same.
using Table = std::array<int16_t, kMaxDurationMs + 1>;

Table MakeTable(int points, int step) {
  Table table{};
  for (size_t i = 0; i < table.size(); ++i) {
    table[i] =
        static_cast<int16_t>(SearchGrid(static_cast<int64_t>(i), points, step));
  }
  return table;
}

}  // namespace

int SearchGrid(int64_t value, int points, int step) {
  int low = 0;
  int high = points - 1;
  int64_t best = 0;
  while (low <= high) {
    const int middle = (low + high) / 2;
    const int64_t point = int64_t{middle} * step;
    if (std::abs(point - value) < std::abs(best - value)) best = point;
    if (point < value) {
      low = middle + 1;
    } else {
      high = middle - 1;
    }
  }
  return static_cast<int>(best);
}

int QuantiseOnsetMs(int64_t ms, int segment_ms) {
  assert(segment_ms > 0 && segment_ms <= kMaxSegmentMs &&
         segment_ms % kTimeStepMs == 0);
  static const Table* const table =
      new Table(MakeTable(kMaxSegmentMs / kTimeStepMs, kTimeStepMs));
  ms = std::clamp<int64_t>(ms, 0, segment_ms - 1);
  if (segment_ms == kMaxSegmentMs) return (*table)[static_cast<size_t>(ms)];
  return SearchGrid(ms, segment_ms / kTimeStepMs, kTimeStepMs);
}

int QuantiseDurationMs(int64_t ms) {
  static const Table* const table =
      new Table(MakeTable(kDurationPoints, kTimeStepMs));
  ms = std::clamp<int64_t>(ms, 0, kMaxDurationMs);
  return std::max<int>((*table)[static_cast<size_t>(ms)], kTimeStepMs);
}

int QuantiseVelocity(int velocity) {
  if (velocity <= 0) return 0;
  return std::max(SearchGrid(velocity, kVelocitySteps, kVelocityStep),
                  kVelocityStep);
}

}  // namespace antiphon::inference
