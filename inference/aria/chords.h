// SPDX-License-Identifier: Apache-2.0
//
// How a model that plays in bars reads chords, in training and in use: onsets
// on the steps of the token grid, the notes of one onset by pitch, each key
// once, none but a piano's 88. Pure functions; any thread.
#ifndef ANTIPHON_INFERENCE_ARIA_CHORDS_H_
#define ANTIPHON_INFERENCE_ARIA_CHORDS_H_

#include <cstdint>
#include <vector>

#include "inference/aria/timed_note.h"

namespace antiphon::inference {

// A note, and as bits what its owner needs to know of it.
struct TaggedNote {
  TimedNote note;
  uint8_t tags = 0;

  friend bool operator==(const TaggedNote&, const TaggedNote&) = default;
};

// Sorts by onset, then pitch. Of notes equal in both one stays: as long as the
// longest, as loud as the loudest, with the tags of all.
void ByOnsetAndPitch(std::vector<TaggedNote>& notes);

// Drops the keys that no piano has: such a model has no rows for them
// (row_map.h).
void KeepPianoKeys(std::vector<TaggedNote>& notes);

// All of it: puts the onsets of a piano's keys, none below 0, onto the steps of
// segments that begin at 0, and there in order again.
void PutOnSteps(int segment_ms, std::vector<TaggedNote>& notes);

}  // namespace antiphon::inference

#endif  // ANTIPHON_INFERENCE_ARIA_CHORDS_H_
