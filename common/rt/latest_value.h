// SPDX-License-Identifier: Apache-2.0
//
// The newest value of a state, from one writer thread to one reader thread: a
// triple buffer. Neither side waits; the reader may skip values and never sees
// a torn one.
#ifndef ANTIPHON_COMMON_RT_LATEST_VALUE_H_
#define ANTIPHON_COMMON_RT_LATEST_VALUE_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <type_traits>

namespace antiphon {

template <typename T>
class LatestValue {
  static_assert(std::is_trivially_copyable_v<T>,
                "values cross threads by plain copy");

 public:
  LatestValue() = default;
  LatestValue(const LatestValue&) = delete;
  LatestValue& operator=(const LatestValue&) = delete;

  // Writer.
  void Publish(const T& value) noexcept {
    slots_[write_] = value;
    write_ = middle_.exchange(write_ | kFresh, std::memory_order_acq_rel) &
             kIndexMask;
  }

  // Reader: the newest value, the same as before where nothing came since.
  const T& Read() noexcept {
    if (middle_.load(std::memory_order_relaxed) & kFresh) {
      read_ = middle_.exchange(read_, std::memory_order_acq_rel) & kIndexMask;
    }
    return slots_[read_];
  }

 private:
  static constexpr uint8_t kFresh = 4;
  static constexpr uint8_t kIndexMask = 3;

  std::array<T, 3> slots_{};
  uint8_t write_ = 0;               // writer's
  std::atomic<uint8_t> middle_{1};  // index, and whether it is newer
  uint8_t read_ = 2;                // reader's
};

}  // namespace antiphon

#endif  // ANTIPHON_COMMON_RT_LATEST_VALUE_H_
