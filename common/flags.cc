// SPDX-License-Identifier: Apache-2.0
#include "common/flags.h"

#include <cstdint>

#include "absl/flags/commandlineflag.h"
#include "absl/flags/reflection.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace antiphon {
namespace {

// --session-dir is the flag session_dir.
absl::CommandLineFlag* Find(absl::string_view name) {
  std::string with_underscores(name);
  for (char& c : with_underscores) c = c == '-' ? '_' : c;
  return name.empty() ? nullptr : absl::FindCommandLineFlag(with_underscores);
}

absl::Status Unknown(absl::string_view arg) {
  return absl::InvalidArgumentError(
      absl::StrCat("unknown flag ", arg, "; --help lists the flags"));
}

const char* Wanted(const absl::CommandLineFlag& flag) {
  if (flag.IsOfType<bool>()) return "true or false";
  if (flag.IsOfType<double>()) return "a number";
  if (flag.IsOfType<uint64_t>()) return "a whole number from 0";
  return "a whole number";  // text takes everything
}

// `words`: how the flag was given.
absl::Status Set(absl::CommandLineFlag* flag, absl::string_view value,
                 const std::string& words, CommandLine& line) {
  const auto [earlier, first] =
      line.given.try_emplace(std::string(flag->Name()), words);
  if (!first) {
    return absl::InvalidArgumentError(absl::StrCat(
        words, " is given after ", earlier->second, "; give it once"));
  }
  std::string error;
  if (flag->ParseFrom(value, &error)) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      words, " is not a value that it takes; want ", Wanted(*flag)));
}

// The value of a flag that came without one: true, or false for --noname.
absl::CommandLineFlag* FindWithoutValue(absl::string_view name,
                                        absl::string_view& value) {
  absl::CommandLineFlag* flag = Find(name);
  value = "true";
  if (flag == nullptr && absl::ConsumePrefix(&name, "no")) {
    flag = Find(name);
    value = "false";
    if (flag != nullptr && !flag->IsOfType<bool>()) flag = nullptr;
  }
  return flag;
}

}  // namespace

absl::StatusOr<CommandLine> ParseFlags(int argc, char** argv) {
  CommandLine line;
  for (int i = 1; i < argc; ++i) {
    const absl::string_view arg = argv[i];
    absl::string_view name = arg;
    if (!absl::ConsumePrefix(&name, "--")) {
      if (arg.size() > 1 && arg[0] == '-') return Unknown(arg);
      line.arguments.emplace_back(arg);
      continue;
    }
    const size_t equals = name.find('=');
    absl::CommandLineFlag* flag = nullptr;
    absl::string_view value;
    std::string words(arg);
    if (equals != absl::string_view::npos) {
      flag = Find(name.substr(0, equals));
      value = name.substr(equals + 1);
    } else {
      flag = FindWithoutValue(name, value);
      if (flag != nullptr && !flag->IsOfType<bool>()) {
        if (++i == argc) {
          return absl::InvalidArgumentError(
              absl::StrCat(arg, " needs a value"));
        }
        value = argv[i];
        absl::StrAppend(&words, "=", value);
      }
    }
    if (flag == nullptr) return Unknown(arg);
    if (absl::Status set = Set(flag, value, words, line); !set.ok()) return set;
  }
  return line;
}

}  // namespace antiphon
