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
      playback_(std::make_unique<Playback>(playback, &commands_, &timeline_,
                                           output, &telemetry_)),
      conductor_(options, accompanist, &commands_, &timeline_, &telemetry_,
                 observer) {}

void Agent::Run(const std::function<bool()>& stop) {
  thread_ = std::make_unique<PlaybackThread>(playback_.get());
  for (const absl::Status& right : {thread_->priority(), thread_->memory()}) {
    if (!right.ok()) LogWarning("playback: ", right.message());
  }
  while (!stop()) {
    const MonoTime now = rt::Now();
    TakeInput();
    conductor_.AdvanceTo(now);
    rt::SleepUntil(now + kPatience);
  }
  thread_->Stop();
  TakeInput();
  conductor_.Finish(rt::Now());
}

void Agent::TakeInput() {
  TimedMessage message;
  for (MidiRing* ring : inputs_) {
    for (size_t i = 0; i < ring->capacity(); ++i) {
      if (!ring->TryPop(message)) break;
      conductor_.Push(message);
    }
  }
}

}  // namespace antiphon::edge
