// SPDX-License-Identifier: Apache-2.0
//
// What one bar that sounded was like: a line of bars.jsonl.
#ifndef ANTIPHON_EDGE_SESSION_BAR_RECORD_H_
#define ANTIPHON_EDGE_SESSION_BAR_RECORD_H_

#include <optional>

#include "common/music/note.h"
#include "common/music/ticks.h"

namespace antiphon::edge {

struct BarRecord {
  PlaySeq play_seq = 0;
  BarIndex bar_index = 0;
  Epoch epoch = 0;
  std::optional<PlaySeq> answers;  // the human bar, where one was answered
  int lag = 1;
  Outcome outcome = Outcome::kSilence;
  Reason reason = Reason::kLate;
  std::optional<double> slack_ms;  // cutoff - ready; negative: missed
  int notes = 0;                   // planned
  int sent = 0;
  int late = 0;  // dropped because their time had passed
  std::optional<double> first_note_error_us;  // sent - due of the first note
  double tempo = 0;                           // quarter notes a minute
};

}  // namespace antiphon::edge

#endif  // ANTIPHON_EDGE_SESSION_BAR_RECORD_H_
