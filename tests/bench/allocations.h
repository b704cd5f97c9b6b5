// SPDX-License-Identifier: Apache-2.0
//
// Counts what operator new is asked for, in the programs that link it.
#ifndef ANTIPHON_TESTS_BENCH_ALLOCATIONS_H_
#define ANTIPHON_TESTS_BENCH_ALLOCATIONS_H_

#include <cstdint>

namespace antiphon::bench {

// Of the calling thread, so far.
uint64_t Allocations();

}  // namespace antiphon::bench

#endif  // ANTIPHON_TESTS_BENCH_ALLOCATIONS_H_
