// SPDX-License-Identifier: Apache-2.0
//
// bars.jsonl: one JSON object a line for every bar that sounded, flushed line
// by line so that a crash loses none; and the same bar as a line for people. A
// line that cannot be written (a full disk) is an error, and so are all after
// it.
#ifndef ANTIPHON_EDGE_SESSION_BAR_LOG_H_
#define ANTIPHON_EDGE_SESSION_BAR_LOG_H_

#include <cstdio>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "edge/session/bar_record.h"

namespace antiphon::edge {

// Fields in the order of the design: play_seq … model; null where there is
// none.
std::string FormatJsonLine(const BarRecord& record, const std::string& model);
// "bar   3  answer   in_time     8 notes  slack +1850 ms  120.0 BPM"
std::string FormatForPeople(const BarRecord& record);

class BarLog {
 public:
  // Starts the file anew.
  static absl::StatusOr<std::unique_ptr<BarLog>> Create(
      const std::string& path);
  ~BarLog();
  BarLog(const BarLog&) = delete;
  BarLog& operator=(const BarLog&) = delete;

  absl::Status Write(const BarRecord& record, const std::string& model);
  // What the first line that was lost said.
  const absl::Status& status() const { return status_; }

 private:
  BarLog(std::FILE* file, const std::string& path) : file_(file), path_(path) {}

  std::FILE* const file_;
  const std::string path_;
  absl::Status status_;
};

}  // namespace antiphon::edge

#endif  // ANTIPHON_EDGE_SESSION_BAR_LOG_H_
