// SPDX-License-Identifier: Apache-2.0
//
// One thread that owns the answerer (and through it the device, the weights and
// the KV) and takes jobs by earliest deadline. A job that waits past its
// deadline ends as shortened without costing time; a cancelled one ends at the
// next token.
//
// Limit: kMaxQueued jobs wait; the next is refused.
#ifndef ANTIPHON_INFERENCE_ENGINE_ENGINE_H_
#define ANTIPHON_INFERENCE_ENGINE_ENGINE_H_

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>

#include "inference/engine/job.h"

namespace antiphon::inference {

// What waits: cancelled jobs first, for they take no time and hold a place,
// then by earliest deadline, then by arrival. No thread, no clock.
class JobQueue {
 public:
  struct Entry {
    Job job;
    std::shared_ptr<AnswerSink> sink;
  };

  explicit JobQueue(size_t limit) : limit_(limit) {}

  // False: full.
  bool Push(Entry entry);
  std::optional<Entry> Pop();
  size_t size() const { return waiting_.size(); }

 private:
  const size_t limit_;
  uint64_t arrivals_ = 0;
  std::map<std::pair<MonoTime, uint64_t>, Entry> waiting_;
};

class Engine {
 public:
  static constexpr size_t kMaxQueued = 64;

  // Not owned; used by the engine's thread alone from here on.
  explicit Engine(Answerer* answerer);
  // Ends what waits as cancelled.
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // Any thread. False: the queue is full.
  bool Submit(Job job, std::shared_ptr<AnswerSink> sink);
  size_t queued() const;
  // Whether nothing waits or runs. Any thread.
  bool idle() const;

 private:
  void Run();

  Answerer* const answerer_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  JobQueue queue_{kMaxQueued};  // guarded by mutex_
  bool busy_ = false;           // guarded by mutex_
  bool stop_ = false;           // guarded by mutex_
  std::thread thread_;
};

}  // namespace antiphon::inference

#endif  // ANTIPHON_INFERENCE_ENGINE_ENGINE_H_
