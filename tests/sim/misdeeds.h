// SPDX-License-Identifier: Apache-2.0
//
// What a hostile host does to a song that plays, a function each. Some need a
// clock that is known: they play until it is.
#ifndef ANTIPHON_TESTS_SIM_MISDEEDS_H_
#define ANTIPHON_TESTS_SIM_MISDEEDS_H_

#include "tests/sim/host_script.h"

namespace antiphon::sim {

// From `from` up to `to` ms.
absl::Duration Milliseconds(HostScript& host, int from, int to);

// Two or more epochs within one bar.
void Stumble(HostScript& host);
// By a quarter at most: nobody can tell a larger step from lost clocks at once.
void StepTempo(HostScript& host);
// By a quarter at most, over so many pulses, and on from there.
void RampTempo(HostScript& host, int64_t pulses);
// A little to and fro, a beat each.
void Drift(HostScript& host, int beats);
void LoseClocks(HostScript& host);
// Some clocks come late and at once, as from a driver that was held up.
void Burst(HostScript& host);
// Song positions between two clocks; the last one is where the song is.
void StormInPlace(HostScript& host);
// The same; the last one is `sixteenths`.
void StormTo(int sixteenths, HostScript& host);

}  // namespace antiphon::sim

#endif  // ANTIPHON_TESTS_SIM_MISDEEDS_H_
