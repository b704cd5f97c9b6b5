// SPDX-License-Identifier: Apache-2.0
//
// For tests: a checkpoint that fits no machine, and takes no disk either.
#ifndef ANTIPHON_TESTS_GIANT_CHECKPOINT_H_
#define ANTIPHON_TESTS_GIANT_CHECKPOINT_H_

#include <string>

namespace antiphon::testing {

// Writes a valid header and then 4.4 TB that were never written. Demands
// `path`'s folder.
void WriteGiantCheckpoint(const std::string& path);

}  // namespace antiphon::testing

#endif  // ANTIPHON_TESTS_GIANT_CHECKPOINT_H_
