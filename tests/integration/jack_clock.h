// SPDX-License-Identifier: Apache-2.0
//
// The period that JACK's process callback handles, on CLOCK_MONOTONIC: frame f
// of it is heard at begin + f * per_frame. Begins when the callback does.
// JACK's own cycle times come from a filter that takes seconds to get over a
// late period: a host that plays by them would play a clock that jumps. Process
// thread safe.
#ifndef ANTIPHON_TESTS_INTEGRATION_JACK_CLOCK_H_
#define ANTIPHON_TESTS_INTEGRATION_JACK_CLOCK_H_

#include <jack/jack.h>

#include <cmath>
#include <cstdint>

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
      : nanos_per_frame_(1e9 / jack_get_sample_rate(client)) {}

  // In the process callback.
  Period Present() const { return {rt::Now().nanos(), nanos_per_frame_}; }

 private:
  const double nanos_per_frame_;
};

}  // namespace antiphon::testing

#endif  // ANTIPHON_TESTS_INTEGRATION_JACK_CLOCK_H_
