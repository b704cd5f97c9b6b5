// SPDX-License-Identifier: Apache-2.0
//
// Scripts drawn from a seed: hosts that do anything at any place, players who
// play anything, networks that fail.
#ifndef ANTIPHON_TESTS_SIM_GENERATORS_H_
#define ANTIPHON_TESTS_SIM_GENERATORS_H_

#include "tests/sim/fake_network.h"
#include "tests/sim/host_script.h"

namespace antiphon::sim {

// A host of any dialect, jitter row and meter that does anything at any place,
// `steps` times.
HostScript RestlessHost(uint64_t seed, int steps);
// Delays and troubles until `end`.
NetworkScript RestlessNetwork(uint64_t seed, MonoTime end);

}  // namespace antiphon::sim

#endif  // ANTIPHON_TESTS_SIM_GENERATORS_H_
