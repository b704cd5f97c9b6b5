// SPDX-License-Identifier: Apache-2.0
//
// A melody over chords, in calls of two bars and answers that take the call up:
// its rhythm, its line, and an end that comes to rest. Deterministic given the
// generator. Any thread.
#ifndef ANTIPHON_INFERENCE_TRAIN_MELODY_H_
#define ANTIPHON_INFERENCE_TRAIN_MELODY_H_

#include <string_view>
#include <vector>

#include "absl/types/span.h"
#include "inference/train/crops.h"
#include "inference/train/harmony.h"

namespace antiphon::inference {

inline constexpr int kStepsPerBar = 16;  // sixteenths of 4/4

// A note in sixteenths, before it swings.
struct WrittenNote {
  int step = 0;  // from the piece's start
  int steps = 0;
  int pitch = 0;
};

struct MelodyOptions {
  // A bar's rhythms in eighths: x strikes, - holds on, . rests.
  absl::Span<const std::string_view> rhythms;
  // For notes on weak beats, instead of the chords' own scales; 0 = none.
  PitchClasses scale = 0;
  int centre = 72;
  // How often a weak note before a strong one leads to it by a semitone; 0..1.
  double approaches = 0;
};

// Two chords a bar, bars in fours. Pitches within about 14 of the centre.
std::vector<WrittenNote> WriteMelody(const std::vector<Chord>& chords,
                                     const MelodyOptions& options,
                                     Random& random);

// Strikes of a rhythm as above, as steps and lengths of one bar; pitches are 0.
std::vector<WrittenNote> ReadRhythm(std::string_view rhythm);

}  // namespace antiphon::inference

#endif  // ANTIPHON_INFERENCE_TRAIN_MELODY_H_
