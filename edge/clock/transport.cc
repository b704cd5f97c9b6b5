// SPDX-License-Identifier: Apache-2.0
#include "edge/clock/transport.h"

#include "common/music/ticks.h"

namespace antiphon::edge {

void Transport::OnMessage(const TimedMessage& m) {
  const bool runs = m.message.IsStart() || m.message.IsContinue();
  told_ = told_ || runs || m.message.IsStop();
  if (m.message.IsStart()) {
    will_run_ = true;
    next_ = 0;
  } else if (m.message.IsContinue()) {
    will_run_ = true;  // next_ is where time stopped, or where an SPP put it
  } else if (m.message.IsStop()) {
    if (will_run_) stop_at_ = m.at;
    will_run_ = false;
  } else if (m.message.IsSongPosition()) {
    next_ = m.message.song_position() * kPulsesPerSixteenth;
  }
}

Transport::Pulse Transport::OnClock() {
  const bool was_running = running_;
  const int64_t expected = position_ + 1;
  running_ = will_run_;
  if (!running_) return was_running ? Pulse::kStop : Pulse::kIdle;
  position_ = next_;
  next_ = position_ + 1;
  if (!was_running) return Pulse::kStart;
  return position_ == expected ? Pulse::kNext : Pulse::kMove;
}

void Transport::Lose(int64_t pulses) {
  position_ += pulses;
  next_ += pulses;
}

void Transport::Attach() { told_ = will_run_ = true; }

void Transport::AttachAt(int64_t position) {
  told_ = will_run_ = running_ = true;
  position_ = position;
  next_ = position + 1;
}

std::optional<MonoTime> Transport::StopDue() const {
  if (!running_ || will_run_) return std::nullopt;
  return stop_at_ + StopSettle();
}

void Transport::OnStopDue() { running_ = false; }

void Transport::OnClockLost() { running_ = false; }

}  // namespace antiphon::edge
