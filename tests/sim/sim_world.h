// SPDX-License-Identifier: Apache-2.0
//
// Minutes of music in milliseconds: the real conductor, playback and client
// logic, a fake network, the service's real wire, queue and mirror, all in
// virtual time. A script goes in, a recording comes out; the same scripts give
// the same recording.
#ifndef ANTIPHON_TESTS_SIM_SIM_WORLD_H_
#define ANTIPHON_TESTS_SIM_SIM_WORLD_H_

#include "tests/sim/host_script.h"
#include "tests/sim/recording.h"
#include "tests/sim/sim_service.h"

namespace antiphon::sim {

struct WorldOptions {
  uint64_t seed = 1;                               // of the edge's own draws
  PlaySeq bars = edge::Conductor::Options().bars;  // length of the session
  SimService::Fates fates{};  // none: as the network's script says
  // The conductor's thread looks this often; longer with chance `stall`.
  absl::Duration poll = absl::Milliseconds(1);
  double stall = 0;
  absl::Duration stall_time = absl::ZeroDuration();
};

Recording Play(const HostScript& host, const NetworkScript& network,
               const WorldOptions& options = {});

}  // namespace antiphon::sim

#endif  // ANTIPHON_TESTS_SIM_SIM_WORLD_H_
