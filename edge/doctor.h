// SPDX-License-Identifier: Apache-2.0
//
// `antiphon-edge doctor`: the first thing to run when nothing happens. Opens
// the same ports as a session would, listens, asks the service, and tells each
// finding in one line with its remedy. Takes at most some Listen() + 1 s.
//
// The judgements are pure functions; Examine() does what they judge.
#ifndef ANTIPHON_EDGE_DOCTOR_H_
#define ANTIPHON_EDGE_DOCTOR_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "edge/clock_meter.h"
#include "edge/midi_ports.h"

namespace antiphon::edge {

struct Finding {
  enum class Verdict { kFine, kNote, kWrong };

  Verdict verdict = Verdict::kFine;
  std::string subject;  // "clock"
  std::string text;
  std::string remedy{};  // of what is wrong
};
// "WRONG  clock      no MIDI clock arrived; remedy: ...".
std::string ToLine(const Finding& finding);

struct ClockFacts {
  absl::Duration listened;
  uint64_t pulses = 0;
  std::optional<ClockMeter::Reading> reading{};
  bool running = false;  // the host plays
};
Finding JudgeClock(const ClockFacts& facts);

struct ServiceFacts {
  std::string target;
  bool connected = false;
  std::string model{};
  absl::Duration round_trip{};  // 95th percentile, 0: not measured
};
Finding JudgeService(const ServiceFacts& facts);

Finding JudgePriority(const absl::Status& granted);
// Of what was sent out of the output, what came back in, each after how long.
Finding JudgeLoopBack(int sent, std::vector<absl::Duration> delays);

class Doctor {
 public:
  static constexpr absl::Duration Listen() { return absl::Seconds(3); }
  // Beyond these the music suffers.
  static constexpr absl::Duration WorstJitter() {
    return absl::Milliseconds(5);
  }
  static constexpr absl::Duration WorstRoundTrip() {
    return absl::Milliseconds(50);
  }

  struct Options {
    MidiPorts::Options ports;
    bool expects_clock = true;
    std::string service;  // HOST:PORT
    std::string client;   // name and version
  };

  // Told each finding as soon as it is known, and what it is busy with.
  using Tell = std::function<void(const Finding&)>;
  using Progress = std::function<void(const std::string&)>;

  // True: nothing is wrong.
  static bool Examine(const Options& options, const Tell& tell,
                      const Progress& progress);
};

}  // namespace antiphon::edge

#endif  // ANTIPHON_EDGE_DOCTOR_H_
