// SPDX-License-Identifier: Apache-2.0
//
// Seeds of random runs, and how to see one of them again: the environment
// variable ANTIPHON_SEED names the only one to run.
#ifndef ANTIPHON_TESTS_SIM_REPLAY_H_
#define ANTIPHON_TESTS_SIM_REPLAY_H_

#include <cstdint>
#include <string>
#include <vector>

namespace antiphon::sim {

// Those of [from, to), or the one of ANTIPHON_SEED.
std::vector<uint64_t> Seeds(uint64_t from, uint64_t to);

// The one command, in the repository's root, that runs the present test of
// `program` (a test program of this folder) with `seed` alone.
std::string ReplayCommand(const std::string& program, uint64_t seed);

}  // namespace antiphon::sim

#endif  // ANTIPHON_TESTS_SIM_REPLAY_H_
