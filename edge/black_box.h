// SPDX-License-Identifier: Apache-2.0
//
// Records a session so that a timing bug is a file: every input of the
// conductor (clock, notes, replies, whether a job could be posted) in the order
// it was handled, how many due times were handled before it, and, to compare
// with, everything that playback sent. replay.h plays it again.
//
// The file is JSON lines, one array each; the first line holds the settings:
//   {"antiphon_recording":1,"flags":{…},"meters":[[tick,num,den],…],
//    "pickup":ticks,"bars":N}
//   ["m",stamp,dues,"903c40"]                      a message, bytes in hex
//   ["r",stamp,dues,kind,job,epoch,play_seq,bar_index,done,end,tokens,
//    [[index,tick,duration,pitch,velocity],…]]     a reply
//   ["x",job]                                      the job's Post was refused
//   ["o",kind,epoch,play_seq,note,pitch,velocity,due]   playback's telemetry
//   ["e",played_until,dues]                        the end
// Stamps in nanoseconds of CLOCK_MONOTONIC; enumerators by their order.
//
// Conductor thread: lines go through stdio's buffer and are flushed once a
// second of recorded time, so memory is bounded and a crash loses at most the
// last second. A line that cannot be written ends the recording, not the
// music.
#ifndef ANTIPHON_EDGE_BLACK_BOX_H_
#define ANTIPHON_EDGE_BLACK_BOX_H_

#include <cstdint>
#include <cstdio>
#include <map>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "common/music/meter.h"
#include "edge/conductor.h"

namespace antiphon::edge {

// What a replay needs to begin with.
struct RecordedSettings {
  std::map<std::string, std::string> flags;  // those that were given
  MeterMap meters;                           // of the file, or the flag's
  int bars = 0;                              // the session's length; 0: no end
};

class BlackBox : public SessionObserver {
 public:
  // Starts the file anew. The error names it.
  static absl::StatusOr<std::unique_ptr<BlackBox>> Create(
      const std::string& path, const RecordedSettings& settings);
  ~BlackBox() override;
  BlackBox(const BlackBox&) = delete;
  BlackBox& operator=(const BlackBox&) = delete;

  // The conductor has finished; playback had played what was due by then.
  void Finish(MonoTime played_until);

  void OnHuman(const TimedMessage& message) override;
  void OnReply(const Reply& reply) override;
  void OnJobPosted(JobId job, bool accepted) override;
  void OnDue() override { ++dues_; }
  void OnTelemetry(const Telemetry& telemetry) override;

 private:
  BlackBox(const std::string& path, std::FILE* file)
      : path_(path), file_(file) {}

  void Write(const std::string& line);
  void FlushNowAndThen(MonoTime at);
  void GiveUp();

  const std::string path_;
  std::FILE* file_;  // null once writing has failed
  uint64_t dues_ = 0;
  MonoTime flushed_ = MonoTime::Min();
};

}  // namespace antiphon::edge

#endif  // ANTIPHON_EDGE_BLACK_BOX_H_
