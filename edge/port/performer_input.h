// SPDX-License-Identifier: Apache-2.0
//
// Plays a Performer: a thread that takes the part of midi_in, sleeps until each
// message is due and pushes it into the ring with its ideal stamp, the same way
// as RtMidiInput's callback. finished() turns true after the performer's last
// message; a performance that is ended early closes with STOP. A full ring
// drops and counts.
#ifndef ANTIPHON_EDGE_PORT_PERFORMER_INPUT_H_
#define ANTIPHON_EDGE_PORT_PERFORMER_INPUT_H_

#include <atomic>
#include <thread>

#include "edge/port/midi_port.h"
#include "edge/port/performer.h"

namespace antiphon::edge {

class PerformerInput : public MidiInput {
 public:
  // Neither is owned; both outlive this.
  PerformerInput(Performer* performer, MidiRing* ring);
  ~PerformerInput() override;
  PerformerInput(const PerformerInput&) = delete;
  PerformerInput& operator=(const PerformerInput&) = delete;

  // Ends the performance within Patience(). Any thread but the performer's.
  void Stop();

  // The last message is in the ring. Any thread.
  bool finished() const { return finished_.load(std::memory_order_acquire); }

 private:
  static constexpr absl::Duration Patience() { return absl::Milliseconds(20); }

  void Run();
  bool WaitUntil(MonoTime due);

  Performer* const performer_;
  MidiRing* const ring_;
  std::atomic<bool> stop_{false};
  std::atomic<bool> finished_{false};
  std::thread thread_;
};

}  // namespace antiphon::edge

#endif  // ANTIPHON_EDGE_PORT_PERFORMER_INPUT_H_
