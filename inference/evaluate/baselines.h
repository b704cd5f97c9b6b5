// SPDX-License-Identifier: Apache-2.0
//
// Answers that need no model: what any model has to be compared with, and the
// jitter of a player. The random ones are the same for the same generator on
// every host. Pure functions otherwise; any thread. The call has notes; the
// answer has as many bars as the call.
#ifndef ANTIPHON_INFERENCE_EVALUATE_BASELINES_H_
#define ANTIPHON_INFERENCE_EVALUATE_BASELINES_H_

#include <random>
#include <vector>

#include "common/music/note.h"
#include "inference/evaluate/passage.h"

namespace antiphon::inference {

using Random = std::mt19937_64;

// The call's last bar, again and again. Also what the edge falls back to while
// nothing answers (`repeat`).
Passage RepeatLastBar(const Passage& call);

// As many notes as the call has, on random sixteenths, of random pitches of the
// call's key within the call's range; two that meet are one.
Passage RandomInKey(const Passage& call, Random& random);

// A chain of order 2 over pairs of (interval, gap in ticks), learnt from the
// call's notes by onset and pitch, and going on from its last one; where
// nothing follows a pair of pairs, order 1, then any pair.
Passage Markov2(const Passage& call, Random& random);

// The call as a person plays it: onsets off by N(0, 14 ms) for each chord and
// N(0, 5 ms) for each note more, but inside the passage; durations stay.
// `tempos` from the passage's first line.
Passage Jittered(const Passage& call, const std::vector<TempoChange>& tempos,
                 Random& random);

}  // namespace antiphon::inference

#endif  // ANTIPHON_INFERENCE_EVALUATE_BASELINES_H_
