// SPDX-License-Identifier: Apache-2.0
//
// MIDI clock as it arrives: the instants at which a host means its pulses, and
// when they come, after jitter, late ones, audio buffers, swing, losses or
// stalls. Seeded: the same calls give the same stream. For tests and benches.
#ifndef ANTIPHON_TESTS_BENCH_PULSE_STREAM_H_
#define ANTIPHON_TESTS_BENCH_PULSE_STREAM_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

namespace antiphon::bench {

class PulseStream {
 public:
  // Ideal instants are known so far beyond the last pulse: a 4/4 bar.
  static constexpr size_t kBeyond = 96;

  struct Pulse {
    size_t index;
    double at;  // nanoseconds, when it arrives
  };

  // `tempo` in quarter notes a minute, by pulse.
  PulseStream(size_t pulses, const std::function<double(size_t)>& tempo);
  static PulseStream Steady(double tempo, double seconds);
  static PulseStream Step(double from, double to, double seconds_each);

  // Each returns the stream, so that they chain. Arrivals stay in order.
  PulseStream& Jitter(double sigma_ms, uint64_t seed);
  // A share of the pulses comes `from` to `to` late.
  PulseStream& Late(double share, double from_ms, double to_ms, uint64_t seed);
  // Pulses arrive at the ends of buffers only.
  PulseStream& Quantised(double buffer_ms, double offset_ms);
  // The first half of each eighth note takes this share of it.
  PulseStream& Swung(double share);
  // Each pulse after the second beat is lost with this probability.
  PulseStream& Dropped(double share, uint64_t seed);
  // What would arrive within the stall comes at its end, `spacing` apart.
  PulseStream& Stalled(double at_seconds, double stall_ms, double spacing_ms);

  const std::vector<Pulse>& pulses() const { return pulses_; }
  double Ideal(size_t index) const { return ideal_[index]; }
  double Seconds(double at) const { return (at - ideal_[0]) / 1e9; }
  // Constant part of the delay, which an offset setting takes away; 0 but for
  // buffers and swing.
  double mean_delay() const { return mean_delay_; }

 private:
  void KeepOrder();
  void MeasureDelay();

  std::vector<double> ideal_;
  std::vector<Pulse> pulses_;
  double mean_delay_ = 0;
};

}  // namespace antiphon::bench

#endif  // ANTIPHON_TESTS_BENCH_PULSE_STREAM_H_
