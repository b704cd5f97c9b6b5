// SPDX-License-Identifier: Apache-2.0
//
// The thread that runs a Playback: real-time priority where the system grants
// it, absolute sleeps of at most kPatience so that new commands are seen in
// time. Stop() and the destructor silence everything first.
#ifndef ANTIPHON_EDGE_PLAYBACK_PLAYBACK_THREAD_H_
#define ANTIPHON_EDGE_PLAYBACK_PLAYBACK_THREAD_H_

#include <atomic>
#include <thread>

#include "edge/playback/playback.h"

namespace antiphon::edge {

class PlaybackThread {
 public:
  explicit PlaybackThread(Playback* playback);
  ~PlaybackThread();
  PlaybackThread(const PlaybackThread&) = delete;
  PlaybackThread& operator=(const PlaybackThread&) = delete;

  void Stop();
  // Any thread; false until the thread has run and when priority was refused.
  bool has_priority() const { return has_priority_.load(); }

 private:
  void Run();

  Playback* const playback_;
  std::atomic<bool> stop_{false};
  std::atomic<bool> has_priority_{false};
  std::thread thread_;
};

}  // namespace antiphon::edge

#endif  // ANTIPHON_EDGE_PLAYBACK_PLAYBACK_THREAD_H_
