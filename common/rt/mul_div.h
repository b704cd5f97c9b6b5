// SPDX-License-Identifier: Apache-2.0
//
// value * mul / div without the overflow of the product: what turns the ticks
// of a system's counter into nanoseconds and back. For value >= 0, mul and div
// > 0 and mul * div < 2^62; the result has to fit. Real-time safe.
#ifndef ANTIPHON_COMMON_RT_MUL_DIV_H_
#define ANTIPHON_COMMON_RT_MUL_DIV_H_

#include <cstdint>

namespace antiphon::rt {

constexpr int64_t MulDivDown(int64_t value, int64_t mul, int64_t div) {
  return value / div * mul + value % div * mul / div;
}

// Rounds up: an instant to wait for is never early.
constexpr int64_t MulDivUp(int64_t value, int64_t mul, int64_t div) {
  return value / div * mul + (value % div * mul + div - 1) / div;
}

}  // namespace antiphon::rt

#endif  // ANTIPHON_COMMON_RT_MUL_DIV_H_
