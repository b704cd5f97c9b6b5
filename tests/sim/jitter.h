// SPDX-License-Identifier: Apache-2.0
//
// How late clock and transport leave a host: a seeded draw for each message.
#ifndef ANTIPHON_TESTS_SIM_JITTER_H_
#define ANTIPHON_TESTS_SIM_JITTER_H_

#include <random>
#include <vector>

#include "common/time/mono_time.h"

namespace antiphon::sim {

struct Jitter {
  enum class Kind {
    kNone,
    kUniform,   // 0 .. amount
    kGaussian,  // mean 3 x amount, deviation amount, cut at 0 and 6 x amount
    // Around 11 x amount: nine of ten within amount, all but one of a hundred
    // within 6 x, that one within 11 x.
    kTailed,
  };
  Kind kind = Kind::kNone;
  absl::Duration amount = absl::ZeroDuration();
  // Then it waits for the next multiple of this, as for an audio buffer.
  absl::Duration grid = absl::ZeroDuration();

  absl::Duration Mean() const;
  absl::Duration Most() const;
  absl::Duration Draw(MonoTime ideal, std::mt19937_64& random) const;

  // Whether it hides the clock's own doings: whole pulses of this period may
  // share a buffer, or most come as if they were others.
  bool Hides(absl::Duration period) const;
};

// What was measured somewhere, a row each.
struct JitterRow {
  const char* name;
  Jitter jitter;
};
const std::vector<JitterRow>& JitterRows();

// 0 .. 1.
double Fraction(std::mt19937_64& random);

}  // namespace antiphon::sim

#endif  // ANTIPHON_TESTS_SIM_JITTER_H_
