// SPDX-License-Identifier: Apache-2.0
//
// A queue of fixed capacity from one producer thread to one consumer thread
// (moodycamel's circular buffer). TryPush and TryPop neither allocate nor lock
// nor wait, and make no system call but one: where the consumer sleeps in
// PopWithin, TryPush wakes it (a futex). A ring of the real-time path is
// emptied by TryPop alone. A full ring refuses the element and counts it: the
// producer goes on. Its memory is touched when it is made; cells() can be
// locked, the two counters beside it lie on the heap.
#ifndef ANTIPHON_COMMON_RT_SPSC_RING_H_
#define ANTIPHON_COMMON_RT_SPSC_RING_H_

#include <readerwriterqueue/readerwritercircularbuffer.h>

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <type_traits>

#include "absl/time/time.h"
#include "absl/types/span.h"

namespace antiphon {

template <typename T>
class SpscRing {
  static_assert(std::is_trivially_copyable_v<T>,
                "elements cross threads by plain copy");

 public:
  // `capacity` >= 1.
  explicit SpscRing(size_t capacity)
      : buffer_(capacity), capacity_(capacity), cells_(FindCells()) {}
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
  // Where the elements lie: for rt::LockMemory, never to be read.
  absl::Span<const T> cells() const { return cells_; }

 private:
  // Takes an element's address instead of its value.
  struct Locator {
    const T* at = nullptr;
    Locator& operator=(T&& element) {
      at = &element;
      return *this;
    }
  };

  // An element goes through every cell, of which there are a power of two.
  absl::Span<const T> FindCells() {
    const size_t count = std::bit_ceil(capacity_);
    const auto element = std::make_unique<T>();
    Locator first;
    for (size_t i = 0; i < count; ++i) {
      Locator cell;
      buffer_.try_enqueue(*element);
      buffer_.try_dequeue(cell);
      if (i == 0) first = cell;
    }
    return absl::MakeConstSpan(first.at, count);
  }

  moodycamel::BlockingReaderWriterCircularBuffer<T> buffer_;
  const size_t capacity_;
  const absl::Span<const T> cells_;
  std::atomic<uint64_t> dropped_{0};
};

}  // namespace antiphon

#endif  // ANTIPHON_COMMON_RT_SPSC_RING_H_
