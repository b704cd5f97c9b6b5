// SPDX-License-Identifier: Apache-2.0
//
// The compact vocabulary: which rows of Aria's a starter model keeps. One
// pianist in bar time needs an eighth of them. Any thread.
#ifndef ANTIPHON_INFERENCE_TRAIN_ROW_MAP_H_
#define ANTIPHON_INFERENCE_TRAIN_ROW_MAP_H_

#include "inference/aria/token_set.h"
#include "inference/aria/vocabulary.h"
#include "inference/model/model.h"

namespace antiphon::inference {

inline constexpr int kLowestKey = 21;  // of a piano's 88
inline constexpr int kHighestKey = 108;
// In bar time a segment is two bars.
inline constexpr int kBarSegmentMs = 2 * kWarpedBarMs;

// The special tokens, the piano's prefix, its 88 keys in twelve velocities,
// every duration, the onsets of a segment of kBarSegmentMs; 2,044 ids of
// `default`. ForEach visits them in strictly increasing order.
TokenSet CompactRows(const Vocabulary& vocabulary);

}  // namespace antiphon::inference

#endif  // ANTIPHON_INFERENCE_TRAIN_ROW_MAP_H_
