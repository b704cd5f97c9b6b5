// SPDX-License-Identifier: Apache-2.0
//
// Hosts that are hostile in one way, again and again: a row each. What they do
// is in misdeeds.h; RestlessHost() does it all.
#ifndef ANTIPHON_TESTS_SIM_HOSTILE_HOSTS_H_
#define ANTIPHON_TESTS_SIM_HOSTILE_HOSTS_H_

#include <vector>

#include "tests/sim/host_script.h"

namespace antiphon::sim {

struct HostileHost {
  const char* name;
  HostScript (*play)(uint64_t seed);
  int judged;  // answers that liveness can judge, at least
};

const std::vector<HostileHost>& HostileHosts();

}  // namespace antiphon::sim

#endif  // ANTIPHON_TESTS_SIM_HOSTILE_HOSTS_H_
