// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/fuzz.h"

#include "absl/strings/str_cat.h"
#include "tests/sim/checkers.h"
#include "tests/sim/generators.h"
#include "tests/sim/liveness.h"
#include "tests/sim/sim_world.h"

namespace antiphon::sim {
namespace {

constexpr int kSteps = 30;

}  // namespace

Fuzzed Fuzz(uint64_t seed) {
  const HostScript host = RestlessHost(seed, kSteps);
  const Recording recording =
      Play(host, RestlessNetwork(seed, host.now()), {.seed = seed});
  const Truth truth(host);
  const Liveness live = CheckLiveness(recording, truth);
  Fuzzed result{.bars = recording.bars.size(),
                .judged = live.judged,
                .notes = live.notes,
                .hanging_note = !CheckNotesPaired(recording).empty(),
                .old_epoch = !CheckNoOldEpoch(recording, truth).empty(),
                .duplicate = !CheckNoDuplicates(recording).empty(),
                .problem = CheckInvariants(recording, truth)};
  if (result.problem.empty() && !live.problem.empty()) {
    result.problem = absl::StrCat("Liveness: ", live.problem);
  }
  return result;
}

}  // namespace antiphon::sim
