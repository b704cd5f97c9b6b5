// SPDX-License-Identifier: Apache-2.0
//
// One log line on standard error: wall-clock time, level, message. Fields are
// written by the caller as key=value. One write call a line, so lines of
// several threads never mix. Not for the real-time thread.
#ifndef ANTIPHON_COMMON_LOG_H_
#define ANTIPHON_COMMON_LOG_H_

#include <string_view>

#include "absl/strings/str_cat.h"

namespace antiphon {

enum class LogLevel { kInfo, kWarning, kError };

void LogLine(LogLevel level, std::string_view message);

template <typename... Args>
void LogInfo(const Args&... args) {
  LogLine(LogLevel::kInfo, absl::StrCat(args...));
}
template <typename... Args>
void LogWarning(const Args&... args) {
  LogLine(LogLevel::kWarning, absl::StrCat(args...));
}
template <typename... Args>
void LogError(const Args&... args) {
  LogLine(LogLevel::kError, absl::StrCat(args...));
}

}  // namespace antiphon

#endif  // ANTIPHON_COMMON_LOG_H_
