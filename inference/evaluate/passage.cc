// SPDX-License-Identifier: Apache-2.0
#include "inference/evaluate/passage.h"

#include <algorithm>
#include <tuple>

#include "inference/aria/row_map.h"

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

std::vector<Note> Tidy(std::vector<Note> notes) {
  std::erase_if(notes, [](const Note& note) {
    return note.pitch < kLowestKey || note.pitch > kHighestKey;
  });
  std::stable_sort(
      notes.begin(), notes.end(), [](const Note& a, const Note& b) {
        return std::tie(a.tick, a.pitch) < std::tie(b.tick, b.pitch);
      });
  std::vector<Note> tidy;
  for (const Note& note : notes) {
    if (tidy.empty() || tidy.back().tick != note.tick ||
        tidy.back().pitch != note.pitch) {
      tidy.push_back(note);
      continue;
    }
    Note& merged = tidy.back();
    if (note.duration > merged.duration) {
      merged.duration = note.duration;
      merged.held_by = note.held_by;
    }
    merged.velocity = std::max(merged.velocity, note.velocity);
  }
  return tidy;
}

}  // namespace antiphon::inference
