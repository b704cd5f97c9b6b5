// SPDX-License-Identifier: Apache-2.0
#include "inference/evaluate/passage.h"

#include <algorithm>

namespace antiphon::inference {
Passage PassageOf(const std::vector<Note>& notes, Ticks begin, Ticks bar_length,
                  int bars) {
  Passage passage{{}, bar_length, bars};
  for (Note note : notes) {
    note.tick -= begin;
    if (note.tick < Ticks() || note.tick >= passage.length()) continue;
    passage.notes.push_back(note);
  }
  return passage;
}

Passage BarsOf(const Passage& passage, int first, int bars) {
  return PassageOf(passage.notes, Ticks::Of(first * passage.bar_length.count()),
                   passage.bar_length, bars);
}

std::vector<TempoChange> TemposFrom(const std::vector<TempoChange>& tempos,
                                    Ticks begin) {
  std::vector<TempoChange> from = {{Ticks(), 120}};
  for (TempoChange tempo : tempos) {
    tempo.tick = std::max(Ticks(), tempo.tick - begin);
    if (tempo.tick == from.back().tick) from.pop_back();
    from.push_back(tempo);
  }
  return from;
}

}  // namespace antiphon::inference
