// SPDX-License-Identifier: Apache-2.0
//
// A queue of fixed capacity from one producer thread to one consumer thread
// (moodycamel's circular buffer). Neither side allocates, locks or waits. A
// full ring refuses the element and counts it: the producer goes on.
#ifndef ANTIPHON_COMMON_RT_SPSC_RING_H_
#define ANTIPHON_COMMON_RT_SPSC_RING_H_

#include <readerwriterqueue/readerwritercircularbuffer.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "absl/time/time.h"

namespace antiphon {

template <typename T>
class SpscRing {
  static_assert(std::is_trivially_copyable_v<T>,
                "elements cross threads by plain copy");

 public:
  explicit SpscRing(size_t capacity) : buffer_(capacity), capacity_(capacity) {}
  SpscRing(const SpscRing&) = delete;
  SpscRing& operator=(const SpscRing&) = delete;

  // Producer. False: full, the element is dropped and counted.
  bool TryPush(const T& value) noexcept {
    if (buffer_.try_enqueue(value)) return true;
    dropped_.fetch_add(1, std::memory_order_relaxed);
    return false;
  }

  // Consumer.
  bool TryPop(T& value) noexcept { return buffer_.try_dequeue(value); }

  // Consumer, not on the real-time path: waits up to `patience` for an element.
  bool PopWithin(T& value, absl::Duration patience) {
    return buffer_.wait_dequeue_timed(value,
                                      absl::ToInt64Microseconds(patience));
  }

  // Any thread.
  size_t size() const { return buffer_.size_approx(); }
  size_t capacity() const { return capacity_; }
  uint64_t dropped() const { return dropped_.load(std::memory_order_relaxed); }

 private:
  moodycamel::BlockingReaderWriterCircularBuffer<T> buffer_;
  const size_t capacity_;
  std::atomic<uint64_t> dropped_{0};
};

}  // namespace antiphon

#endif  // ANTIPHON_COMMON_RT_SPSC_RING_H_
