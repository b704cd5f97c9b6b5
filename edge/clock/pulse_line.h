// SPDX-License-Identifier: Apache-2.0
//
// The straight line through a clock's pulses: when the last one was, how far
// apart they are, and how well both are known. A Kalman filter for a clock
// whose tempo wanders slowly; its steady state is the second-order delay-locked
// loop of F. Adriaensen ("Using a DLL to filter time", 2005; b = sqrt(2) w, c =
// w^2) at kQuietHz, and from the first pulse until then it is the least-squares
// line through all of them. So it is as quick as its pulses allow, then quiet,
// without a switch.
//
// Pure arithmetic on a plain value; nothing is allocated.
#ifndef ANTIPHON_EDGE_CLOCK_PULSE_LINE_H_
#define ANTIPHON_EDGE_CLOCK_PULSE_LINE_H_

#include <numbers>

namespace antiphon::edge {

struct PulseLine {
  // Bandwidth at 120 quarter notes a minute. In proportion at other tempi, so
  // that a phase is always the mean of as many pulses.
  static constexpr double kQuietHz = 0.1;
  // The loop's angular frequency a pulse, and its gain at rest.
  static constexpr double kOmega = 2 * std::numbers::pi * kQuietHz / 48;
  static constexpr double kQuietGain = std::numbers::sqrt2 * kOmega;
  // 20 and 999 quarter notes a minute, and 2 % beyond: jitter at the limits
  // must not push the mean inside.
  static constexpr double kMaxPeriod = 1.02 * 60e9 / 20 / 24;
  static constexpr double kMinPeriod = 60e9 / 999 / 24 / 1.02;

  double phase = 0;  // of the last pulse, nanoseconds
  double period = 60e9 / 120 / 24;
  // Covariance, in units of the variance of one pulse.
  double phase_variance = 0;
  double covariance = 0;
  double period_variance = 0;

  // On to where the next pulse is expected, `pulses` further.
  void Advance(int pulses);
  // The pulse was `error` nanoseconds later than expected.
  void Correct(double error);
};

}  // namespace antiphon::edge

#endif  // ANTIPHON_EDGE_CLOCK_PULSE_LINE_H_
