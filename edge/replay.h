// SPDX-License-Identifier: Apache-2.0
//
// Plays a black box again (black_box.h): the real conductor and the real
// playback in virtual time, given the recorded inputs in the order in which
// they were handled, so that every decision falls as it fell on stage. What
// playback sends is compared with what was sent then. One thread, no clock.
#ifndef ANTIPHON_EDGE_REPLAY_H_
#define ANTIPHON_EDGE_REPLAY_H_

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "edge/black_box.h"
#include "edge/conductor.h"

namespace antiphon::edge {

struct Recording {
  struct Input {
    uint64_t dues = 0;  // handled before it
    std::variant<TimedMessage, Reply> what;
  };

  RecordedSettings settings;
  std::vector<Input> inputs;
  std::vector<JobId> refused;   // jobs that could not be posted, ascending
  std::vector<Telemetry> sent;  // `sent` instants are not recorded
  MonoTime end;
  uint64_t dues = 0;   // in all
  bool whole = false;  // false: the edge was killed; the last second may miss
};

// A last line that was cut off is left out. The error names file and line.
absl::StatusOr<Recording> ReadRecording(const std::string& path);

// What left the port, then and in the replay.
struct ReplayResult {
  int matched = 0;  // same kind, bar, note, pitch and velocity
  int missing = 0;  // sent then, not in the replay
  int extra = 0;    // in the replay alone
  int unheard = 0;  // then dropped as late or refused by the port: neither is
                    // replayed nor counted as extra
  absl::Duration largest_due_difference;
  std::vector<TimedMessage> messages;  // of the replay, at their due times

  bool same() const { return missing == 0 && extra == 0; }
};

// "128 messages as on stage, 0 missing, 0 extra; due times within 0.3 us"
std::string ToLine(const ReplayResult& result);

// `options` as the recording's settings give them. The observer is told as on
// stage.
ReplayResult Replay(const Recording& recording,
                    const Conductor::Options& options,
                    const Playback::Options& playback,
                    SessionObserver* observer);

}  // namespace antiphon::edge

#endif  // ANTIPHON_EDGE_REPLAY_H_
