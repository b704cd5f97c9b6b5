// SPDX-License-Identifier: Apache-2.0
//
// Stands before the output and behind the inputs, and keeps own output from
// coming back in (FeedbackDetector). Each loop is named in one log line when it
// begins and one when it is over.
//
// Send(): playback thread, real-time safe; what is sent goes through a ring of
// kMaxSent to the conductor's thread, which asks Passes() for every message
// that arrived.
#ifndef ANTIPHON_EDGE_PORT_FEEDBACK_GUARD_H_
#define ANTIPHON_EDGE_PORT_FEEDBACK_GUARD_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "common/rt/spsc_ring.h"
#include "edge/port/feedback_detector.h"
#include "edge/port/midi_port.h"

namespace antiphon::edge {

class FeedbackGuard : public MidiOutput {
 public:
  static constexpr size_t kMaxSent = 4096;

  // Not owned, outlives this.
  FeedbackGuard(MidiOutput* output, size_t inputs)
      : output_(output), inputs_(inputs) {}

  bool Send(const MidiMessage& message) noexcept override;
  void Tend(MonoTime now) noexcept override { output_->Tend(now); }
  // What Send() touches: to be locked before the first one.
  std::array<absl::Span<const std::byte>, 2> Memory() const;

  // ---- Conductor's thread ----
  void NameInput(size_t input, std::string name) {
    inputs_[input].name = std::move(name);
  }
  // False: own output, to be ignored.
  bool Passes(size_t input, const TimedMessage& message);
  uint64_t echoes() const { return echoes_; }

 private:
  struct Input {
    FeedbackDetector detector{};
    std::string name{};
  };

  bool Forward(const MidiMessage& message) noexcept;
  void TakeSent();
  void Tell(const Input& input) const;

  MidiOutput* const output_;
  SpscRing<TimedMessage> sent_{kMaxSent};
  std::atomic<uint8_t> probe_{0};  // to be sent with the next message; 0: none
  // Conductor's thread.
  std::vector<Input> inputs_;
  uint8_t last_probe_ = 0;
  uint64_t echoes_ = 0;
};

}  // namespace antiphon::edge

#endif  // ANTIPHON_EDGE_PORT_FEEDBACK_GUARD_H_
