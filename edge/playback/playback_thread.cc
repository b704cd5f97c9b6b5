// SPDX-License-Identifier: Apache-2.0
#include "edge/playback/playback_thread.h"

#include <algorithm>
#include <cstddef>

#include "common/rt/clock.h"

namespace antiphon::edge {
namespace {

const absl::Duration kPatience = absl::Milliseconds(1);
// Far more than Tick and a port's Send use.
constexpr size_t kStackBytes = size_t{64} << 10;
constexpr size_t kPageBytes = size_t{4} << 10;

// The stack below the caller, where the loop's calls will be. Touched even
// where locking is refused.
[[gnu::noinline]] absl::Status LockStack() {
  volatile std::byte stack[kStackBytes];
  for (size_t i = 0; i < kStackBytes; i += kPageBytes) stack[i] = std::byte{};
  return rt::LockMemory(const_cast<const std::byte*>(stack), kStackBytes);
}

absl::Status LockAll(const Playback& playback) {
  absl::Status status = LockStack();
  for (const auto& part : playback.Memory()) {
    status.Update(rt::LockMemory(part.data(), part.size()));
  }
  return status;
}

}  // namespace

PlaybackThread::PlaybackThread(Playback* playback)
    : playback_(playback), thread_([this] { Run(); }) {
  ready_.wait();
}

PlaybackThread::~PlaybackThread() { Stop(); }

void PlaybackThread::Stop() {
  stop_.store(true);
  if (thread_.joinable()) thread_.join();
}

void PlaybackThread::Run() {
  priority_ = rt::RaisePriority();
  memory_ = LockAll(*playback_);
  ready_.count_down();
  while (!stop_.load(std::memory_order_relaxed)) {
    const MonoTime now = played_until_ = rt::Now();
    rt::SleepUntil(std::min(playback_->Tick(now), now + kPatience));
  }
  playback_->Silence(rt::Now());
}

}  // namespace antiphon::edge
