// SPDX-License-Identifier: Apache-2.0
#include "common/flags.h"

#include <cstdint>

#include "absl/flags/commandlineflag.h"
#include "absl/flags/reflection.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/config_file.h"

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
  return flag.IsOfType<int>() ? "a whole number" : "text in quotes";
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

bool Fits(Setting::Kind kind, const absl::CommandLineFlag& flag) {
  switch (kind) {
    case Setting::Kind::kText:
      return flag.IsOfType<std::string>();
    case Setting::Kind::kTruth:
      return flag.IsOfType<bool>();
    case Setting::Kind::kNumber:
      return flag.IsOfType<double>();
    case Setting::Kind::kWhole:
      return flag.IsOfType<double>() || flag.IsOfType<int>() ||
             flag.IsOfType<uint64_t>();
  }
  return false;
}

// What argv gave stays.
absl::Status SetFromFile(const std::string& path,
                         const std::string& config_flag, CommandLine& line) {
  const auto settings = ReadConfigFile(path);
  if (!settings.ok()) {
    return absl::Status(
        settings.status().code(),
        absl::StrCat("--", config_flag, "=", settings.status().message()));
  }
  const CommandLine words = line;
  for (const Setting& setting : *settings) {
    absl::CommandLineFlag* flag = Find(setting.name);
    if (flag == nullptr || flag->Name() == config_flag ||
        flag->Name() == "help" || flag->Name() == "version") {
      return absl::InvalidArgumentError(absl::StrCat(
          setting.words, " is no setting; --help lists the flags"));
    }
    if (!Fits(setting.kind, *flag)) {
      return absl::InvalidArgumentError(absl::StrCat(
          setting.words, " is of another kind; want ", Wanted(*flag)));
    }
    if (words.Has(std::string(flag->Name()))) continue;
    absl::Status set = Set(flag, setting.value, setting.words, line);
    if (!set.ok()) return set;
  }
  return absl::OkStatus();
}

// Reads the words of argv alone.
absl::StatusOr<CommandLine> ReadWords(int argc, char** argv) {
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

}  // namespace

absl::StatusOr<CommandLine> ParseFlags(int argc, char** argv,
                                       const std::string& config_flag) {
  absl::StatusOr<CommandLine> line = ReadWords(argc, argv);
  if (!line.ok() || !line->Has(config_flag)) return line;
  const std::string path = Find(config_flag)->CurrentValue();
  absl::Status set = SetFromFile(path, config_flag, *line);
  if (!set.ok()) return set;
  return line;
}

}  // namespace antiphon
