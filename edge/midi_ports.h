// SPDX-License-Identifier: Apache-2.0
//
// The MIDI ports of a session: opened by name or as virtual ports, kept open by
// a watcher, shown on the metrics page. What they are for is said by Options;
// the rings and the output go to the agent. Conductor's thread.
#ifndef ANTIPHON_EDGE_MIDI_PORTS_H_
#define ANTIPHON_EDGE_MIDI_PORTS_H_

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "edge/edge_metrics.h"
#include "edge/port/kept_port.h"
#include "edge/port/midi_port.h"
#include "edge/port/port_watcher.h"
#include "edge/port/rtmidi_port.h"

namespace antiphon::edge {

class MidiPorts {
 public:
  // Names: "" makes a virtual port, absent no port at all. Several inputs are
  // merged. The clock comes from the clock port where there is one, else from
  // the first input.
  struct Options {
    MidiApi api = MidiApi::kAuto;
    std::vector<std::string> in;
    std::optional<std::string> clock;
    std::optional<std::string> out;
    bool takes_clock = true;  // false: time comes from elsewhere
    int in_channel = 0;       // of the notes, 1..16; 0: all
    int channel = 0;          // of the answer, 0..15
  };

  // Opens them all, or says which cannot be opened and why.
  static absl::StatusOr<std::unique_ptr<MidiPorts>> Create(
      const Options& options);
  MidiPorts(const MidiPorts&) = delete;
  MidiPorts& operator=(const MidiPorts&) = delete;

  // The agent's first inputs.
  std::vector<MidiRing*> rings() const;
  // What people call them, in the same order: "jack, connected to "Keys"".
  std::vector<std::string> names() const;
  // Short: "in", "in 2", "clock".
  std::vector<std::string> labels() const;
  // Of every port, the output too: "in: jack, connected to "Keys"".
  std::vector<std::string> Descriptions() const;
  uint64_t dropped() const;
  MidiOutput* output() { return output_.get(); }

  void Show(EdgeMetrics& metrics) const;

 private:
  struct Input {
    PortKind kind;
    std::string label{};
    std::string name{};
    std::unique_ptr<MidiRing> ring{};
    std::unique_ptr<KeptInput> port{};
  };

  MidiPorts() = default;
  absl::Status OpenInputs(const Options& options, PortOptions port);
  absl::Status OpenInput(PortKind kind, const PortOptions& options);
  absl::Status OpenOutput(const PortOptions& options, int channel);

  static constexpr char kOutputName[] = "Antiphon Out";

  JackWatch watch_{kOutputName};  // outlives the ports
  std::vector<Input> inputs_;
  KeptOutput* kept_output_ = nullptr;  // where output_ is one
  std::string output_name_;
  std::unique_ptr<MidiOutput> output_;
  std::unique_ptr<PortWatcher> watcher_;  // ends first
};

// For people, who see each port beside the flag that takes it.
std::string ToText(const std::vector<PortList>& lists);

}  // namespace antiphon::edge

#endif  // ANTIPHON_EDGE_MIDI_PORTS_H_
