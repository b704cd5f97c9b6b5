// SPDX-License-Identifier: Apache-2.0
//
// Ways to follow a clock, behind one interface: the product's follower, and the
// ones it is compared with on the same pulses. A predictor is told each pulse
// as it arrives and asked when later pulses will be.
#ifndef ANTIPHON_TESTS_BENCH_PREDICTORS_H_
#define ANTIPHON_TESTS_BENCH_PREDICTORS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>

#include "edge/clock/clock_follower.h"

namespace antiphon::bench {

class Predictor {
 public:
  virtual ~Predictor() = default;
  virtual void OnPulse(double at) = 0;  // nanoseconds
  // When pulse `index`, counted from START, will be; nanoseconds.
  virtual double TimeAt(size_t index) const = 0;
  virtual bool locked() const { return true; }
};

// ClockFollower as the conductor uses it: START, clocks, its due times; asked
// through its timeline.
class Follower : public Predictor {
 public:
  Follower();
  void OnPulse(double at) override;
  double TimeAt(size_t index) const override;
  bool locked() const override { return follower_.locked(); }

  const edge::ClockFollower& follower() const { return follower_; }
  // The pulse that its timeline has at `at`, rounded.
  int64_t PulseAt(double at) const;

 private:
  edge::ClockFollower follower_;
};

// Tempo from the mean of the last 96 intervals, phase from the last pulse.
class MovingAverage : public Predictor {
 public:
  void OnPulse(double at) override;
  double TimeAt(size_t index) const override;

 private:
  static constexpr size_t kIntervals = 96;
  std::deque<double> pulses_;
  size_t count_ = 0;
};

// F. Adriaensen, "Using a DLL to filter time" (2005): second order, one
// bandwidth; the second pulse seeds the period.
class Loop : public Predictor {
 public:
  explicit Loop(double hertz) : hertz_(hertz) {}
  void OnPulse(double at) override;
  double TimeAt(size_t index) const override;

 private:
  const double hertz_;
  double next_ = 0;
  double period_ = 60e9 / 120 / 24;
  size_t count_ = 0;
};

struct NamedPredictor {
  std::string name;
  std::unique_ptr<Predictor> predictor;
};
// The three to compare with, fresh.
std::array<NamedPredictor, 3> Others();

}  // namespace antiphon::bench

#endif  // ANTIPHON_TESTS_BENCH_PREDICTORS_H_
