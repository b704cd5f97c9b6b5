// SPDX-License-Identifier: Apache-2.0
#include "inference/aria/chords.h"

#include <algorithm>
#include <cstddef>
#include <tuple>

#include "inference/aria/quantise.h"
#include "inference/aria/row_map.h"

namespace antiphon::inference {

void ByOnsetAndPitch(std::vector<TaggedNote>& notes) {
  const auto key = [](const TaggedNote& note) {
    return std::tie(note.note.onset_ms, note.note.pitch);
  };
  std::sort(notes.begin(), notes.end(),
            [&](const auto& a, const auto& b) { return key(a) < key(b); });
  size_t kept = 0;
  for (const TaggedNote& note : notes) {
    if (kept == 0 || key(notes[kept - 1]) != key(note)) {
      notes[kept++] = note;
      continue;
    }
    TaggedNote& same = notes[kept - 1];
    same.note.duration_ms =
        std::max(same.note.duration_ms, note.note.duration_ms);
    same.note.velocity = std::max(same.note.velocity, note.note.velocity);
    same.tags |= note.tags;
  }
  notes.resize(kept);
}

void KeepPianoKeys(std::vector<TaggedNote>& notes) {
  std::erase_if(notes, [](const TaggedNote& note) {
    return note.note.pitch < kLowestKey || note.note.pitch > kHighestKey;
  });
}

void PutOnSteps(int segment_ms, std::vector<TaggedNote>& notes) {
  KeepPianoKeys(notes);
  for (TaggedNote& note : notes) {
    const int64_t in_segment = note.note.onset_ms % segment_ms;
    note.note.onset_ms += QuantiseOnsetMs(in_segment, segment_ms) - in_segment;
  }
  ByOnsetAndPitch(notes);
}

}  // namespace antiphon::inference
