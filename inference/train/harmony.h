// SPDX-License-Identifier: Apache-2.0
//
// Chords as a lead sheet writes them, for the pieces that this repository makes
// up itself. Pure functions; any thread.
#ifndef ANTIPHON_INFERENCE_TRAIN_HARMONY_H_
#define ANTIPHON_INFERENCE_TRAIN_HARMONY_H_

#include <cstdint>
#include <string_view>
#include <vector>

namespace antiphon::inference {

// A set of pitch classes: bit p is p semitones above C, or above a root.
using PitchClasses = uint16_t;

constexpr int PitchClass(int pitch) { return ((pitch % 12) + 12) % 12; }
constexpr bool Holds(PitchClasses classes, int pitch) {
  return (classes >> PitchClass(pitch) & 1) != 0;
}

struct Chord {
  int root = 0;              // 0..11, 0 = C
  PitchClasses tones = 0;    // all of it
  PitchClasses scale = 0;    // what fits between the tones, these included
  PitchClasses voicing = 0;  // what the right hand plays of it
};

// "Dm7/G7 Cmaj7 | …" as two chords a bar, all `key` semitones higher. Bars are
// apart by spaces, a bar of two chords has a slash. Roots are letters with # or
// b; kinds are "", m, 7, 7b9, m7, maj7, m7b5. Asserts that the chart is right.
std::vector<Chord> ReadChart(std::string_view chart, int key);

PitchClasses Transposed(PitchClasses classes, int semitones);

// The pitch of one of the classes that is nearest to `pitch`, the lower one of
// two. At least one class.
int Nearest(PitchClasses classes, int pitch);

// The first one above `pitch`, or below where `up` is false. Likewise.
int Next(PitchClasses classes, int pitch, bool up);

}  // namespace antiphon::inference

#endif  // ANTIPHON_INFERENCE_TRAIN_HARMONY_H_
