// SPDX-License-Identifier: Apache-2.0
//
// How good a MIDI clock is, as it arrives: a straight line through the last
// kWindow pulses (least squares); its slope is the tempo, the standard
// deviation from it the jitter. For people (--monitor, doctor), not for
// following: a tempo change shows as jitter for two beats. A gap of more than
// four pulses begins anew. Pure.
#ifndef ANTIPHON_EDGE_CLOCK_METER_H_
#define ANTIPHON_EDGE_CLOCK_METER_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>

#include "absl/time/time.h"
#include "common/time/mono_time.h"

namespace antiphon::edge {

class ClockMeter {
 public:
  static constexpr size_t kWindow = 48;  // two beats
  static constexpr size_t kEnough = 24;

  struct Reading {
    double quarters_per_minute = 0;
    absl::Duration jitter;
  };

  void OnPulse(MonoTime at);

  uint64_t pulses() const { return pulses_; }
  // Nothing until kEnough pulses have come without a gap.
  std::optional<Reading> Read() const;

 private:
  std::deque<MonoTime> window_;
  uint64_t pulses_ = 0;
};

}  // namespace antiphon::edge

#endif  // ANTIPHON_EDGE_CLOCK_METER_H_
