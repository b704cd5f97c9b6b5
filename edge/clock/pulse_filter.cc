// SPDX-License-Identifier: Apache-2.0
#include "edge/clock/pulse_filter.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace antiphon::edge {

absl::Duration PulseFilter::period() const {
  return absl::Nanoseconds(period_);
}

void PulseFilter::OnPulse(MonoTime at) {
  if (!has_phase_) return Restart(at);
  const double interval = absl::ToDoubleNanoseconds(at - last_raw_);
  last_raw_ = at;
  if (!period_known_ && interval >= kMinPeriod && interval <= kMaxPeriod) {
    period_ = interval;
    period_known_ = true;
  }
  const double error =
      static_cast<double>(at.nanos() - phase_.nanos()) - period_;
  if (std::abs(error) > period_ / 2) {
    // A step: the interval itself is the best guess of the period.
    if (interval >= kMinPeriod && interval <= kMaxPeriod) period_ = interval;
    ToQuickGear();
    phase_ = at;
    return;
  }
  ChooseGear(error / period_);
  const double hertz =
      locked_ ? kQuietHz : std::min(kQuickHz, 1e9 / period_ / 12);
  const double omega = 2 * std::numbers::pi * hertz * period_ / 1e9;
  phase_ = MonoTime::FromNanos(
      phase_.nanos() +
      std::llround(period_ + std::numbers::sqrt2 * omega * error));
  period_ = std::clamp(period_ + omega * omega * error, kMinPeriod, kMaxPeriod);
}

void PulseFilter::Restart(MonoTime at) {
  ToQuickGear();
  has_phase_ = true;
  phase_ = at;
  last_raw_ = at;
}

void PulseFilter::ToQuickGear() {
  locked_ = false;
  quick_pulses_ = 0;
  mean_error_ = 0;
}

void PulseFilter::ChooseGear(double relative_error) {
  mean_error_ += kErrorWeight * (relative_error - mean_error_);
  if (locked_) {
    if (std::abs(mean_error_) > kUnlockError) ToQuickGear();
  } else if (++quick_pulses_ >= kPulsesToLock) {
    locked_ = std::abs(mean_error_) < kLockError;
  }
}

}  // namespace antiphon::edge
