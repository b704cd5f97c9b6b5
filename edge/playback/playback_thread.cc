// SPDX-License-Identifier: Apache-2.0
#include "edge/playback/playback_thread.h"

#include <algorithm>

#include "common/rt/clock.h"

namespace antiphon::edge {
namespace {

const absl::Duration kPatience = absl::Milliseconds(1);

}  // namespace

PlaybackThread::PlaybackThread(Playback* playback)
    : playback_(playback), thread_([this] { Run(); }) {}

PlaybackThread::~PlaybackThread() { Stop(); }

void PlaybackThread::Stop() {
  stop_.store(true);
  if (thread_.joinable()) thread_.join();
}

void PlaybackThread::Run() {
  has_priority_.store(rt::RaisePriority().ok());
  // Best effort: a page fault delays a note, it loses none.
  (void)rt::LockMemory(playback_, sizeof(Playback));
  while (!stop_.load(std::memory_order_relaxed)) {
    const MonoTime now = rt::Now();
    rt::SleepUntil(std::min(playback_->Tick(now), now + kPatience));
  }
  playback_->Silence(rt::Now());
}

}  // namespace antiphon::edge
