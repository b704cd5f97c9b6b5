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
// Output: JACK sends at the next period. RtMidi queues up to some 2300 messages
// and would wait for room when nobody takes them; Send() refuses before that:
// at once after the server has ended, and beyond kMaxUntaken messages in one
// period of a server that hangs (both told by a JackWatch).
//
// A port that was lost can be opened again under the same options (OpenPort):
// on the same client while the server lives, on a new one after it has ended.
// Alive() and Reopen() are not for the thread that sends.
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
#include "edge/port/input_filter.h"
#include "edge/port/jack_watch.h"
#include "edge/port/midi_port.h"
#include "edge/port/note_set.h"
#include "edge/port/open_port.h"

class RtMidiIn;
class RtMidiOut;

namespace antiphon::edge {

template <typename Port>
class RtMidiConnection;

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
  std::string own_name{};      // what others see: "Antiphon In"
  std::string peer{};          // "": a virtual port
  InputFilter filter{};        // of an input: what else arrives is ignored
  JackWatch* watch = nullptr;  // not owned; null: losses are seen by name alone
};

class RtMidiInput : public MidiInput, public OpenPort {
 public:
  // The ring is not owned and outlives this.
  static absl::StatusOr<std::unique_ptr<RtMidiInput>> Create(
      const PortOptions& options, MidiRing* ring);
  ~RtMidiInput() override;
  RtMidiInput(const RtMidiInput&) = delete;
  RtMidiInput& operator=(const RtMidiInput&) = delete;

  bool Alive() override;
  // Keys and pedals that were down are let go: their offs go into the ring.
  void Close() override;
  absl::Status Reopen() override;
  // "jack, virtual port "Antiphon In"".
  std::string description() const override;

  // Bytes that belonged to no message. Any thread.
  uint64_t malformed() const {
    return malformed_.load(std::memory_order_relaxed);
  }

 private:
  RtMidiInput(const PortOptions& options, MidiRing* ring);

  static void OnDelivery(double delta, std::vector<unsigned char>* bytes,
                         void* self);

  MidiRing* const ring_;
  const InputFilter filter_;
  StreamParser parser_;  // RtMidi's thread
  NoteSet held_;         // RtMidi's thread, then whoever calls Close()
  std::atomic<uint64_t> malformed_{0};
  // Last: its end stops the thread.
  std::unique_ptr<RtMidiConnection<RtMidiIn>> connection_;
};

class RtMidiOutput : public OpenOutput {
 public:
  static constexpr int kMaxUntaken = 1000;

  static absl::StatusOr<std::unique_ptr<RtMidiOutput>> Create(
      const PortOptions& options);
  // Waits a moment so that what was sent last is heard.
  ~RtMidiOutput() override;
  RtMidiOutput(const RtMidiOutput&) = delete;
  RtMidiOutput& operator=(const RtMidiOutput&) = delete;

  // Never waits.
  bool Send(const MidiMessage& message) noexcept override;
  Newcomer LookForNewcomer() noexcept override;

  bool Alive() override;
  void Close() override;
  absl::Status Reopen() override;
  std::string description() const override;

 private:
  explicit RtMidiOutput(const PortOptions& options);
  bool HasRoom() noexcept;

  // Of the thread that sends.
  uint64_t last_cycle_ = 0;
  int untaken_ = 0;
  uint64_t joined_ = 0;                   // as the watch told last
  std::optional<uint64_t> coming_since_;  // a period of JACK
  std::unique_ptr<RtMidiConnection<RtMidiOut>> connection_;
};

}  // namespace antiphon::edge

#endif  // ANTIPHON_EDGE_PORT_RTMIDI_PORT_H_
