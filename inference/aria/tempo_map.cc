// SPDX-License-Identifier: Apache-2.0
#include "inference/aria/tempo_map.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace antiphon::inference {
namespace {

constexpr double kDefaultUsPerQuarter = 500'000;
constexpr double kMaxMs = 1e15;
// So many spans are summed one by one, as the reference does.
constexpr size_t kSummedSpans = 256;

// The order of these two operations is the reference's.
double SecondsPerTick(double us_per_quarter, int ticks_per_quarter) {
  return us_per_quarter * 1e-6 / ticks_per_quarter;
}

}  // namespace

TempoMap::TempoMap(int ticks_per_quarter,
                   absl::Span<const MidiFileTempo> tempos) {
  if (tempos.empty() || tempos.front().tick > 0) {
    Append(0, SecondsPerTick(kDefaultUsPerQuarter, ticks_per_quarter));
  }
  for (const MidiFileTempo& tempo : tempos) {
    Append(tempo.tick, SecondsPerTick(tempo.us_per_quarter, ticks_per_quarter));
  }
}

void TempoMap::Append(int64_t begin_tick, double seconds_per_tick) {
  double seconds = 0;
  if (!spans_.empty()) {
    const Span& before = spans_.back();
    seconds = before.begin_seconds +
              static_cast<double>(begin_tick - before.begin_tick) *
                  before.seconds_per_tick;
  }
  spans_.push_back({begin_tick, seconds_per_tick, seconds});
}

size_t TempoMap::SpanAt(int64_t tick) const {
  const auto after = std::upper_bound(
      spans_.begin(), spans_.end(), tick,
      [](int64_t at, const Span& span) { return at < span.begin_tick; });
  return after == spans_.begin()
             ? 0
             : static_cast<size_t>(after - spans_.begin()) - 1;
}

TempoMap TempoMap::From(int64_t tick) const {
  TempoMap map;
  for (size_t i = SpanAt(tick); i < spans_.size(); ++i) {
    map.Append(std::max<int64_t>(0, spans_[i].begin_tick - tick),
               spans_[i].seconds_per_tick);
  }
  return map;
}

int64_t TempoMap::DurationMs(int64_t start_tick, int64_t end_tick) const {
  if (end_tick <= start_tick) return 0;
  const auto seconds_in = [this](size_t span, int64_t from, int64_t to) {
    return static_cast<double>(to - from) * spans_[span].seconds_per_tick;
  };
  const size_t last = SpanAt(end_tick);
  size_t span = SpanAt(start_tick);
  double seconds = 0;
  if (start_tick == 0) {
    span = last;
    seconds = spans_[last].begin_seconds;
    start_tick = spans_[last].begin_tick;
  }
  for (size_t n = 0; span < last && n < kSummedSpans; ++n, ++span) {
    const int64_t until = spans_[span + 1].begin_tick;
    seconds += seconds_in(span, start_tick, until);
    start_tick = until;
  }
  if (span < last) {
    seconds += spans_[last].begin_seconds - spans_[span].begin_seconds;
    start_tick = spans_[last].begin_tick;
  }
  seconds += seconds_in(last, start_tick, end_tick);
  return static_cast<int64_t>(std::nearbyint(std::min(seconds * 1000, kMaxMs)));
}

}  // namespace antiphon::inference
