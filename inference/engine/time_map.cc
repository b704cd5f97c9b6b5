// SPDX-License-Identifier: Apache-2.0
#include "inference/engine/time_map.h"

#include <cmath>

namespace antiphon::inference {

TimeMap::TimeMap(const std::vector<TempoChange>& tempos, Ticks origin) {
  const auto ms_per_tick = [](double quarters_per_minute) {
    return 60e3 / quarters_per_minute / kTicksPerQuarter;
  };
  for (const TempoChange& tempo : tempos) {
    const int64_t tick = tempo.tick.count();
    Span span{tick, 0, ms_per_tick(tempo.quarters_per_minute)};
    if (!spans_.empty()) {
      const Span& before = spans_.back();
      span.ms = before.ms +
                static_cast<double>(tick - before.tick) * before.ms_per_tick;
    }
    spans_.push_back(span);
  }
  if (spans_.empty()) spans_.push_back({0, 0, ms_per_tick(120)});
  // Milliseconds count from the origin.
  double zero = 0;
  for (const Span& span : spans_) {
    if (&span != &spans_.front() && span.tick > origin.count()) break;
    zero = span.ms +
           static_cast<double>(origin.count() - span.tick) * span.ms_per_tick;
  }
  for (Span& span : spans_) span.ms -= zero;
}

int64_t TimeMap::MsAt(Ticks tick) const {
  size_t i = spans_.size() - 1;
  while (i > 0 && spans_[i].tick > tick.count()) --i;
  return std::llround(spans_[i].ms +
                      static_cast<double>(tick.count() - spans_[i].tick) *
                          spans_[i].ms_per_tick);
}

Ticks TimeMap::TicksAt(int64_t ms) const {
  size_t i = spans_.size() - 1;
  while (i > 0 && spans_[i].ms > static_cast<double>(ms)) --i;
  return Ticks::Of(spans_[i].tick +
                   std::llround((static_cast<double>(ms) - spans_[i].ms) /
                                spans_[i].ms_per_tick));
}

}  // namespace antiphon::inference
