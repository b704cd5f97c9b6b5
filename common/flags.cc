// SPDX-License-Identifier: Apache-2.0
#include "common/flags.h"

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

absl::Status Set(absl::CommandLineFlag* flag, absl::string_view value) {
  std::string error;
  if (flag->ParseFrom(value, &error)) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("--", flag->Name(), "=", value, " is not a value it takes",
                   error.empty() ? "" : ": ", error));
}

}  // namespace

absl::StatusOr<std::vector<std::string>> ParseFlags(int argc, char** argv) {
  std::vector<std::string> rest;
  for (int i = 1; i < argc; ++i) {
    const absl::string_view arg = argv[i];
    absl::string_view name = arg;
    if (!absl::ConsumePrefix(&name, "--")) {
      if (arg.size() > 1 && arg[0] == '-') return Unknown(arg);
      rest.emplace_back(arg);
      continue;
    }
    absl::string_view value;
    const size_t equals = name.find('=');
    const bool has_value = equals != absl::string_view::npos;
    if (has_value) {
      value = name.substr(equals + 1);
      name = name.substr(0, equals);
    }
    absl::CommandLineFlag* flag = Find(name);
    if (flag == nullptr && !has_value && absl::ConsumePrefix(&name, "no")) {
      flag = Find(name);
      if (flag == nullptr || !flag->IsOfType<bool>()) return Unknown(arg);
      value = "false";
    } else if (flag == nullptr) {
      return Unknown(arg);
    } else if (!has_value && flag->IsOfType<bool>()) {
      value = "true";
    } else if (!has_value) {
      if (++i == argc) {
        return absl::InvalidArgumentError(absl::StrCat(arg, " needs a value"));
      }
      value = argv[i];
    }
    if (absl::Status set = Set(flag, value); !set.ok()) return set;
  }
  return rest;
}

}  // namespace antiphon
