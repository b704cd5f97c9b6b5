// SPDX-License-Identifier: Apache-2.0
#include "edge/session/bar_log.h"

#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace antiphon::edge {
namespace {

using Json = nlohmann::ordered_json;

template <typename T>
Json OrNull(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}

}  // namespace

std::string FormatJsonLine(const BarRecord& r, const std::string& model) {
  return Json({{"play_seq", r.play_seq},
               {"bar_index", r.bar_index},
               {"epoch", r.epoch},
               {"answers", OrNull(r.answers)},
               {"lag", r.lag},
               {"outcome", ToString(r.outcome)},
               {"reason", ToString(r.reason)},
               {"slack_ms", OrNull(r.slack_ms)},
               {"notes", r.notes},
               {"sent", r.sent},
               {"late", r.late},
               {"first_note_error_us", OrNull(r.first_note_error_us)},
               {"tempo", r.tempo},
               {"model", model}})
      .dump();
}

std::string FormatForPeople(const BarRecord& r) {
  std::string line =
      absl::StrFormat("bar %3d  %-7s  %-11s  %3d notes", r.bar_index,
                      ToString(r.outcome), ToString(r.reason), r.sent);
  if (r.slack_ms)
    absl::StrAppendFormat(&line, "  slack %+6.0f ms", *r.slack_ms);
  absl::StrAppendFormat(&line, "  %.1f BPM", r.tempo);
  return line;
}

absl::StatusOr<std::unique_ptr<BarLog>> BarLog::Create(
    const std::string& path) {
  std::FILE* file = std::fopen(path.c_str(), "w");
  if (file == nullptr) {
    return absl::PermissionDeniedError(
        absl::StrCat("cannot write ", path, ": ", std::strerror(errno)));
  }
  return absl::WrapUnique(new BarLog(file, path));
}

BarLog::~BarLog() { std::fclose(file_); }

absl::Status BarLog::Write(const BarRecord& record, const std::string& model) {
  if (!status_.ok()) return status_;  // never a hole in the middle
  const int written =
      std::fprintf(file_, "%s\n", FormatJsonLine(record, model).c_str());
  if (written < 0 || std::fflush(file_) != 0) {
    status_ = absl::DataLossError(
        absl::StrCat(path_, ": cannot be written from bar ", record.bar_index,
                     " on: ", std::strerror(errno), "; make room for it"));
  }
  return status_;
}

}  // namespace antiphon::edge
