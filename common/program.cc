// SPDX-License-Identifier: Apache-2.0
#include "common/program.h"

#include <cstdio>

#include "absl/flags/flag.h"
#include "absl/strings/str_cat.h"

ABSL_FLAG(bool, help, false, "this text");
ABSL_FLAG(bool, version, false, "the version");

namespace antiphon {
namespace {

absl::Status Run(const Program& program, int argc, char** argv,
                 const std::function<absl::Status(const CommandLine&)>& run) {
  absl::StatusOr<CommandLine> line =
      ParseFlags(argc, argv, program.config_flag);
  if (!line.ok()) return line.status();
  if (!program.takes_arguments && !line->arguments.empty()) {
    return absl::InvalidArgumentError(absl::StrCat("unexpected argument ",
                                                   line->arguments.front(),
                                                   "; --help lists the flags"));
  }
  if (absl::GetFlag(FLAGS_help)) {
    std::fputs(program.help.c_str(), stdout);
    return absl::OkStatus();
  }
  if (absl::GetFlag(FLAGS_version)) {
    std::printf("%s %s\n", program.name.c_str(), program.version.c_str());
    return absl::OkStatus();
  }
  line->given.erase("help");
  line->given.erase("version");
  return run(*line);
}

// A name with a line break in it must not make two lines of one.
std::string OneLine(absl::string_view text) {
  std::string line(text);
  for (char& c : line) {
    if (static_cast<unsigned char>(c) < ' ' || c == '\x7F') c = '?';
  }
  return line;
}

}  // namespace

int ExitCode(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kOk:
      return 0;
    case absl::StatusCode::kDataLoss:
    case absl::StatusCode::kInternal:
    case absl::StatusCode::kResourceExhausted:
    case absl::StatusCode::kUnknown:
      return 1;
    default:
      return 2;
  }
}

int RunProgram(const Program& program, int argc, char** argv,
               const std::function<absl::Status(const CommandLine&)>& run) {
  absl::Status status = Run(program, argc, argv, run);
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) {
    status.Update(absl::DataLossError("cannot write to standard output"));
  }
  if (!status.ok()) {
    std::fprintf(stderr, "%s: %s\n", program.name.c_str(),
                 OneLine(status.message()).c_str());
  }
  return ExitCode(status);
}

}  // namespace antiphon
