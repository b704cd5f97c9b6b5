// SPDX-License-Identifier: Apache-2.0
#include "edge/port/kept_port.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/log.h"
#include "common/rt/clock.h"

namespace antiphon::edge {

KeptPort::KeptPort(std::string label, OpenPort* port)
    : label_(std::move(label)), port_(port) {}

void KeptPort::Check(MonoTime now) {
  if (!is_open() || port_->Alive()) return;
  LogWarning(label_, " lost: ", port_->description(),
             " is gone; it is used again as soon as it is back");
  lost_at_ = now;
  last_refusal_ = absl::StatusCode::kOk;
  BeforeClose();
  port_->Close();
  is_open_.store(false, std::memory_order_release);
}

void KeptPort::Retry(MonoTime now) {
  if (is_open()) return;
  const absl::Status status = port_->Reopen();
  if (!status.ok()) {
    // Absence was told when the port was lost; anything else is news, once.
    const bool absent = absl::IsNotFound(status) || absl::IsUnavailable(status);
    if (!absent && status.code() != last_refusal_) {
      LogWarning(label_,
                 " stays closed: ", absl::string_view(status.message()));
    }
    last_refusal_ = status.code();
    return;
  }
  const std::string told = AfterReopen();
  is_open_.store(true, std::memory_order_release);
  reopens_.fetch_add(1, std::memory_order_relaxed);
  LogInfo(
      label_, " is back: ", port_->description(),
      absl::StrFormat(" after %.1f s", absl::ToDoubleSeconds(now - lost_at_)),
      told);
}

KeptOutput::KeptOutput(std::unique_ptr<OpenOutput> port, int channel)
    : KeptPort("output", port.get()),
      port_(std::move(port)),
      channel_(channel) {
  Reset();
}

bool KeptOutput::Send(const MidiMessage& message) noexcept {
  sending_.store(true);  // before the look: whoever closes waits for its end
  const bool sent = in_use_.load() && Forward(message);
  sending_.store(false);
  return sent;
}

void KeptOutput::Tend(MonoTime now) noexcept {
  sending_.store(true);
  if (in_use_.load()) Greet(port_->LookForNewcomer(), now);
  sending_.store(false);
}

void KeptOutput::Greet(Newcomer newcomer, MonoTime now) noexcept {
  const Newcomer before = std::exchange(newcomer_, newcomer);
  switch (newcomer) {
    case Newcomer::kNone:
      return;
    case Newcomer::kComing:
      // Once: with each of many notes it would fill the port's queue.
      if (before != Newcomer::kComing) reset_due_ = true;
      return;
    case Newcomer::kThere:
      reset_due_ = false;
      return Reset();
    case Newcomer::kUntold:
      if (!reset_due_ || resets_left_ == 0 || now < next_reset_) return;
      --resets_left_;
      next_reset_ = now + RepeatEvery();
      return Reset();
  }
}

bool KeptOutput::Forward(const MidiMessage& message) noexcept {
  if (reset_due_ && message.IsNoteOn()) {
    reset_due_ = false;
    Reset();
  }
  const bool sent = port_->Send(message);
  // A note-on that was refused may have been heard; its off is owed.
  if (sent || message.IsNoteOn()) sounding_.Follow(message);
  return sent;
}

void KeptOutput::Reset() noexcept {
  port_->Send(MidiMessage::ControlChange(channel_, NoteSet::kSustainPedal, 0));
  if (sounding_.notes() == 0) {
    port_->Send(MidiMessage::ControlChange(channel_, NoteSet::kAllNotesOff, 0));
    return;
  }
  for (int pitch = 0; pitch < 128; ++pitch) {
    if (sounding_.Holds(channel_, pitch)) continue;
    port_->Send(MidiMessage::NoteOff(channel_, pitch));
  }
}

void KeptOutput::BeforeClose() {
  in_use_.store(false);
  while (sending_.load()) rt::SleepUntil(rt::Now() + absl::Milliseconds(1));
}

std::string KeptOutput::AfterReopen() {
  const int ended =
      sounding_.EndAll([this](const MidiMessage& off) { port_->Send(off); });
  Reset();
  reset_due_ = true;
  resets_left_ = kResets;
  in_use_.store(true);
  return ended == 0 ? "" : absl::StrCat(", notes ended: ", ended);
}

}  // namespace antiphon::edge
