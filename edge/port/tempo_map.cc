// SPDX-License-Identifier: Apache-2.0
#include "edge/port/tempo_map.h"

#include <algorithm>
#include <iterator>

namespace antiphon::edge {

TempoMap TempoMap::Constant(double tempo) {
  TempoMap map;
  map.segments_.push_back(
      {.quarters = 0, .seconds = 0, .seconds_per_quarter = 60 / tempo});
  return map;
}

TempoMap TempoMap::OfFile(const MidiFile& file) {
  TempoMap map = Constant(120);
  for (const MidiFileTempo& tempo : file.tempos) {
    const double at = static_cast<double>(tempo.tick) / file.ticks_per_quarter;
    const double seconds = map.SecondsAt(at);
    // Of several at one tick the last holds.
    if (map.segments_.back().quarters == at) map.segments_.pop_back();
    map.segments_.push_back(
        {.quarters = at,
         .seconds = seconds,
         .seconds_per_quarter = tempo.us_per_quarter * 1e-6});
  }
  return map;
}

double TempoMap::SecondsAt(double quarters) const {
  const Segment& segment = SegmentOf(quarters);
  return segment.seconds +
         (quarters - segment.quarters) * segment.seconds_per_quarter;
}

double TempoMap::tempo_at(double quarters) const {
  return 60 / SegmentOf(quarters).seconds_per_quarter;
}

const TempoMap::Segment& TempoMap::SegmentOf(double quarters) const {
  const auto after = std::upper_bound(
      std::next(segments_.begin()), segments_.end(), quarters,
      [](double q, const Segment& segment) { return q < segment.quarters; });
  return *std::prev(after);
}

}  // namespace antiphon::edge
