// SPDX-License-Identifier: Apache-2.0
//
// What one thread writes and others read while it goes on: JACK's thread tells,
// the test looks. Of a fixed capacity; what does not fit is counted as lost.
#ifndef ANTIPHON_TESTS_INTEGRATION_EVENT_LOG_H_
#define ANTIPHON_TESTS_INTEGRATION_EVENT_LOG_H_

#include <atomic>
#include <cstddef>
#include <vector>

namespace antiphon::testing {

template <typename T>
class EventLog {
 public:
  explicit EventLog(size_t capacity) : entries_(capacity) {}

  // The writing thread; never waits or allocates.
  void Push(const T& entry) {
    const size_t n = count_.load(std::memory_order_relaxed);
    if (n == entries_.size()) {
      ++lost_;
      return;
    }
    entries_[n] = entry;
    count_.store(n + 1, std::memory_order_release);
  }

  // Any thread.
  size_t size() const { return count_.load(std::memory_order_acquire); }
  size_t lost() const { return lost_.load(); }
  std::vector<T> All() const {
    return {entries_.begin(),
            entries_.begin() + static_cast<std::ptrdiff_t>(size())};
  }

 private:
  std::vector<T> entries_;  // written up to count_
  std::atomic<size_t> count_{0};
  std::atomic<size_t> lost_{0};
};

}  // namespace antiphon::testing

#endif  // ANTIPHON_TESTS_INTEGRATION_EVENT_LOG_H_
