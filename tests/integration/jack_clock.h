// SPDX-License-Identifier: Apache-2.0
//
// The period that JACK's process callback handles, on CLOCK_MONOTONIC: frame f
// of it is heard at begin + f * per_frame. Taken from JACK's own cycle times;
// for some periods after an overrun JACK has none (or nonsense), then the
// callback's present stands in. Process thread safe.
#ifndef ANTIPHON_TESTS_INTEGRATION_JACK_CLOCK_H_
#define ANTIPHON_TESTS_INTEGRATION_JACK_CLOCK_H_

#include <jack/jack.h>

#include <cmath>
#include <cstdint>
#include <limits>

#include "common/rt/clock.h"
#include "common/time/mono_time.h"

namespace antiphon::testing {

class JackClock {
 public:
  struct Period {
    int64_t begin_nanos = 0;
    double nanos_per_frame = 0;

    MonoTime TimeOf(jack_nframes_t frame) const {
      return MonoTime::FromNanos(begin_nanos +
                                 std::llround(frame * nanos_per_frame));
    }
    // Of the period; negative before it, its length or more after it.
    double FrameOf(MonoTime time) const {
      return static_cast<double>(time.nanos() - begin_nanos) / nanos_per_frame;
    }
  };

  explicit JackClock(jack_client_t* client)
      : client_(client), nominal_(1e9 / jack_get_sample_rate(client)) {
    // The pair read in the shortest time is the truest.
    int64_t best = std::numeric_limits<int64_t>::max();
    for (int i = 0; i < 20; ++i) {
      const int64_t before = rt::Now().nanos();
      const int64_t jack = static_cast<int64_t>(jack_get_time()) * 1000;
      const int64_t after = rt::Now().nanos();
      if (after - before >= best) continue;
      best = after - before;
      offset_nanos_ = before + best / 2 - jack;
    }
  }

  // In the process callback.
  Period Present() const {
    const int64_t now = rt::Now().nanos();
    jack_nframes_t frame = 0;
    jack_time_t begin_us = 0;
    jack_time_t end_us = 0;
    float length_us = 0;
    if (jack_get_cycle_times(client_, &frame, &begin_us, &end_us, &length_us) ==
        0) {
      const int64_t begin =
          static_cast<int64_t>(begin_us) * 1000 + offset_nanos_;
      if (std::abs(now - begin) < kPlausibleNanos) return {begin, nominal_};
    }
    return {now, nominal_};
  }

 private:
  static constexpr int64_t kPlausibleNanos = 5'000'000;

  jack_client_t* const client_;
  const double nominal_;  // nanoseconds a frame
  int64_t offset_nanos_ = 0;
};

}  // namespace antiphon::testing

#endif  // ANTIPHON_TESTS_INTEGRATION_JACK_CLOCK_H_
