// SPDX-License-Identifier: Apache-2.0
//
// What the edge shows of itself, antiphon_edge_*: docs/metrics.md has a line
// for each. Every series exists at 0 from the start. Conductor thread.
#ifndef ANTIPHON_EDGE_EDGE_METRICS_H_
#define ANTIPHON_EDGE_EDGE_METRICS_H_

#include <array>
#include <cstddef>
#include <string>

#include "common/metrics/metrics.h"
#include "common/music/note.h"
#include "edge/clock/clock_follower.h"

namespace antiphon::edge {

enum class PortKind { kIn, kClock, kOut };
inline constexpr size_t kPortKinds = 3;

struct EdgeMetrics {
  EdgeMetrics(Metrics& metrics, const std::string& version);

  void CountBar(Outcome outcome, Reason reason) {
    bars[static_cast<size_t>(outcome)][static_cast<size_t>(reason)]
        ->Increment();
  }

  // What the follower believes and has counted.
  void ShowClock(const ClockFollower& follower);

  std::array<std::array<Counter*, kReasons>, kOutcomes> bars{};
  Counter* deadline_misses;
  Histogram* slack;
  Histogram* emission_error;
  Counter* notes_sent;
  Counter* notes_late;
  Counter* notes_dropped;
  Counter* send_errors;
  Gauge* sounding;
  Gauge* playback_realtime;
  Histogram* first_chunk;
  Histogram* last_chunk;
  Counter* tokens;
  Counter* stale_replies;
  Counter* late_answer_notes;
  Counter* malformed_replies;
  std::array<Gauge*, kPortKinds> port_open{};
  std::array<Counter*, kPortKinds> port_reopens{};
  Counter* echoes;
  Counter* input_dropped;
  Counter* late_events;
  Counter* pulses;
  Gauge* clock_running;
  Gauge* clock_locked;
  Gauge* clock_gear;
  Gauge* clock_jitter;
  Gauge* tempo;
  Counter* clock_losses;
  Counter* outliers;
  Counter* lost_pulses;
  Counter* revised_pulses;
  Counter* tempo_steps;
  Counter* phase_steps;
  Gauge* stream_connected;
  Counter* stream_connects;
  Gauge* round_trip;
  Gauge* jobs_open;

 private:
  void AddClock(Metrics& metrics);
};

}  // namespace antiphon::edge

#endif  // ANTIPHON_EDGE_EDGE_METRICS_H_
