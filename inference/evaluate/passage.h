// SPDX-License-Identifier: Apache-2.0
//
// Some bars of music, as the measures of an answer look at it, and how it is
// cut from a piece. Pure functions on plain data; any thread.
#ifndef ANTIPHON_INFERENCE_EVALUATE_PASSAGE_H_
#define ANTIPHON_INFERENCE_EVALUATE_PASSAGE_H_

#include <vector>

#include "common/music/note.h"

namespace antiphon::inference {

// Bars of one length.
struct Passage {
  std::vector<Note> notes;  // by tick, from the first line; onsets inside
  Ticks bar_length;
  int bars = 0;

  Ticks length() const { return Ticks::Of(bars * bar_length.count()); }
  int64_t BarOf(const Note& note) const {
    return note.tick.count() / bar_length.count();
  }
};

// What begins in the `bars` bars from `begin` on. `notes` by tick.
Passage PassageOf(const std::vector<Note>& notes, Ticks begin, Ticks bar_length,
                  int bars);
// Those bars of it alone.
Passage BarsOf(const Passage& passage, int first, int bars);

// The tempos with `begin` as tick 0, the first one there. `tempos` by tick.
std::vector<TempoChange> TemposFrom(const std::vector<TempoChange>& tempos,
                                    Ticks begin);

}  // namespace antiphon::inference

#endif  // ANTIPHON_INFERENCE_EVALUATE_PASSAGE_H_
