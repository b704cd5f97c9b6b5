// SPDX-License-Identifier: Apache-2.0
//
// MIDI ports of the system through RtMidi 5: JACK, ALSA, CoreMIDI, Windows MM.
// Without a peer a virtual port is made, else the port is connected to the peer
// that MatchPortName finds. Exceptions and messages of RtMidi and libjack stop
// here; a Status names the port and the remedy.
//
// Input: RtMidi's thread (JACK's process thread, one per port) stamps each
// delivery on arrival, parses it and pushes into the ring; clock bytes, which
// RtMidi drops unless told, are on. Stamps of JACK fall on its periods.
// Output: JACK sends at the next period. Its queue holds some 2300 messages;
// when the server dies without notice and more are sent, RtMidi waits for room.
#ifndef ANTIPHON_EDGE_PORT_RTMIDI_PORT_H_
#define ANTIPHON_EDGE_PORT_RTMIDI_PORT_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/midi/stream_parser.h"
#include "edge/port/midi_port.h"

class RtMidiIn;
class RtMidiOut;

namespace antiphon::edge {

class RtMidiErrors;

enum class MidiApi {
  kAuto,  // the first of the others that works and has the peer
  kJack,
  kAlsa,
  kCoreMidi,
  kWindows,
};

// "auto", "jack", "alsa", "core", "winmm".
std::optional<MidiApi> ParseMidiApi(std::string_view name);

// What one MIDI API sees. `inputs` can be played from, `outputs` sent to.
struct PortList {
  std::string api;
  absl::Status status;  // why there are none
  std::vector<std::string> inputs;
  std::vector<std::string> outputs;
};
// Of every API that this build of RtMidi has, or of the one asked for.
std::vector<PortList> ListPorts(MidiApi wanted);

struct PortOptions {
  MidiApi api = MidiApi::kAuto;
  std::string own_name{};  // what others see: "Antiphon In"
  std::string peer{};      // "": a virtual port
};

class RtMidiInput : public MidiInput {
 public:
  // The ring is not owned and outlives this.
  static absl::StatusOr<std::unique_ptr<RtMidiInput>> Create(
      const PortOptions& options, MidiRing* ring);
  ~RtMidiInput() override;
  RtMidiInput(const RtMidiInput&) = delete;
  RtMidiInput& operator=(const RtMidiInput&) = delete;

  // What the port is, for people: "jack, virtual port "Antiphon In"".
  const std::string& description() const { return description_; }
  // Bytes that belonged to no message. Any thread.
  uint64_t malformed() const {
    return malformed_.load(std::memory_order_relaxed);
  }

 private:
  explicit RtMidiInput(MidiRing* ring);

  static void OnDelivery(double delta, std::vector<unsigned char>* bytes,
                         void* self);

  MidiRing* const ring_;
  std::string description_;
  StreamParser parser_;  // RtMidi's thread
  std::atomic<uint64_t> malformed_{0};
  std::unique_ptr<RtMidiErrors> errors_;
  std::unique_ptr<RtMidiIn> port_;  // last: its end stops the thread
};

class RtMidiOutput : public MidiOutput {
 public:
  static absl::StatusOr<std::unique_ptr<RtMidiOutput>> Create(
      const PortOptions& options);
  // Waits a moment so that what was sent last is heard.
  ~RtMidiOutput() override;
  RtMidiOutput(const RtMidiOutput&) = delete;
  RtMidiOutput& operator=(const RtMidiOutput&) = delete;

  bool Send(const MidiMessage& message) noexcept override;

  const std::string& description() const { return description_; }

 private:
  RtMidiOutput();

  std::string description_;
  std::unique_ptr<RtMidiErrors> errors_;
  std::unique_ptr<RtMidiOut> port_;
};

}  // namespace antiphon::edge

#endif  // ANTIPHON_EDGE_PORT_RTMIDI_PORT_H_
