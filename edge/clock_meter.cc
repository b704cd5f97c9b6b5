// SPDX-License-Identifier: Apache-2.0
#include "edge/clock_meter.h"

#include <cmath>

namespace antiphon::edge {
namespace {

constexpr int kPulsesPerQuarter = 24;

}  // namespace

void ClockMeter::OnPulse(MonoTime at) {
  ++pulses_;
  if (window_.size() >= 2) {
    const absl::Duration mean = (window_.back() - window_.front()) /
                                static_cast<int64_t>(window_.size() - 1);
    if (at - window_.back() > 4 * mean) window_.clear();
  }
  if (window_.size() == kWindow) window_.pop_front();
  window_.push_back(at);
}

std::optional<ClockMeter::Reading> ClockMeter::Read() const {
  if (window_.size() < kEnough) return std::nullopt;
  const auto n = static_cast<double>(window_.size());
  const double middle = (n - 1) / 2;
  double sum_y = 0;
  double sum_xy = 0;
  double sum_xx = 0;
  const auto seconds = [this](size_t i) {
    return absl::ToDoubleSeconds(window_[i] - window_.front());
  };
  for (size_t i = 0; i < window_.size(); ++i) {
    const double x = static_cast<double>(i) - middle;
    sum_y += seconds(i);
    sum_xy += x * seconds(i);
    sum_xx += x * x;
  }
  const double slope = sum_xy / sum_xx;
  if (!(slope > 0)) return std::nullopt;
  double sum_squares = 0;
  for (size_t i = 0; i < window_.size(); ++i) {
    const double ideal = sum_y / n + slope * (static_cast<double>(i) - middle);
    sum_squares += (seconds(i) - ideal) * (seconds(i) - ideal);
  }
  return Reading{60 / (slope * kPulsesPerQuarter),
                 absl::Seconds(std::sqrt(sum_squares / (n - 2)))};
}

}  // namespace antiphon::edge
