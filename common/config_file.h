// SPDX-License-Identifier: Apache-2.0
//
// A TOML file of settings: plain keys, each with a text, a number or a truth
// value. Tables, lists and dates are refused. Errors name file and line. The
// one place that knows toml++.
#ifndef ANTIPHON_COMMON_CONFIG_FILE_H_
#define ANTIPHON_COMMON_CONFIG_FILE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace antiphon {

struct Setting {
  enum class Kind { kText, kWhole, kNumber, kTruth };
  Kind kind = Kind::kText;
  std::string name;
  std::string value;  // as a flag takes it
  std::string words;  // FILE.toml:3: tempo = 90
};

// In the order of the file, which has at most 1 MiB.
absl::StatusOr<std::vector<Setting>> ReadConfigFile(const std::string& path);

}  // namespace antiphon

#endif  // ANTIPHON_COMMON_CONFIG_FILE_H_
