// SPDX-License-Identifier: Apache-2.0
//
// One session of a restless host, a restless network and a player of anything,
// all drawn from one seed, and what the checkers find in it.
#ifndef ANTIPHON_TESTS_SIM_FUZZ_H_
#define ANTIPHON_TESTS_SIM_FUZZ_H_

#include <cstdint>
#include <string>

namespace antiphon::sim {

struct Fuzzed {
  size_t bars = 0;
  int judged = 0;  // answers, by liveness
  int notes = 0;   // that had to sound in them
  // Of what must never happen, whether it did.
  bool hanging_note = false;
  bool old_epoch = false;
  bool duplicate = false;
  // The first thing that any checker finds, with its name; or "".
  std::string problem;
};

// Some 90 bars.
Fuzzed Fuzz(uint64_t seed);

}  // namespace antiphon::sim

#endif  // ANTIPHON_TESTS_SIM_FUZZ_H_
