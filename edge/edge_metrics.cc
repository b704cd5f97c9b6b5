// SPDX-License-Identifier: Apache-2.0
#include "edge/edge_metrics.h"

namespace antiphon::edge {
namespace {

const std::vector<double> kSlackBounds = {
    -2, -1, -0.5, -0.2, -0.1, -0.05, 0, 0.05, 0.1, 0.2, 0.5, 1, 2, 4};
const std::vector<double> kErrorBounds = {50e-6, 100e-6, 200e-6, 500e-6, 1e-3,
                                          2e-3,  5e-3,   10e-3,  20e-3};
const std::vector<double> kLatencyBounds = {
    0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5};

}  // namespace

EdgeMetrics::EdgeMetrics(Metrics& m, const std::string& version) {
  for (int o = 0; o < kOutcomes; ++o) {
    for (int r = 0; r < kReasons; ++r) {
      bars[static_cast<size_t>(o)][static_cast<size_t>(r)] =
          m.AddCounter("antiphon_edge_bars_total",
                       "Bars that sounded, by outcome and reason",
                       {{"outcome", ToString(static_cast<Outcome>(o))},
                        {"reason", ToString(static_cast<Reason>(r))}});
    }
  }
  deadline_misses =
      m.AddCounter("antiphon_edge_deadline_misses_total",
                   "Bars whose answer was not there by the cutoff");
  slack = m.AddHistogram("antiphon_edge_bar_slack_seconds",
                         "Cutoff minus arrival of the answer; negative: missed",
                         kSlackBounds);
  emission_error =
      m.AddHistogram("antiphon_edge_note_emission_error_seconds",
                     "Note sent minus its ideal instant", kErrorBounds);
  notes_sent = m.AddCounter("antiphon_edge_notes_sent_total", "Note-ons sent");
  notes_late = m.AddCounter("antiphon_edge_notes_late_total",
                            "Note-ons dropped because their time had passed");
  notes_dropped =
      m.AddCounter("antiphon_edge_notes_dropped_total",
                   "Notes dropped by a break, a loop or a full schedule");
  send_errors = m.AddCounter("antiphon_edge_send_errors_total",
                             "Messages that the MIDI output refused");
  sounding = m.AddGauge("antiphon_edge_sounding_notes", "Notes that sound now");
  playback_realtime =
      m.AddGauge("antiphon_edge_playback_realtime",
                 "1 while the playback thread has real-time priority");
  const char* latency = "antiphon_edge_answer_latency_seconds";
  const char* latency_help = "Job written to chunk read, first and last";
  first_chunk = m.AddHistogram(latency, latency_help, kLatencyBounds,
                               {{"phase", "first_chunk"}});
  last_chunk = m.AddHistogram(latency, latency_help, kLatencyBounds,
                              {{"phase", "last_chunk"}});
  tokens = m.AddCounter("antiphon_edge_tokens_total",
                        "Tokens of the answers received");
  stale_replies = m.AddCounter("antiphon_edge_stale_replies_total",
                               "Replies to jobs that were over");
  late_answer_notes =
      m.AddCounter("antiphon_edge_late_answer_notes_total",
                   "Notes of answers that came after their cutoff");
  malformed_replies = m.AddCounter("antiphon_edge_malformed_replies_total",
                                   "Chunks with notes that cannot be played");
  constexpr std::array<const char*, kPortKinds> kPorts = {"in", "clock", "out"};
  for (size_t k = 0; k < kPortKinds; ++k) {
    port_open[k] =
        m.AddGauge("antiphon_edge_port_open", "1 while the MIDI port is open",
                   {{"port", kPorts[k]}});
    port_reopens[k] = m.AddCounter("antiphon_edge_port_reopens_total",
                                   "Ports that were lost and opened again",
                                   {{"port", kPorts[k]}});
  }
  echoes = m.AddCounter("antiphon_edge_echoes_total",
                        "Own messages that came back in and were ignored");
  input_dropped = m.AddCounter("antiphon_edge_input_dropped_total",
                               "MIDI messages that found a full queue");
  late_events = m.AddCounter("antiphon_edge_late_events_total",
                             "Events handled after their settle time");
  AddClock(m);
  stream_connected = m.AddGauge("antiphon_edge_stream_connected",
                                "1 while the service answers");
  stream_connects = m.AddCounter("antiphon_edge_stream_connects_total",
                                 "Streams opened and welcomed");
  round_trip = m.AddGauge("antiphon_edge_round_trip_seconds",
                          "95th percentile of the last round trips");
  jobs_open = m.AddGauge("antiphon_edge_queue_depth",
                         "Jobs that wait for their answer");
  m.AddGauge("antiphon_edge_build_info", "1; the version is a label",
             {{"version", version}})
      ->Set(1);
}

void EdgeMetrics::AddClock(Metrics& m) {
  pulses =
      m.AddCounter("antiphon_edge_clock_pulses_total", "MIDI clocks received");
  clock_running =
      m.AddGauge("antiphon_edge_clock_running", "1 while the host plays");
  clock_locked = m.AddGauge("antiphon_edge_clock_locked",
                            "1 while a quarter note of pulses is on one line");
  clock_gear = m.AddGauge("antiphon_edge_clock_gear",
                          "0 no tempo known, 1 quick, 2 quiet");
  clock_jitter = m.AddGauge("antiphon_edge_clock_jitter_seconds",
                            "Standard deviation of the pulses");
  tempo = m.AddGauge("antiphon_edge_clock_tempo_bpm", "Quarter notes a minute");
  clock_losses = m.AddCounter("antiphon_edge_clock_losses_total",
                              "Times that the running clock vanished");
  outliers = m.AddCounter("antiphon_edge_clock_outliers_total",
                          "Pulses too far off to be believed");
  lost_pulses = m.AddCounter("antiphon_edge_clock_lost_pulses_total",
                             "Pulses counted although they had not come");
  revised_pulses = m.AddCounter("antiphon_edge_clock_revised_pulses_total",
                                "Of those, the ones that were not lost");
  const char* steps = "antiphon_edge_clock_steps_total";
  const char* help = "New tempi and new phases found in the pulses";
  tempo_steps = m.AddCounter(steps, help, {{"kind", "tempo"}});
  phase_steps = m.AddCounter(steps, help, {{"kind", "phase"}});
}

void EdgeMetrics::ShowClock(const ClockFollower& follower) {
  const PulseFilter::Counts& counts = follower.counts();
  pulses->RaiseTo(static_cast<double>(follower.pulses()));
  clock_running->Set(follower.timeline().running() ? 1 : 0);
  clock_locked->Set(follower.locked() ? 1 : 0);
  clock_gear->Set(static_cast<double>(follower.gear()));
  clock_jitter->Set(absl::ToDoubleSeconds(follower.jitter()));
  tempo->Set(follower.quarters_per_minute());
  clock_losses->RaiseTo(static_cast<double>(follower.losses()));
  outliers->RaiseTo(static_cast<double>(counts.outliers));
  lost_pulses->RaiseTo(static_cast<double>(counts.lost));
  revised_pulses->RaiseTo(static_cast<double>(counts.revised));
  tempo_steps->RaiseTo(static_cast<double>(counts.tempo_steps));
  phase_steps->RaiseTo(static_cast<double>(counts.phase_steps));
}

}  // namespace antiphon::edge
