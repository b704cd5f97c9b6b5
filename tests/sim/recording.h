// SPDX-License-Identifier: Apache-2.0
//
// Everything that a run left behind, as plain values: what was scripted, what
// was planned, what left the port, what the service saw, what was told of each
// bar. Checkers judge it; a test that plants a defect changes it first.
#ifndef ANTIPHON_TESTS_SIM_RECORDING_H_
#define ANTIPHON_TESTS_SIM_RECORDING_H_

#include <optional>
#include <string>
#include <vector>

#include "edge/conductor.h"
#include "tests/sim/fake_network.h"
#include "tests/sim/host_script.h"
#include "tests/sim/sim_service.h"

namespace antiphon::sim {

// A command on its way from the conductor to playback.
struct Planned {
  MonoTime at;
  edge::PlaybackCommand command;
};

// One message out of the port, and which note of which bar it is of.
struct Sent {
  MonoTime at;
  MidiMessage message;
  Epoch epoch = 0;
  PlaySeq play_seq = 0;
  uint32_t note = 0;
  MonoTime due{};  // as playback says
  // Where the newest timeline puts it; not known of a bar that is over.
  std::optional<MonoTime> placed{};
  // Of its bar, by the timeline of that moment.
  Ticks length{};
};

// A job that the conductor posted.
struct Asked {
  edge::JobId job = 0;
  PlaySeq answers = 0;
  Epoch epoch = 0;
};

struct Begun {
  MonoTime line;
  PlaySeq play_seq = 0;
  BarIndex bar_index = 0;
  Epoch epoch = 0;
};

struct Recording {
  HostScript host;
  NetworkScript network;  // with the troubles that a test's fates made
  std::vector<Planned> planned{};
  std::vector<Sent> sent{};
  std::vector<edge::Telemetry> told{};  // by playback
  std::vector<edge::Reply> replies{};   // as the conductor took them
  std::vector<Begun> begun{};
  std::vector<edge::BarRecord> bars{};
  std::vector<Asked> asked{};
  std::vector<edge::JobId> called_off{};  // by the conductor
  std::vector<JobSeen> jobs{};
  std::vector<v1::BarReport> reports{};
  std::vector<uint64_t> cancels{};
  std::vector<uint64_t> left_open{};  // of the service's jobs, at the very end
  std::vector<std::string> complaints{};  // of either side about the other
  edge::Conductor::Counters counters{};
  uint64_t network_hash = 0;
  uint64_t packets = 0;

  // When the host said so, how many bars were answered, and the like.
  int CountBars(Outcome outcome, Reason reason) const;
  // Note-ons of one bar, as sent.
  std::vector<Sent> OnsOf(PlaySeq bar) const;
};

// What left the port, byte for byte and at the same instants.
bool SameBytes(const Recording& a, const Recording& b);

}  // namespace antiphon::sim

#endif  // ANTIPHON_TESTS_SIM_RECORDING_H_
