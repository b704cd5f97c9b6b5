// SPDX-License-Identifier: Apache-2.0
//
// The edge, assembled: rings, conductor, playback thread. Whoever creates it
// hands in what differs between a stage, a rehearsal and a test: the inputs,
// the output, the accompanist, the observer. Run() is the conductor's thread;
// it warns where the playback thread was refused its rights.
#ifndef ANTIPHON_EDGE_AGENT_H_
#define ANTIPHON_EDGE_AGENT_H_

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "edge/conductor.h"
#include "edge/playback/playback_thread.h"
#include "edge/port/feedback_guard.h"
#include "edge/port/midi_port.h"

namespace antiphon::edge {

class Agent {
 public:
  static constexpr size_t kMaxPlaybackCommands = 4096;
  static constexpr size_t kMaxTelemetry = 8192;

  // All outlive the agent.
  Agent(const Conductor::Options& options, std::vector<MidiRing*> inputs,
        Accompanist* accompanist, MidiOutput* output, SessionObserver* observer,
        const Playback::Options& playback = {});

  // What the log calls an input, by its place in `inputs`. Before Run().
  void NameInput(size_t input, std::string name) {
    guard_.NameInput(input, std::move(name));
  }

  // Conducts until `stop` says so (asked about every millisecond), then
  // silences the output and tells the bar under way as cut off.
  void Run(const std::function<bool()>& stop);

  // Conductor's thread, or after Run().
  const Conductor& conductor() const { return conductor_; }
  // Messages that were the agent's own, come back in and ignored.
  uint64_t echoes() const { return guard_.echoes(); }
  int sounding() const { return playback_->sounding(); }
  // What was due later was not played. After Run().
  MonoTime played_until() const { return thread_->played_until(); }
  // Once Run() has begun.
  bool playback_realtime() const { return thread_->priority().ok(); }

 private:
  void TakeInput();

  const std::vector<MidiRing*> inputs_;
  SpscRing<PlaybackCommand> commands_{kMaxPlaybackCommands};
  SpscRing<Telemetry> telemetry_{kMaxTelemetry};
  LatestValue<Timeline> timeline_;
  FeedbackGuard guard_;  // between playback and the output
  const std::unique_ptr<Playback> playback_;
  Conductor conductor_;
  std::unique_ptr<PlaybackThread> thread_;
};

}  // namespace antiphon::edge

#endif  // ANTIPHON_EDGE_AGENT_H_
