// SPDX-License-Identifier: Apache-2.0
//
// Abseil's flags, read in the way every program here promises: a wrong flag is
// one line that names it and a status, never an exit from inside the library.
// Which flags were given is told apart from their values, so that none has to
// be ignored in silence.
#ifndef ANTIPHON_COMMON_FLAGS_H_
#define ANTIPHON_COMMON_FLAGS_H_

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace antiphon {

struct CommandLine {
  std::vector<std::string> arguments;  // what is no flag
  // Flags by name (session_dir), in the words they were given in:
  // "--session-dir=DIR", or from a file "FILE.toml:3: session-dir = "DIR"".
  std::map<std::string, std::string> given;

  bool Has(const std::string& flag) const { return given.contains(flag); }
};

// Sets the flags named in argv: --name=value, --name value, for booleans also
// --name and --noname; dashes and underscores are the same. Each at most once.
// Where the text flag `config_flag` names a file, its settings are the values
// of flags that argv does not give.
absl::StatusOr<CommandLine> ParseFlags(int argc, char** argv,
                                       const std::string& config_flag = "");

}  // namespace antiphon

#endif  // ANTIPHON_COMMON_FLAGS_H_
