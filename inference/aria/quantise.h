// SPDX-License-Identifier: Apache-2.0
//
// Aria's grids. The reference finds the nearest grid point by a binary search
// whose treatment of ties depends on the search path: they round neither half
// up nor half even, and the onset and duration grids differ. These functions
// give what that search gives, from tables filled by it once. Any thread.
#ifndef ANTIPHON_INFERENCE_ARIA_QUANTISE_H_
#define ANTIPHON_INFERENCE_ARIA_QUANTISE_H_

#include <cstdint>

#include "inference/aria/vocabulary.h"

namespace antiphon::inference {

// The reference's search itself, on the grid 0, step, …, step·(points − 1).
int SearchGrid(int64_t value, int points, int step);

// ms inside a segment of segment_ms (a multiple of 10, 10..5000), which is
// clamped to 0..segment_ms − 1; the last grid point never carries over into the
// next segment.
int QuantiseOnsetMs(int64_t ms, int segment_ms = kMaxSegmentMs);

// 10..5000; what is shorter or negative becomes 10.
int QuantiseDurationMs(int64_t ms);

// 0 for 0 and below, else 10..120.
int QuantiseVelocity(int velocity);

}  // namespace antiphon::inference

#endif  // ANTIPHON_INFERENCE_ARIA_QUANTISE_H_
