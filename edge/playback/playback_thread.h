// SPDX-License-Identifier: Apache-2.0
//
// The thread that runs a Playback: real-time priority where the system grants
// it, its stack and what it touches locked into memory (not the rest of the
// program: that would cost 100 MB), absolute sleeps of at most 1 ms so that new
// commands are seen in time. Once it runs it allocates, locks and logs nothing;
// its system calls are sleeping and what the MidiOutput makes. Stop() and the
// destructor silence everything first.
#ifndef ANTIPHON_EDGE_PLAYBACK_PLAYBACK_THREAD_H_
#define ANTIPHON_EDGE_PLAYBACK_PLAYBACK_THREAD_H_

#include <atomic>
#include <latch>
#include <thread>

#include "absl/status/status.h"
#include "edge/playback/playback.h"

namespace antiphon::edge {

class PlaybackThread {
 public:
  // Returns when the thread has asked for its rights.
  explicit PlaybackThread(Playback* playback);
  ~PlaybackThread();
  PlaybackThread(const PlaybackThread&) = delete;
  PlaybackThread& operator=(const PlaybackThread&) = delete;

  void Stop();
  // What was due later was not played. After Stop().
  MonoTime played_until() const { return played_until_; }

  // Whether real-time priority and locked memory were granted; else why not,
  // and the remedy. It plays without them, only less surely on time.
  const absl::Status& priority() const { return priority_; }
  const absl::Status& memory() const { return memory_; }

 private:
  void Run();

  Playback* const playback_;
  MonoTime played_until_;  // the thread's, until it has ended
  std::atomic<bool> stop_{false};
  // Written by the thread before ready_.
  absl::Status priority_;
  absl::Status memory_;
  std::latch ready_{1};
  std::thread thread_;
};

}  // namespace antiphon::edge

#endif  // ANTIPHON_EDGE_PLAYBACK_PLAYBACK_THREAD_H_
