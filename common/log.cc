// SPDX-License-Identifier: Apache-2.0
#include "common/log.h"

#include <cstdio>

#include "absl/time/civil_time.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace antiphon {
namespace {

constexpr size_t kHead = 40;  // time and level

thread_local LogBuffer* buffer = nullptr;

constexpr const char* Name(LogLevel level) {
  switch (level) {
    case LogLevel::kInfo:
      return "INFO";
    case LogLevel::kWarning:
      return "WARN";
    case LogLevel::kError:
      return "ERROR";
  }
  return "?";
}

void WriteOut(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stderr);
}

}  // namespace

LogBuffer::LogBuffer() { buffer = this; }

LogBuffer::~LogBuffer() {
  Flush();
  buffer = nullptr;
}

void LogBuffer::Flush() {
  if (size_ > 0) WriteOut({text_.data(), size_});
  size_ = 0;
}

void LogBuffer::Add(std::string_view line) {
  if (size_ + line.size() > text_.size()) Flush();
  std::copy_n(line.data(), line.size(), text_.data() + size_);
  size_ += line.size();
}

void LogLine(LogLevel level, std::string_view message) {
  const absl::Time now = absl::Now();
  const absl::CivilSecond second =
      absl::ToCivilSecond(now, absl::UTCTimeZone());
  const int64_t ms = absl::ToUnixMillis(now) % 1000;
  std::array<char, kHead + kMaxLogLine + 1> line;
  const int head = std::snprintf(
      line.data(), kHead, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ %s ",
      static_cast<int>(second.year()), second.month(), second.day(),
      second.hour(), second.minute(), second.second(), static_cast<int>(ms),
      Name(level));
  size_t size = static_cast<size_t>(head);
  const size_t fits = std::min(message.size(), kMaxLogLine);
  std::copy_n(message.data(), fits, line.data() + size);
  size += fits;
  line[size++] = '\n';
  const std::string_view whole(line.data(), size);
  buffer != nullptr ? buffer->Add(whole) : WriteOut(whole);
}

}  // namespace antiphon
