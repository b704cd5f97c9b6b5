// SPDX-License-Identifier: Apache-2.0
//
// The 95th percentile of the last kWindow round trips: what a budget must leave
// for the network. Zero before the first. Client thread.
#ifndef ANTIPHON_EDGE_CLIENT_ROUND_TRIP_H_
#define ANTIPHON_EDGE_CLIENT_ROUND_TRIP_H_

#include <algorithm>
#include <array>

#include "absl/time/time.h"

namespace antiphon::edge {

class RoundTrip {
 public:
  static constexpr size_t kWindow = 64;

  void Add(absl::Duration round_trip) {
    window_[next_++ % kWindow] = round_trip;
  }

  absl::Duration P95() const {
    const size_t count = std::min(next_, kWindow);
    if (count == 0) return absl::ZeroDuration();
    std::array<absl::Duration, kWindow> sorted = window_;
    std::sort(sorted.begin(), sorted.begin() + count);
    return sorted[(count - 1) * 95 / 100];
  }

 private:
  std::array<absl::Duration, kWindow> window_;
  size_t next_ = 0;
};

}  // namespace antiphon::edge

#endif  // ANTIPHON_EDGE_CLIENT_ROUND_TRIP_H_
