// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/pulse_stream.h"

#include <algorithm>
#include <cmath>
#include <random>

namespace antiphon::bench {
namespace {

constexpr double kStart = 1e9;  // nanoseconds
constexpr double kMs = 1e6;
constexpr size_t kEighth = 12;  // pulses

}  // namespace

PulseStream::PulseStream(size_t pulses,
                         const std::function<double(size_t)>& tempo) {
  double at = kStart;
  for (size_t i = 0; i < pulses + kBeyond; ++i) {
    ideal_.push_back(at);
    if (i < pulses) pulses_.push_back({i, at});
    at += 60e9 / 24 / tempo(i);
  }
}

PulseStream PulseStream::Steady(double tempo, double seconds) {
  return PulseStream(static_cast<size_t>(tempo / 60 * 24 * seconds),
                     [tempo](size_t) { return tempo; });
}

PulseStream PulseStream::Step(double from, double to, double seconds_each) {
  const auto before = static_cast<size_t>(from / 60 * 24 * seconds_each);
  const auto after = static_cast<size_t>(to / 60 * 24 * seconds_each);
  return PulseStream(before + after,
                     [=](size_t i) { return i < before ? from : to; });
}

PulseStream& PulseStream::Jitter(double sigma_ms, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::normal_distribution<double> jitter(0, sigma_ms * kMs);
  for (Pulse& pulse : pulses_) pulse.at += jitter(random);
  KeepOrder();
  return *this;
}

PulseStream& PulseStream::Late(double share, double from_ms, double to_ms,
                               uint64_t seed) {
  std::mt19937_64 random(seed);
  std::uniform_real_distribution<double> chance(0, 1);
  for (Pulse& pulse : pulses_) {
    if (chance(random) >= share) continue;
    pulse.at += (from_ms + (to_ms - from_ms) * chance(random)) * kMs;
  }
  KeepOrder();
  return *this;
}

PulseStream& PulseStream::Quantised(double buffer_ms, double offset_ms) {
  const double buffer = buffer_ms * kMs;
  for (Pulse& pulse : pulses_) {
    const double from = pulse.at - offset_ms * kMs;
    pulse.at = std::ceil(from / buffer) * buffer + offset_ms * kMs;
  }
  MeasureDelay();
  KeepOrder();
  return *this;
}

PulseStream& PulseStream::Swung(double share) {
  constexpr double kHalf = kEighth / 2.0;
  for (Pulse& pulse : pulses_) {
    const size_t in_eighth = pulse.index % kEighth;
    const auto i = static_cast<double>(in_eighth);
    const double swung = i < kHalf
                             ? i * share * 2
                             : kEighth * share + (i - kHalf) * (1 - share) * 2;
    pulse.at += (swung - i) * (ideal_[pulse.index + 1] - ideal_[pulse.index]);
  }
  MeasureDelay();
  return *this;
}

PulseStream& PulseStream::Dropped(double share, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::uniform_real_distribution<double> chance(0, 1);
  std::erase_if(pulses_, [&](const Pulse& pulse) {
    return pulse.index >= 48 && chance(random) < share;
  });
  return *this;
}

PulseStream& PulseStream::Stalled(double at_seconds, double stall_ms,
                                  double spacing_ms) {
  const double from = ideal_[0] + at_seconds * 1e9;
  const double to = from + stall_ms * kMs;
  double next = to;
  for (Pulse& pulse : pulses_) {
    if (pulse.at < from || pulse.at >= std::max(to, next)) continue;
    pulse.at = next;
    next += spacing_ms * kMs;
  }
  KeepOrder();
  return *this;
}

void PulseStream::KeepOrder() {
  for (size_t i = 1; i < pulses_.size(); ++i) {
    pulses_[i].at = std::max(pulses_[i].at, pulses_[i - 1].at);
  }
}

void PulseStream::MeasureDelay() {
  double sum = 0;
  for (const Pulse& pulse : pulses_) sum += pulse.at - ideal_[pulse.index];
  mean_delay_ = sum / static_cast<double>(pulses_.size());
}

}  // namespace antiphon::bench
