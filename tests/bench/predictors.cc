// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/predictors.h"

#include <cmath>
#include <numbers>

namespace antiphon::bench {
namespace {

MonoTime At(double nanos) { return MonoTime::FromNanos(std::llround(nanos)); }

}  // namespace

Follower::Follower() : follower_(MeterMap()) {
  follower_.OnMessage({MonoTime::FromNanos(0), MidiMessage::Start()});
}

void Follower::OnPulse(double at) {
  while (const auto due = follower_.NextDue()) {
    if (*due > At(at)) break;
    follower_.OnDue(*due);
  }
  follower_.OnMessage({At(at), MidiMessage::Clock()});
}

int64_t Follower::PulseAt(double at) const {
  const Ticks half = Ticks::Of(kTicksPerPulse / 2);
  return (follower_.timeline().TicksAt(At(at)) + half).Pulses();
}

double Follower::TimeAt(size_t index) const {
  const auto position = Ticks::FromPulses(static_cast<int64_t>(index));
  return static_cast<double>(follower_.timeline().TimeAt(position).nanos());
}

void MovingAverage::OnPulse(double at) {
  pulses_.push_back(at);
  if (pulses_.size() > kIntervals + 1) pulses_.pop_front();
  ++count_;
}

double MovingAverage::TimeAt(size_t index) const {
  const auto ahead = static_cast<double>(index + 1 - count_);
  const double period = pulses_.size() < 2
                            ? 60e9 / 120 / 24
                            : (pulses_.back() - pulses_.front()) /
                                  static_cast<double>(pulses_.size() - 1);
  return pulses_.back() + ahead * period;
}

void Loop::OnPulse(double at) {
  ++count_;
  if (count_ <= 2) {
    if (count_ == 2) period_ = at - (next_ - period_);
    next_ = at + period_;
    return;
  }
  const double omega = 2 * std::numbers::pi * hertz_ * period_ / 1e9;
  const double error = at - next_;
  next_ += std::numbers::sqrt2 * omega * error + period_;
  period_ += omega * omega * error;
}

double Loop::TimeAt(size_t index) const {
  return next_ + static_cast<double>(index - count_) * period_;
}

std::array<NamedPredictor, 3> Others() {
  return {NamedPredictor{"average_96", std::make_unique<MovingAverage>()},
          NamedPredictor{"loop_2hz", std::make_unique<Loop>(2)},
          NamedPredictor{"loop_0.1hz", std::make_unique<Loop>(0.1)}};
}

}  // namespace antiphon::bench
