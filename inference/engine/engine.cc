// SPDX-License-Identifier: Apache-2.0
#include "inference/engine/engine.h"

#include <algorithm>

#include "common/rt/clock.h"

namespace antiphon::inference {

bool JobQueue::Push(Entry entry) {
  if (waiting_.size() >= limit_) return false;
  const std::pair key(entry.job.deadline, arrivals_++);
  waiting_.emplace(key, std::move(entry));
  return true;
}

std::optional<JobQueue::Entry> JobQueue::Pop() {
  if (waiting_.empty()) return std::nullopt;
  auto next = std::find_if(waiting_.begin(), waiting_.end(), [](const auto& e) {
    return e.second.sink->cancelled();
  });
  if (next == waiting_.end()) next = waiting_.begin();
  Entry entry = std::move(next->second);
  waiting_.erase(next);
  return entry;
}

Engine::Engine(Answerer* answerer)
    : answerer_(answerer), thread_([this] { Run(); }) {}

Engine::~Engine() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  thread_.join();
  while (std::optional<JobQueue::Entry> entry = queue_.Pop()) {
    entry->sink->OnEnd({.reason = EndReason::kCancelled});
  }
}

bool Engine::Submit(Job job, std::shared_ptr<AnswerSink> sink) {
  {
    const std::lock_guard lock(mutex_);
    if (!queue_.Push({std::move(job), std::move(sink)})) return false;
  }
  changed_.notify_one();
  return true;
}

size_t Engine::queued() const {
  const std::lock_guard lock(mutex_);
  return queue_.size();
}

bool Engine::idle() const {
  const std::lock_guard lock(mutex_);
  return !busy_ && queue_.size() == 0;
}

void Engine::Run() {
  std::unique_lock lock(mutex_);
  while (true) {
    busy_ = false;
    changed_.wait(lock, [this] { return stop_ || queue_.size() > 0; });
    if (stop_) return;
    const std::optional<JobQueue::Entry> entry = queue_.Pop();
    busy_ = true;
    lock.unlock();
    const MonoTime begin = rt::Now();
    JobEnd end;
    if (entry->sink->cancelled()) {
      end.reason = EndReason::kCancelled;
    } else if (begin > entry->job.deadline) {
      end.reason = EndReason::kShortened;
    } else {
      end = answerer_->Answer(entry->job, *entry->sink);
    }
    end.queue = begin - entry->job.arrived;
    entry->sink->OnEnd(end);
    lock.lock();
  }
}

}  // namespace antiphon::inference
