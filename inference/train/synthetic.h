// SPDX-License-Identifier: Apache-2.0
//
// Pieces that this repository makes up, because free scores hold no jazz: 16 to
// 32 bars of 4/4 in any key, with a melody that answers its own calls, chords
// in the right hand and a bass in the left. Deterministic given the generator.
// Any thread.
#ifndef ANTIPHON_INFERENCE_TRAIN_SYNTHETIC_H_
#define ANTIPHON_INFERENCE_TRAIN_SYNTHETIC_H_

#include <vector>

#include "inference/train/crops.h"
#include "inference/train/harmony.h"
#include "inference/train/training_piece.h"

namespace antiphon::inference {

enum class Style {
  kBlues,   // twelve bars, walking bass
  kSwing,   // ii-V-I, major and minor, walking bass
  kBoogie,  // twelve bars over a rolling left hand
  kBossa,   // straight eighths, syncopated
  kBallad,  // I-V-vi-IV and its turns, straight, broken chords
};
inline constexpr Style kStyles[] = {Style::kBlues, Style::kSwing,
                                    Style::kBoogie, Style::kBossa,
                                    Style::kBallad};
const char* ToString(Style style);

struct SyntheticPiece {
  TrainingPiece piece;        // roles kMelody, kRightHand, kLeftHand
  std::vector<Chord> chords;  // two a bar
  // How much longer an eighth on the beat is than the one after it: 1.5..2.2,
  // or 1 where the style is straight.
  double swing = 1;
};

SyntheticPiece MakePiece(Style style, Random& random);

}  // namespace antiphon::inference

#endif  // ANTIPHON_INFERENCE_TRAIN_SYNTHETIC_H_
