// SPDX-License-Identifier: Apache-2.0
//
// An instant on the monotonic clock (CLOCK_MONOTONIC, the one that can be slept
// on), in whole nanoseconds. Differences are absl::Duration. Instants of
// different machines are never compared; wall-clock time (absl::Time) is for
// logs only.
#ifndef ANTIPHON_COMMON_TIME_MONO_TIME_H_
#define ANTIPHON_COMMON_TIME_MONO_TIME_H_

#include <compare>
#include <cstdint>
#include <limits>

#include "absl/time/time.h"

namespace antiphon {

class MonoTime {
 public:
  constexpr MonoTime() = default;
  static constexpr MonoTime FromNanos(int64_t nanos) { return MonoTime(nanos); }
  // Later than every instant that occurs: "never".
  static constexpr MonoTime Max() {
    return MonoTime(std::numeric_limits<int64_t>::max());
  }
  static constexpr MonoTime Min() {
    return MonoTime(std::numeric_limits<int64_t>::min());
  }

  constexpr int64_t nanos() const { return nanos_; }

  friend constexpr auto operator<=>(MonoTime, MonoTime) = default;
  friend MonoTime operator+(MonoTime t, absl::Duration d) {
    return MonoTime(t.nanos_ + absl::ToInt64Nanoseconds(d));
  }
  friend MonoTime operator-(MonoTime t, absl::Duration d) {
    return MonoTime(t.nanos_ - absl::ToInt64Nanoseconds(d));
  }
  friend absl::Duration operator-(MonoTime a, MonoTime b) {
    return absl::Nanoseconds(a.nanos_ - b.nanos_);
  }

 private:
  explicit constexpr MonoTime(int64_t nanos) : nanos_(nanos) {}

  int64_t nanos_ = 0;
};

}  // namespace antiphon

#endif  // ANTIPHON_COMMON_TIME_MONO_TIME_H_
