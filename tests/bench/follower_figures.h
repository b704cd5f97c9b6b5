// SPDX-License-Identifier: Apache-2.0
//
// The clock follower's figures, computed on seeded pulse streams in virtual
// time. docs/timing.md says what each is. `Effort` sets how many seeds and
// seconds: the bench takes many, the test suite a few.
//
// Phase error: TimeAt of a pulse as predicted when the pulse before it has just
// arrived (or the beat, or the bar before), minus the instant at which the host
// means it. Milliseconds.
#ifndef ANTIPHON_TESTS_BENCH_FOLLOWER_FIGURES_H_
#define ANTIPHON_TESTS_BENCH_FOLLOWER_FIGURES_H_

#include <cstdint>
#include <vector>

#include "tests/bench/predictors.h"
#include "tests/bench/pulse_stream.h"
#include "tests/bench/row.h"

namespace antiphon::bench {

struct Sample {
  double seconds = 0;  // since the first pulse was meant
  double pulse = 0;    // phase error one pulse ahead
  double beat = 0;     // a quarter note ahead
  double bar = 0;      // a bar of 4/4 ahead
  bool locked = false;
};

// One sample a pulse.
std::vector<Sample> Follow(const PulseStream& stream, Predictor& predictor);

struct Effort {
  uint64_t seeds = 8;
  double seconds = 120;
  bool others = true;  // the same streams through the predictors to compare
};

std::vector<Row> Jitter(const Effort& effort);
std::vector<Row> Skew(const Effort& effort);
std::vector<Row> Quantised(const Effort& effort);
std::vector<Row> Swung(const Effort& effort);
std::vector<Row> Settle(const Effort& effort);
std::vector<Row> Ramp(const Effort& effort);
std::vector<Row> Losses(const Effort& effort);
std::vector<Row> Drift(double seconds);
std::vector<Row> Range();

}  // namespace antiphon::bench

#endif  // ANTIPHON_TESTS_BENCH_FOLLOWER_FIGURES_H_
