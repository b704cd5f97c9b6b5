// SPDX-License-Identifier: Apache-2.0
//
// The list of windows to evaluate: bar-aligned calls and the human answers that
// follow them, as comma-separated text. The first line names the columns, in
// any order and among others: file, task, ticks_per_bar, call_start_tick,
// response_start_tick, end_tick; ticks are 1/480 quarter note from the start
// of the MIDI file `file`. Tasks: call_response_2_2 and continuation_8_8.
// No quotes, no commas inside of values. Pure functions; any thread.
#ifndef ANTIPHON_INFERENCE_EVALUATE_WINDOW_FILE_H_
#define ANTIPHON_INFERENCE_EVALUATE_WINDOW_FILE_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "common/music/meter.h"
#include "common/music/ticks.h"

namespace antiphon::inference {

inline constexpr size_t kMaxWindowFileBytes = size_t{16} << 20;

struct Window {
  std::string file;
  int bars = 0;  // of the call, and of the answer: 2 or 8
  Ticks bar_length;
  Ticks begin;  // the call's first line

  Ticks answer() const { return Ticks::Of(begin.count() + Span()); }
  Ticks end() const { return Ticks::Of(begin.count() + 2 * Span()); }

 private:
  int64_t Span() const { return bars * bar_length.count(); }
};

// Errors: InvalidArgument that names the line (from 1) and what is wrong.
absl::StatusOr<std::vector<Window>> ParseWindows(std::string_view text);

// A meter whose bar has this many ticks, the coarsest; nothing where there is
// none.
std::optional<Meter> MeterOf(Ticks bar_length);

// At most `limit` of the windows with that many bars, evenly spread, in order;
// 0: all of them.
std::vector<Window> SpreadWindows(const std::vector<Window>& windows, int bars,
                                  size_t limit);

}  // namespace antiphon::inference

#endif  // ANTIPHON_INFERENCE_EVALUATE_WINDOW_FILE_H_
