// SPDX-License-Identifier: Apache-2.0
#include "inference/engine/time_map.h"

#include <algorithm>
#include <cassert>
#include <cmath>

#include "inference/model/model.h"

namespace antiphon::inference {
namespace {

constexpr int64_t kShortestMs = 10;
// What written music stands on, in ticks from the bar's line: sixteenths, and
// triplets of eighths and of sixteenths.
constexpr int64_t kWritten[] = {120, 80};
// How far a token may lie from what it stands for: half a step, and the
// rounding to whole milliseconds before that.
constexpr double kTokenReachMs = 6;

double NearestMultiple(double value, int64_t of) {
  return std::round(value / static_cast<double>(of)) * static_cast<double>(of);
}

// `ticks` from a bar's line, or what is written within a token's reach of it.
double AsWritten(double ticks, double ms_per_tick) {
  double best = ticks;
  double reach = kTokenReachMs / ms_per_tick;
  for (const int64_t grid : kWritten) {
    const double written = NearestMultiple(ticks, grid);
    if (std::abs(written - ticks) > reach) continue;
    best = written;
    reach = std::abs(written - ticks);
  }
  return best;
}

}  // namespace

TimeMap TimeMap::Real(const std::vector<TempoChange>& tempos, Ticks origin) {
  const auto ms_per_tick = [](double quarters_per_minute) {
    return 60e3 / quarters_per_minute / kTicksPerQuarter;
  };
  TimeMap map;
  for (const TempoChange& tempo : tempos) {
    const int64_t tick = tempo.tick.count();
    Span span{tick, 0, ms_per_tick(tempo.quarters_per_minute)};
    if (!map.spans_.empty()) {
      const Span& before = map.spans_.back();
      span.ms = before.ms +
                static_cast<double>(tick - before.tick) * before.ms_per_tick;
    }
    map.spans_.push_back(span);
  }
  if (map.spans_.empty()) map.spans_.push_back({0, 0, ms_per_tick(120)});
  const double zero = map.ExactMsAt(origin);
  for (Span& span : map.spans_) span.ms -= zero;
  return map;
}

TimeMap TimeMap::Bars(absl::Span<const Ticks> lines, Ticks first_length) {
  assert(lines.size() >= 2);
  TimeMap map;
  map.bars_ = true;
  for (size_t bar = 0; bar + 1 < lines.size(); ++bar) {
    Ticks line = lines[bar];
    if (bar == 0) line = std::min(line, lines[1] - first_length);
    const int64_t length = (lines[bar + 1] - line).count();
    map.spans_.push_back({line.count(), static_cast<double>(bar) * kWarpedBarMs,
                          kWarpedBarMs / static_cast<double>(length)});
  }
  return map;
}

const TimeMap::Span& TimeMap::SpanAt(Ticks tick) const {
  size_t i = spans_.size() - 1;
  while (i > 0 && spans_[i].tick > tick.count()) --i;
  return spans_[i];
}

double TimeMap::ExactMsAt(Ticks tick) const {
  const Span& span = SpanAt(tick);
  return span.ms +
         static_cast<double>(tick.count() - span.tick) * span.ms_per_tick;
}

Ticks TimeMap::NearestTick(double ms) const {
  size_t i = spans_.size() - 1;
  while (i > 0 && spans_[i].ms > ms) --i;
  const double ticks = (ms - spans_[i].ms) / spans_[i].ms_per_tick;
  return Ticks::Of(
      spans_[i].tick +
      std::llround(bars_ ? AsWritten(ticks, spans_[i].ms_per_tick) : ticks));
}

int64_t TimeMap::MsAt(Ticks tick) const {
  return std::llround(ExactMsAt(tick));
}

Ticks TimeMap::TicksAt(int64_t ms) const {
  return NearestTick(static_cast<double>(ms));
}

TimedNote TimeMap::Timed(const Note& note) const {
  const int64_t onset_ms = MsAt(note.tick);
  return {onset_ms, std::max(kShortestMs, MsAt(note.end()) - onset_ms),
          note.pitch, note.velocity};
}

TimeMap::Sounding TimeMap::SoundingOf(const TimedNote& note) const {
  const Ticks on = TicksAt(note.onset_ms);
  const double onset_ms =
      bars_ ? ExactMsAt(on) : static_cast<double>(note.onset_ms);
  return {on, NearestTick(onset_ms + static_cast<double>(note.duration_ms))};
}

}  // namespace antiphon::inference
