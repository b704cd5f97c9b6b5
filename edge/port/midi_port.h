// SPDX-License-Identifier: Apache-2.0
//
// MIDI ports as the rest of the edge sees them. An output takes messages from
// one thread (playback), an input is a source that pushes what it receives,
// stamped, into a ring given to it when it was created; its thread is the
// ring's only producer, and nothing is pushed after its destructor.
// Implementations: RtMidiOutput and RtMidiInput (a MIDI server), PerformerInput
// (a file or the internal clock as the host), recording and fake ports in
// tests.
#ifndef ANTIPHON_EDGE_PORT_MIDI_PORT_H_
#define ANTIPHON_EDGE_PORT_MIDI_PORT_H_

#include <cstddef>

#include "common/midi/message.h"
#include "common/rt/spsc_ring.h"
#include "common/time/mono_time.h"

namespace antiphon::edge {

// From an input to the conductor. The capacity holds more than one second of
// the densest MIDI cable (about 1000 messages a second); a full ring drops and
// counts.
using MidiRing = SpscRing<TimedMessage>;
inline constexpr size_t kMidiRingCapacity = 2048;

class MidiOutput {
 public:
  virtual ~MidiOutput() = default;

  // Sends at once. Real-time safe. False: the port did not take it.
  virtual bool Send(const MidiMessage& message) noexcept = 0;

  // For what a port has to send of its own accord: at every turn of the thread
  // that sends, a millisecond apart or less. Real-time safe.
  virtual void Tend(MonoTime /*now*/) noexcept {}
};

class MidiInput {
 public:
  virtual ~MidiInput() = default;
};

}  // namespace antiphon::edge

#endif  // ANTIPHON_EDGE_PORT_MIDI_PORT_H_
