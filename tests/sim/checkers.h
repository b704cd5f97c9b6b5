// SPDX-License-Identifier: Apache-2.0
//
// Invariants of any session, however hostile its host. Each returns "" or what
// is wrong, so that a planted defect can be shown to be caught.
#ifndef ANTIPHON_TESTS_SIM_CHECKERS_H_
#define ANTIPHON_TESTS_SIM_CHECKERS_H_

#include <string>
#include <vector>

#include "tests/sim/sim_world.h"

namespace antiphon::edge {

// Note-ons and note-offs of a pitch alternate, and none is left on.
std::string CheckNotesPaired(const std::vector<Sent>& sent);
// Send times never go back.
std::string CheckTimeOrder(const std::vector<Sent>& sent);
// Every bar once, play_seq growing without a gap.
std::string CheckOneOutcomePerBar(const std::vector<BarRecord>& bars);
// An answer was ready by its cutoff.
std::string CheckNothingPlannedLate(const std::vector<BarRecord>& bars);
// From the third bar of an epoch on, a bar answers the one two before it, where
// that had a note; each of the player's notes sounds exactly once.
std::string CheckAnswered(const std::vector<BarRecord>& bars,
                          int notes_per_bar);

}  // namespace antiphon::edge

#endif  // ANTIPHON_TESTS_SIM_CHECKERS_H_
