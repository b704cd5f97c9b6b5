// SPDX-License-Identifier: Apache-2.0
//
// Invariants of any run, however hostile host and network. Each returns "" or
// what is wrong, so that a planted defect can be shown to be caught.
#ifndef ANTIPHON_TESTS_SIM_CHECKERS_H_
#define ANTIPHON_TESTS_SIM_CHECKERS_H_

#include <string>

#include "tests/sim/recording.h"
#include "tests/sim/truth.h"

namespace antiphon::sim {

// Note-ons and note-offs of a pitch alternate, and none is left on.
std::string CheckNotesPaired(const Recording& recording);
// Send times never go back.
std::string CheckTimeOrder(const Recording& recording);
// Every bar begun is told once, in its epoch; play_seq grows without a gap.
std::string CheckOneOutcomePerBar(const Recording& recording);
// What a bar's record says is what left the port.
std::string CheckRecordsTellWhatSounded(const Recording& recording);
// Nothing sounds that was planned after its cutoff: of a bar, its line - 5 ms,
// later of a note, its onset - 5 ms.
std::string CheckNothingPlannedLate(const Recording& recording,
                                    const Truth& truth);
// No note sounds twice: neither one of a plan, nor a pitch at one tick more
// often than the player struck it there.
std::string CheckNoDuplicates(const Recording& recording);
// Notes begin at their time, at most the grace later, and playback's idea of
// their time is the timeline's.
std::string CheckOnTime(const Recording& recording);
// Notes begin within their bar.
std::string CheckSentInBar(const Recording& recording, const Truth& truth);
// What was planned before a break of the host's does not sound after it.
std::string CheckNoOldEpoch(const Recording& recording, const Truth& truth);
// While the host stands still nothing begins.
std::string CheckSilentWhileStopped(const Recording& recording,
                                    const Truth& truth);
// What sounded before a break is over 100 ms after it: a stop, a jump, a clock
// lost by its freewheel.
std::string CheckNothingRingsOn(const Recording& recording, const Truth& truth);
// Each side takes what the other sends; a job sent again is the same job.
std::string CheckWire(const Recording& recording);

// Every job that was asked for has ended or was called off, on both sides.
std::string CheckNoJobLeftOpen(const Recording& recording);
// What is told of each bar, outcome and reason, is what was asked, arrived and
// sounded.
std::string CheckOutcomes(const Recording& recording, const Truth& truth);

// All of them; the first that finds something, with its name.
std::string CheckInvariants(const Recording& recording, const Truth& truth);

}  // namespace antiphon::sim

#endif  // ANTIPHON_TESTS_SIM_CHECKERS_H_
