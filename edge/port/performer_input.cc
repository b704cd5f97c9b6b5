// SPDX-License-Identifier: Apache-2.0
#include "edge/port/performer_input.h"

#include <algorithm>

#include "common/rt/clock.h"

namespace antiphon::edge {

PerformerInput::PerformerInput(Performer* performer, MidiRing* ring)
    : performer_(performer), ring_(ring), thread_([this] { Run(); }) {}

PerformerInput::~PerformerInput() { Stop(); }

void PerformerInput::Stop() {
  stop_.store(true, std::memory_order_relaxed);
  if (thread_.joinable()) thread_.join();
}

void PerformerInput::Run() {
  // Better with priority, right without: stamps are ideal, not measured.
  rt::RaisePriority().IgnoreError();
  while (auto due = performer_->Next()) {
    if (!WaitUntil(due->at)) {
      ring_->TryPush({rt::Now(), MidiMessage::Stop()});
      break;
    }
    ring_->TryPush(*due);
  }
  finished_.store(true, std::memory_order_release);
}

bool PerformerInput::WaitUntil(MonoTime due) {
  while (!stop_.load(std::memory_order_relaxed)) {
    const MonoTime now = rt::Now();
    if (now >= due) return true;
    rt::SleepUntil(std::min(due, now + Patience()));
  }
  return false;
}

}  // namespace antiphon::edge
