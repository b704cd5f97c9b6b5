// SPDX-License-Identifier: Apache-2.0
//
// The frame that all programs share: flags are read, --help and --version
// answered, what went wrong becomes one line on stderr and an exit code.
#ifndef ANTIPHON_COMMON_PROGRAM_H_
#define ANTIPHON_COMMON_PROGRAM_H_

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "common/flags.h"

namespace antiphon {

struct Program {
  std::string name;              // "antiphon-edge"
  std::string version;           // "0.1.0"
  std::string help;              // what --help prints
  bool takes_arguments = false;  // beside flags
  std::string config_flag = "";  // which flag names a file of settings
};

// 0: fine. 2: wrong usage or input that cannot be used. 1: the program failed
// at its work (kInternal, kUnknown, kResourceExhausted, kDataLoss).
int ExitCode(const absl::Status& status);

// What main() returns. `run` gets a command line without --help and --version.
int RunProgram(const Program& program, int argc, char** argv,
               const std::function<absl::Status(const CommandLine&)>& run);

}  // namespace antiphon

#endif  // ANTIPHON_COMMON_PROGRAM_H_
