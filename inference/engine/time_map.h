// SPDX-License-Identifier: Apache-2.0
//
// Between ticks and the milliseconds that tokens carry, both directions by one
// object, so that they can never disagree. This is time base `real`: true time
// along the context's tempo map; the last tempo holds on.
#ifndef ANTIPHON_INFERENCE_ENGINE_TIME_MAP_H_
#define ANTIPHON_INFERENCE_ENGINE_TIME_MAP_H_

#include <cstdint>
#include <vector>

#include "common/music/note.h"
#include "common/music/ticks.h"

namespace antiphon::inference {

class TimeMap {
 public:
  // `origin` is millisecond 0. Without a tempo: 120 quarter notes a minute.
  TimeMap(const std::vector<TempoChange>& tempos, Ticks origin);

  int64_t MsAt(Ticks tick) const;
  Ticks TicksAt(int64_t ms) const;

 private:
  struct Span {
    int64_t tick = 0;
    double ms = 0;
    double ms_per_tick = 0;
  };

  std::vector<Span>
      spans_;  // never empty, by tick; the first also holds before
};

}  // namespace antiphon::inference

#endif  // ANTIPHON_INFERENCE_ENGINE_TIME_MAP_H_
