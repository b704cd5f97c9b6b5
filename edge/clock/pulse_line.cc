// SPDX-License-Identifier: Apache-2.0
#include "edge/clock/pulse_line.h"

#include <algorithm>

namespace antiphon::edge {

void PulseLine::Advance(int pulses) {
  for (; pulses > 0; --pulses) {
    phase += period;
    phase_variance += 2 * covariance + period_variance;
    covariance += period_variance;
    period_variance += kOmega * kOmega * kOmega * kOmega;
  }
}

void PulseLine::Correct(double error) {
  const double phase_gain = phase_variance / (1 + phase_variance);
  const double period_gain = covariance / (1 + phase_variance);
  phase += phase_gain * error;
  period = std::clamp(period + period_gain * error, kMinPeriod, kMaxPeriod);
  period_variance -= period_gain * covariance;
  covariance -= phase_gain * covariance;
  phase_variance -= phase_gain * phase_variance;
}

}  // namespace antiphon::edge
