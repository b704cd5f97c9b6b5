// SPDX-License-Identifier: Apache-2.0
#include "inference/aria/tempo_map.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace antiphon::inference {
namespace {

constexpr double kDefaultUsPerQuarter = 500'000;
constexpr double kMaxMs = 1e15;

// The order of these two operations is the reference's.
double SecondsPerTick(double us_per_quarter, int ticks_per_quarter) {
  return us_per_quarter * 1e-6 / ticks_per_quarter;
}

}  // namespace

TempoMap::TempoMap(int ticks_per_quarter,
                   absl::Span<const MidiFileTempo> tempos) {
  if (tempos.empty() || tempos.front().tick > 0) {
    spans_.push_back(
        {0, SecondsPerTick(kDefaultUsPerQuarter, ticks_per_quarter)});
  }
  for (const MidiFileTempo& tempo : tempos) {
    spans_.push_back(
        {tempo.tick, SecondsPerTick(tempo.us_per_quarter, ticks_per_quarter)});
  }
}

int64_t TempoMap::DurationMs(int64_t start_tick, int64_t end_tick) const {
  const auto after = std::upper_bound(
      spans_.begin(), spans_.end(), start_tick,
      [](int64_t tick, const Span& span) { return tick < span.begin_tick; });
  auto span = after == spans_.begin() ? after : after - 1;
  double seconds = 0;
  for (int64_t tick = start_tick; tick < end_tick; ++span) {
    const bool last = span + 1 == spans_.end();
    const int64_t until =
        last ? end_tick : std::min(end_tick, (span + 1)->begin_tick);
    seconds += static_cast<double>(until - tick) * span->seconds_per_tick;
    tick = until;
  }
  return static_cast<int64_t>(std::nearbyint(std::min(seconds * 1000, kMaxMs)));
}

}  // namespace antiphon::inference
