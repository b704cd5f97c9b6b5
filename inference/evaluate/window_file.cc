// SPDX-License-Identifier: Apache-2.0
#include "inference/evaluate/window_file.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace antiphon::inference {
namespace {

constexpr int64_t kMaxTick = int64_t{1} << 40;  // as on the wire
constexpr std::array<const char*, 6> kColumns = {"file",
                                                 "task",
                                                 "ticks_per_bar",
                                                 "call_start_tick",
                                                 "response_start_tick",
                                                 "end_tick"};
enum Column { kFile, kTask, kTicksPerBar, kCall, kResponse, kEnd };

using Places = std::array<size_t, kColumns.size()>;

absl::Status Wrong(size_t line, const std::string& what) {
  return absl::InvalidArgumentError(absl::StrCat("line ", line, ": ", what));
}

absl::StatusOr<Places> PlacesOf(std::string_view header) {
  const std::vector<std::string> names =
      absl::StrSplit(absl::string_view(header.data(), header.size()), ',');
  Places places{};
  for (size_t i = 0; i < kColumns.size(); ++i) {
    const auto found = std::find(names.begin(), names.end(), kColumns[i]);
    if (found == names.end()) {
      return Wrong(1, absl::StrCat("no column named ", kColumns[i]));
    }
    places[i] = static_cast<size_t>(found - names.begin());
  }
  return places;
}

absl::StatusOr<Ticks> TicksOf(const std::vector<std::string>& values,
                              const Places& places, Column column,
                              size_t line) {
  const std::string& text = values[places[column]];
  int64_t ticks = 0;
  if (!absl::SimpleAtoi(text, &ticks) || ticks < 0 || ticks > kMaxTick) {
    return Wrong(line, absl::StrCat(kColumns[column], " is '", text,
                                    "', 0 to 2^40 is due"));
  }
  return Ticks::Of(ticks);
}

absl::StatusOr<int> BarsOf(const std::string& task, size_t line) {
  if (task == "call_response_2_2") return 2;
  if (task == "continuation_8_8") return 8;
  return Wrong(line, absl::StrCat("task is '", task,
                                  "', call_response_2_2 or "
                                  "continuation_8_8 is due"));
}

absl::StatusOr<Window> ParseLine(std::string_view text, const Places& places,
                                 size_t line) {
  const std::vector<std::string> values =
      absl::StrSplit(absl::string_view(text.data(), text.size()), ',');
  const size_t due = *std::max_element(places.begin(), places.end()) + 1;
  if (values.size() < due) {
    return Wrong(line, absl::StrCat(values.size(), " values, at least ", due,
                                    " are due"));
  }
  Window window;
  window.file = values[places[kFile]];
  if (window.file.empty()) return Wrong(line, "file is empty");
  const absl::StatusOr<int> bars = BarsOf(values[places[kTask]], line);
  if (!bars.ok()) return bars.status();
  window.bars = *bars;
  std::array<Ticks, kColumns.size()> ticks;
  for (const Column column : {kTicksPerBar, kCall, kResponse, kEnd}) {
    const absl::StatusOr<Ticks> found = TicksOf(values, places, column, line);
    if (!found.ok()) return found.status();
    ticks[column] = *found;
  }
  window.bar_length = ticks[kTicksPerBar];
  window.begin = ticks[kCall];
  if (!MeterOf(window.bar_length)) {
    return Wrong(line,
                 absl::StrCat("ticks_per_bar is ", window.bar_length.count(),
                              ", which no meter has"));
  }
  if (window.answer() != ticks[kResponse] || window.end() != ticks[kEnd]) {
    return Wrong(line,
                 absl::StrCat("call_start_tick, response_start_tick and "
                              "end_tick do not lie ",
                              window.bars, " bars of ticks_per_bar apart"));
  }
  return window;
}

}  // namespace

absl::StatusOr<std::vector<Window>> ParseWindows(std::string_view text) {
  const std::vector<std::string> lines =
      absl::StrSplit(absl::string_view(text.data(), text.size()), '\n');
  const auto stripped = [&lines](size_t i) {
    return std::string(absl::StripTrailingAsciiWhitespace(lines[i]));
  };
  const absl::StatusOr<Places> places = PlacesOf(stripped(0));
  if (!places.ok()) return places.status();
  std::vector<Window> windows;
  for (size_t i = 1; i < lines.size(); ++i) {
    const std::string line = stripped(i);
    if (line.empty()) continue;
    absl::StatusOr<Window> window = ParseLine(line, *places, i + 1);
    if (!window.ok()) return window.status();
    windows.push_back(*std::move(window));
  }
  if (windows.empty()) return absl::InvalidArgumentError("holds no window");
  return windows;
}

std::optional<Meter> MeterOf(Ticks bar_length) {
  for (int denominator = 4; denominator <= 32; denominator *= 2) {
    const int64_t beats = bar_length.count() * denominator / kTicksPerWhole;
    if (beats > 64) break;
    const Meter meter{static_cast<int>(beats), denominator};
    if (meter.IsValid() && meter.BarLength() == bar_length) return meter;
  }
  return std::nullopt;
}

std::vector<Window> SpreadWindows(const std::vector<Window>& windows, int bars,
                                  size_t limit) {
  std::vector<Window> of_task;
  std::copy_if(windows.begin(), windows.end(), std::back_inserter(of_task),
               [bars](const Window& window) { return window.bars == bars; });
  if (limit == 0 || of_task.size() <= limit) return of_task;
  std::vector<Window> spread;
  for (size_t i = 0; i < limit; ++i) {
    spread.push_back(of_task[i * of_task.size() / limit]);
  }
  return spread;
}

}  // namespace antiphon::inference
