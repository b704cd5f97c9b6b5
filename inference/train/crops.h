// SPDX-License-Identifier: Apache-2.0
//
// From a piece in bar time to token sequences to learn: crops that begin at bar
// lines, and what is varied in them. People are not quantised, so the call, the
// notes before a bar line inside the crop, is jittered, while what follows
// stays clean: that is what the model shall answer. Hands err in milliseconds,
// so at a fast tempo a bar in bar time is jittered wider: each crop is played
// at a tempo of its own, by a player of its own. Everything random comes
// from the generator passed in. Pure functions; any thread.
#ifndef ANTIPHON_INFERENCE_TRAIN_CROPS_H_
#define ANTIPHON_INFERENCE_TRAIN_CROPS_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <random>
#include <vector>

#include "inference/aria/vocabulary.h"
#include "inference/model/model.h"
#include "inference/train/training_piece.h"

namespace antiphon::inference {

using Random = std::mt19937_64;

// In bar time a segment is two bars.
inline constexpr int kBarSegmentMs = 2 * kWarpedBarMs;

// `prefix piano, <S>, events` of TokenizeLive in segments of kBarSegmentMs,
// position 0 the crop's first bar line. wanted[i]: whether predicting tokens[i]
// from those before it counts; never for the first two.
struct TrainingCrop {
  std::vector<TokenId> tokens;
  std::vector<uint8_t> wanted;  // 0 or 1; as long as `tokens`
};

struct CropOptions {
  // At least kFewestTokens, of answers kFewestAnswerTokens: most calls fit
  // there at least without the other parts. A crop ends behind the last event
  // that fits.
  int max_tokens = 512;
  // Of the crops, how many have a jittered call; 0..1.
  double jittered_share = .75;
};
inline constexpr int kFewestTokens = 16;
inline constexpr int kFewestAnswerTokens = 128;

// ---- What is varied, each alone. Notes as ByOnsetAndPitch leaves them. ----

// Notes that leave the piano's 88 keys are dropped.
void Transpose(int semitones, std::vector<TrainingNote>& notes);
// By steps of kVelocityStep, clamped to 10..120.
void ShiftVelocity(int steps, std::vector<TrainingNote>& notes);
// Those who play; everything where nothing would be left.
std::vector<TrainingNote> PlayedBy(Roles roles,
                                   const std::vector<TrainingNote>& notes);
// Shifts onsets before `line_ms` by N(0, 12 ms) per chord and N(0, 5 ms) per
// note, both times `scale`, never before 0, nor onto the line; durations times
// U(.7, 1.1).
void JitterBefore(int64_t line_ms, double scale, Random& random,
                  std::vector<TrainingNote>& notes);

// ---- Crops. Nothing where the piece has none there. ----

// As written, from bar `bar` on.
std::optional<TrainingCrop> PlainCrop(const TrainingPiece& piece, int64_t bar,
                                      int max_tokens);

// From any bar, varied; a call of whole bars jittered in some. The jittered
// onsets are not wanted.
std::optional<TrainingCrop> RandomCrop(const TrainingPiece& piece,
                                       const CropOptions& options,
                                       Random& random);

// Two or four bars and as many that answer, no bar of which is empty; the
// answer alone is wanted, with the <T> that leads to it and the <T> that ends
// it.
std::optional<TrainingCrop> AnswerCrop(const TrainingPiece& piece,
                                       const CropOptions& options,
                                       Random& random);

}  // namespace antiphon::inference

#endif  // ANTIPHON_INFERENCE_TRAIN_CROPS_H_
