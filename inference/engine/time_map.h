// SPDX-License-Identifier: Apache-2.0
//
// Between ticks and the milliseconds that tokens carry, both directions by one
// object, so that they can never disagree. Two time bases:
//   real  true time along the context's tempo map; the last tempo holds on.
//   bar   every bar is as long as every other, kWarpedBarMs; before the first
//         line and after the last one the neighbouring bar's pace holds on. A
//         token's step is 1/240 bar, which misses triplets and sixteenths of
//         some meters (3/4, 7/8) by less than half a step; on the way back they
//         are met again, so that written music returns as it was.
// Both are piecewise linear. Immutable; any thread.
#ifndef ANTIPHON_INFERENCE_ENGINE_TIME_MAP_H_
#define ANTIPHON_INFERENCE_ENGINE_TIME_MAP_H_

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "common/music/note.h"
#include "common/music/ticks.h"
#include "inference/aria/timed_note.h"

namespace antiphon::inference {

class TimeMap {
 public:
  // Where a note sounds.
  struct Sounding {
    Ticks on;
    Ticks off;
  };

  // `origin` is millisecond 0. Without a tempo: 120 quarter notes a minute.
  static TimeMap Real(const std::vector<TempoChange>& tempos, Ticks origin);
  // At least two growing bar lines; the first one is millisecond 0. A first bar
  // shorter than `first_length` is a pickup: the end of a bar that long.
  static TimeMap Bars(absl::Span<const Ticks> lines,
                      Ticks first_length = Ticks());

  int64_t MsAt(Ticks tick) const;
  // By the tempo, or the bar, that `tick` lies in.
  double MsPerTickAt(Ticks tick) const { return SpanAt(tick).ms_per_tick; }
  Ticks TicksAt(int64_t ms) const;

  // A note of the context as tokens tell it; at least 10 ms long.
  TimedNote Timed(const Note& note) const;
  // What tokens tell, as it sounds. In bars a duration counts from where its
  // onset is, not from the token's step.
  Sounding SoundingOf(const TimedNote& note) const;

 private:
  struct Span {
    int64_t tick = 0;
    double ms = 0;
    double ms_per_tick = 0;
  };

  TimeMap() = default;
  const Span& SpanAt(Ticks tick) const;
  double ExactMsAt(Ticks tick) const;
  Ticks NearestTick(double ms) const;

  // Never empty, by tick; the first also holds before.
  std::vector<Span> spans_;
  bool bars_ = false;  // each span is one bar
};

}  // namespace antiphon::inference

#endif  // ANTIPHON_INFERENCE_ENGINE_TIME_MAP_H_
