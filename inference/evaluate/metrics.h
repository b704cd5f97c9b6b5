// SPDX-License-Identifier: Apache-2.0
//
// How an answer relates to its call, in numbers. None of them is better when
// larger: repeating the call wins most. What counts is the distance to what
// people answered. Pure functions; any thread.
#ifndef ANTIPHON_INFERENCE_EVALUATE_METRICS_H_
#define ANTIPHON_INFERENCE_EVALUATE_METRICS_H_

#include <array>
#include <string_view>

#include "inference/evaluate/passage.h"

namespace antiphon::inference {

// Shares are of the answer's notes. Folded ratio: min(r, 1/r). An answer
// without notes has 0 in all but kEmpty.
enum Metric {
  kPchOverlap,  // sum of minima of both pitch-class histograms (each sums to 1)
  kInKey,       // share in the scale of the key found in the call (key.h)
  kDensity,     // folded ratio of notes per bar
  kGroove,      // cosine of histograms of onsets in the bar, 48 bins
  kPoly,        // folded ratio of notes per onset
  kOnGrid,      // share within 6 ticks of a sixteenth or a triplet eighth
  kCopy,        // share whose position and pitch are in the call
  kRange,       // share within the call's range ± 5 semitones
  kEmpty,       // share of bars without an onset
  kExactCopy,   // 1 where kCopy > .95, else 0
  // Of long answers:
  kPchFirstHalf,   // kPchOverlap of the answer's first half
  kPchSecondHalf,  // and of its second half
  kLoop,  // longest run of equal bars (positions and pitches), 1 = no repeat
  kLongLoop,  // 1 where kLoop > 3, else 0
};
inline constexpr int kMetrics = kLongLoop + 1;
using Metrics = std::array<double, kMetrics>;

// "pch_overlap": as in JSON.
std::string_view NameOf(Metric metric);

// The call has notes; both have bars of the same length.
Metrics Compare(const Passage& call, const Passage& answer);

}  // namespace antiphon::inference

#endif  // ANTIPHON_INFERENCE_EVALUATE_METRICS_H_
