// SPDX-License-Identifier: Apache-2.0
//
// JACK's time (microseconds of jack_get_time, frames of the server) against
// CLOCK_MONOTONIC: the offset is measured when it is made. Process thread safe.
#ifndef ANTIPHON_TESTS_INTEGRATION_JACK_CLOCK_H_
#define ANTIPHON_TESTS_INTEGRATION_JACK_CLOCK_H_

#include <jack/jack.h>

#include <cstdint>
#include <limits>

#include "common/rt/clock.h"
#include "common/time/mono_time.h"

namespace antiphon::testing {

class JackClock {
 public:
  explicit JackClock(jack_client_t* client) : client_(client) {
    // The pair read in the shortest time is the truest.
    int64_t best = std::numeric_limits<int64_t>::max();
    for (int i = 0; i < 20; ++i) {
      const int64_t before = rt::Now().nanos();
      const int64_t jack = NanosOf(jack_get_time());
      const int64_t after = rt::Now().nanos();
      if (after - before >= best) continue;
      best = after - before;
      offset_nanos_ = before + best / 2 - jack;
    }
  }

  MonoTime TimeOf(jack_nframes_t frame) const {
    return MonoTime::FromNanos(NanosOf(jack_frames_to_time(client_, frame)) +
                               offset_nanos_);
  }
  jack_nframes_t FrameOf(MonoTime time) const {
    return jack_time_to_frames(
        client_,
        static_cast<jack_time_t>((time.nanos() - offset_nanos_) / 1000));
  }

 private:
  static int64_t NanosOf(jack_time_t microseconds) {
    return static_cast<int64_t>(microseconds) * 1000;
  }

  jack_client_t* const client_;
  int64_t offset_nanos_ = 0;
};

}  // namespace antiphon::testing

#endif  // ANTIPHON_TESTS_INTEGRATION_JACK_CLOCK_H_
