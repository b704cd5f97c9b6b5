// SPDX-License-Identifier: Apache-2.0
#include "edge/port/feedback_guard.h"

#include "absl/strings/str_format.h"
#include "common/log.h"
#include "common/rt/clock.h"

namespace antiphon::edge {

bool FeedbackGuard::Send(const MidiMessage& message) noexcept {
  if (message.IsChannelMessage()) {
    const uint8_t probe = probe_.exchange(0, std::memory_order_relaxed);
    if (probe != 0) {
      Forward(MidiMessage::ControlChange(
          message.channel(), FeedbackDetector::kProbeController, probe));
    }
  }
  return Forward(message);
}

std::array<absl::Span<const std::byte>, 2> FeedbackGuard::Memory() const {
  const auto bytes = [](const void* data, size_t size) {
    return absl::MakeConstSpan(static_cast<const std::byte*>(data), size);
  };
  const auto cells = sent_.cells();
  return {bytes(this, sizeof(*this)),
          bytes(cells.data(), cells.size() * sizeof(cells[0]))};
}

// Told before it is sent: nothing comes back earlier.
bool FeedbackGuard::Forward(const MidiMessage& message) noexcept {
  sent_.TryPush({rt::Now(), message});
  return output_->Send(message);
}

bool FeedbackGuard::Passes(size_t input, const TimedMessage& message) {
  TakeSent();
  Input& in = inputs_[input];
  const bool was_looped = in.detector.looped();
  const bool passes = in.detector.OnReceived(message);
  if (!passes) ++echoes_;
  if (in.detector.TakeProbeWish()) {
    last_probe_ = static_cast<uint8_t>(last_probe_ % 127 + 1);
    probe_.store(last_probe_, std::memory_order_relaxed);
  }
  if (in.detector.looped() != was_looped) Tell(in);
  return passes;
}

void FeedbackGuard::TakeSent() {
  TimedMessage sent;
  for (size_t i = 0; i < sent_.capacity() && sent_.TryPop(sent); ++i) {
    for (Input& in : inputs_) {
      const bool was_looped = in.detector.looped();
      in.detector.OnSent(sent);
      if (in.detector.looped() != was_looped) Tell(in);
    }
  }
}

void FeedbackGuard::Tell(const Input& input) const {
  if (!input.detector.looped()) {
    return LogInfo("feedback is over: ", input.name,
                   " no longer brings the answer back");
  }
  LogWarning(
      "feedback: ", input.name, " brings the answer back after ",
      absl::StrFormat("%.1f ms",
                      absl::ToDoubleMilliseconds(input.detector.delay())),
      "; its echoes are ignored; remedy: do not send what comes from Antiphon "
      "Out to Antiphon In");
}

}  // namespace antiphon::edge
