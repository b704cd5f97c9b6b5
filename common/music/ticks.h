// SPDX-License-Identifier: Apache-2.0
//
// Musical time as types: Ticks (1/480 quarter note), and the numbers a bar goes
// by.
#ifndef ANTIPHON_COMMON_MUSIC_TICKS_H_
#define ANTIPHON_COMMON_MUSIC_TICKS_H_

#include <compare>
#include <cstdint>

namespace antiphon {

inline constexpr int64_t kTicksPerQuarter = 480;
inline constexpr int64_t kTicksPerWhole = 4 * kTicksPerQuarter;
inline constexpr int64_t kTicksPerPulse = kTicksPerQuarter / 24;
inline constexpr int64_t kPulsesPerSixteenth = 6;  // the unit of song position

// A position or a length in musical time.
class Ticks {
 public:
  constexpr Ticks() = default;
  static constexpr Ticks Of(int64_t count) { return Ticks(count); }
  static constexpr Ticks FromPulses(int64_t pulses) {
    return Ticks(pulses * kTicksPerPulse);
  }

  constexpr int64_t count() const { return count_; }
  // Whole MIDI clock pulses, rounded down.
  constexpr int64_t Pulses() const {
    const int64_t whole = count_ / kTicksPerPulse;
    return whole - (count_ % kTicksPerPulse < 0 ? 1 : 0);
  }

  friend constexpr auto operator<=>(Ticks, Ticks) = default;
  friend constexpr Ticks operator+(Ticks a, Ticks b) {
    return Ticks(a.count_ + b.count_);
  }
  friend constexpr Ticks operator-(Ticks a, Ticks b) {
    return Ticks(a.count_ - b.count_);
  }
  constexpr Ticks& operator+=(Ticks other) {
    count_ += other.count_;
    return *this;
  }
  constexpr Ticks& operator-=(Ticks other) {
    count_ -= other.count_;
    return *this;
  }

 private:
  explicit constexpr Ticks(int64_t count) : count_(count) {}

  int64_t count_ = 0;
};

// Number of a bar as played: grows by one each bar of a session, never repeats.
using PlaySeq = uint64_t;
// The host's number of a bar, from its song position; repeats in a loop.
using BarIndex = int64_t;
// Counts breaks of musical time; 0 = nothing has run yet.
using Epoch = uint32_t;

}  // namespace antiphon

#endif  // ANTIPHON_COMMON_MUSIC_TICKS_H_
