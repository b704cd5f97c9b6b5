// SPDX-License-Identifier: Apache-2.0
//
// Liveness: lag + 2 bars that nothing disturbed, and the last of them answers
// the first: every note of it once, at its tick, as loud and as long as the
// mirror's rules say, and nothing else; where the player rested, rest.
//
// What disturbs is read from the scripts of host and network alone: clocks out
// of step, breaks, and troubles that leave an answer no time to come. So an
// edge that records its own failures as excuses finds no mercy here.
#ifndef ANTIPHON_TESTS_SIM_LIVENESS_H_
#define ANTIPHON_TESTS_SIM_LIVENESS_H_

#include <string>

#include "tests/sim/recording.h"
#include "tests/sim/truth.h"

namespace antiphon::sim {

struct Liveness {
  std::string problem;  // "" or what is wrong
  int judged = 0;       // bars
  int notes = 0;        // that had to sound
  // The furthest that a note was off its place.
  absl::Duration worst = absl::ZeroDuration();
};

Liveness CheckLiveness(const Recording& recording, const Truth& truth);

}  // namespace antiphon::sim

#endif  // ANTIPHON_TESTS_SIM_LIVENESS_H_
