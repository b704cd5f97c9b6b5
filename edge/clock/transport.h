// SPDX-License-Identifier: Apache-2.0
//
// What START, STOP, CONTINUE and song position mean for the next clock pulse
// (MIDI 1.0, "System Real Time" and "Song Position Pointer"; design rules of
// transport). Messages between two clocks are judged by their net effect at the
// next clock; a STOP alone acts kStopSettle after it came. Position is in
// pulses from the start of the song. Until START, CONTINUE or STOP has come
// once, nobody knows whether a running clock plays: it may be attached to.
// Conductor thread.
#ifndef ANTIPHON_EDGE_CLOCK_TRANSPORT_H_
#define ANTIPHON_EDGE_CLOCK_TRANSPORT_H_

#include <cstdint>
#include <optional>

#include "common/midi/message.h"
#include "common/time/mono_time.h"

namespace antiphon::edge {

class Transport {
 public:
  static constexpr absl::Duration StopSettle() {
    return absl::Milliseconds(20);
  }

  enum class Pulse {
    kIdle,   // stopped before and after: sets tempo, not position
    kNext,   // running on
    kStart,  // was stopped, runs from position()
    kMove,   // was running, goes on at position() instead of the next pulse
    kStop,   // was running, has stopped
  };

  // START, STOP, CONTINUE, song position; anything else is ignored.
  void OnMessage(const TimedMessage& m);
  // A clock has arrived. Advances position() to it.
  Pulse OnClock();
  // While running on: so many clocks before the next one never came.
  void Lose(int64_t pulses);
  // While time stands: a clock that counts but does not run.
  void Pass() { ++next_; }
  // Takes a clock that nobody told of for playing: from the next one on, or as
  // if the last one had been at `position`.
  void Attach();
  void AttachAt(int64_t position);
  // When a lone STOP takes effect, if one is waiting.
  std::optional<MonoTime> StopDue() const;
  // Acts on it.
  void OnStopDue();
  // The clock was lost: time stands until it is back, then goes on from here.
  void OnClockLost();

  bool running() const { return running_; }
  // The next clock will start time, or move it elsewhere.
  bool will_jump() const {
    return will_run_ && (!running_ || next_ != position_ + 1);
  }
  bool may_attach() const { return !told_; }
  // Of the last clock that counted.
  int64_t position() const { return position_; }

 private:
  bool running_ = false;
  bool told_ = false;  // START, CONTINUE, STOP, or attached
  int64_t position_ = 0;
  // As the messages since the last clock leave it.
  bool will_run_ = false;
  int64_t next_ = 0;  // position of the next clock
  MonoTime stop_at_;
};

}  // namespace antiphon::edge

#endif  // ANTIPHON_EDGE_CLOCK_TRANSPORT_H_
