// SPDX-License-Identifier: Apache-2.0
#include "edge/agent.h"

#include <utility>

#include "common/log.h"
#include "common/rt/clock.h"

namespace antiphon::edge {
namespace {

// Everything is handled Conductor::Settle() after its stamp, so looking this
// often costs nothing in time and needs no wake-up from the MIDI callback.
const absl::Duration kPatience = absl::Milliseconds(1);

}  // namespace

Agent::Agent(const Conductor::Options& options, std::vector<MidiRing*> inputs,
             Accompanist* accompanist, MidiOutput* output,
             SessionObserver* observer, const Playback::Options& playback)
    : inputs_(std::move(inputs)),
      guard_(output, inputs_.size()),
      playback_(std::make_unique<Playback>(playback, &commands_, &timeline_,
                                           &guard_, &telemetry_)),
      conductor_(options, accompanist, &commands_, &timeline_, &telemetry_,
                 observer) {}

void Agent::Run(const std::function<bool()>& stop) {
  thread_ = std::make_unique<PlaybackThread>(playback_.get());
  absl::Status memory = thread_->memory();
  for (const auto& part : guard_.Memory()) {
    memory.Update(rt::LockMemory(part.data(), part.size()));
  }
  for (const absl::Status& right : {thread_->priority(), memory}) {
    if (!right.ok()) LogWarning("playback: ", right.message());
  }
  // Decisions first, then what is said of them.
  LogBuffer log;
  while (!stop()) {
    const MonoTime now = rt::Now();
    TakeInput();
    conductor_.AdvanceTo(now);
    log.Flush();
    rt::SleepUntil(now + kPatience);
  }
  thread_->Stop();
  TakeInput();
  conductor_.Finish(rt::Now());
}

void Agent::TakeInput() {
  TimedMessage message;
  for (size_t input = 0; input < inputs_.size(); ++input) {
    MidiRing* const ring = inputs_[input];
    for (size_t i = 0; i < ring->capacity(); ++i) {
      if (!ring->TryPop(message)) break;
      if (guard_.Passes(input, message)) conductor_.Push(message);
    }
  }
}

}  // namespace antiphon::edge
