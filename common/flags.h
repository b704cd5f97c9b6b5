// SPDX-License-Identifier: Apache-2.0
//
// Abseil's flags, read in the way every program here promises: a wrong flag is
// one line that names it and a status, never an exit from inside the library.
#ifndef ANTIPHON_COMMON_FLAGS_H_
#define ANTIPHON_COMMON_FLAGS_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace antiphon {

// Sets the flags named in argv (--name=value, --name value, --name and --noname
// for booleans). Returns the arguments that are not flags.
absl::StatusOr<std::vector<std::string>> ParseFlags(int argc, char** argv);

}  // namespace antiphon

#endif  // ANTIPHON_COMMON_FLAGS_H_
