// SPDX-License-Identifier: Apache-2.0
//
// One log line on standard error: wall-clock time, level, message. Fields are
// written by the caller as key=value. One write call a line, so lines of
// several threads never mix. Nothing is allocated; a message of more than
// kMaxLogLine characters is cut. Not for the real-time thread.
//
// A thread that must not be held up by whoever reads standard error keeps a
// LogBuffer: its lines wait there until Flush().
#ifndef ANTIPHON_COMMON_LOG_H_
#define ANTIPHON_COMMON_LOG_H_

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>

#include "absl/strings/str_cat.h"

namespace antiphon {

inline constexpr size_t kMaxLogLine = 1024;

enum class LogLevel { kInfo, kWarning, kError };

void LogLine(LogLevel level, std::string_view message);

// What LogLine writes on this thread waits while one of these lives; at most
// one a thread. A full buffer is flushed at once.
class LogBuffer {
 public:
  static constexpr size_t kCapacity = size_t{64} << 10;

  LogBuffer();
  ~LogBuffer();
  LogBuffer(const LogBuffer&) = delete;
  LogBuffer& operator=(const LogBuffer&) = delete;

  void Flush();

 private:
  friend void LogLine(LogLevel level, std::string_view message);
  void Add(std::string_view line);

  size_t size_ = 0;
  std::array<char, kCapacity> text_;
};

// Puts a message together, on the stack.
class LogMessage {
 public:
  template <typename... Args>
  explicit LogMessage(const Args&... args) {
    (Add(args), ...);
  }
  std::string_view text() const { return {text_.data(), size_}; }

 private:
  void Add(const absl::AlphaNum& piece) {
    const size_t fits = std::min(piece.size(), text_.size() - size_);
    std::copy_n(piece.data(), fits, text_.data() + size_);
    size_ += fits;
  }

  size_t size_ = 0;
  std::array<char, kMaxLogLine> text_;
};

template <typename... Args>
void LogInfo(const Args&... args) {
  LogLine(LogLevel::kInfo, LogMessage(args...).text());
}
template <typename... Args>
void LogWarning(const Args&... args) {
  LogLine(LogLevel::kWarning, LogMessage(args...).text());
}
template <typename... Args>
void LogError(const Args&... args) {
  LogLine(LogLevel::kError, LogMessage(args...).text());
}

}  // namespace antiphon

#endif  // ANTIPHON_COMMON_LOG_H_
