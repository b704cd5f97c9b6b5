// SPDX-License-Identifier: Apache-2.0
#include "inference/evaluate/key.h"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numeric>

namespace antiphon::inference {
namespace {

constexpr PitchClasses kMajor = {6.35, 2.23, 3.48, 2.33, 4.38, 4.09,
                                 2.52, 5.19, 2.39, 3.66, 2.29, 2.88};
constexpr PitchClasses kMinor = {6.33, 2.68, 3.52, 5.38, 2.60, 3.53,
                                 2.54, 4.75, 3.98, 2.69, 3.34, 3.17};
// Bit i: i semitones above the tonic.
constexpr uint32_t kMajorScale = 0b1010'1011'0101;
constexpr uint32_t kMinorScale = 0b1101'1010'1101;

double Mean(const PitchClasses& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / kPitchClasses;
}

// Pearson's, of the counts from `tonic` upwards; 0 where one does not vary.
double Correlation(const PitchClasses& counts, int tonic,
                   const PitchClasses& profile) {
  const double mean = Mean(counts);
  const double profile_mean = Mean(profile);
  double product = 0, squares = 0, profile_squares = 0;
  for (int i = 0; i < kPitchClasses; ++i) {
    const double a =
        counts[static_cast<size_t>((tonic + i) % kPitchClasses)] - mean;
    const double b = profile[static_cast<size_t>(i)] - profile_mean;
    product += a * b;
    squares += a * a;
    profile_squares += b * b;
  }
  return squares > 0 ? product / std::sqrt(squares * profile_squares) : 0;
}

}  // namespace

PitchClasses CountPitchClasses(const std::vector<Note>& notes) {
  PitchClasses counts{};
  for (const Note& note : notes) ++counts[note.pitch % kPitchClasses];
  return counts;
}

bool Key::Contains(int pitch) const {
  const int above =
      (pitch % kPitchClasses - tonic + kPitchClasses) % kPitchClasses;
  return ((minor ? kMinorScale : kMajorScale) >> above & 1) != 0;
}

Key FindKey(const PitchClasses& counts) {
  Key best;
  double best_fit = 0;
  for (int tonic = 0; tonic < kPitchClasses; ++tonic) {
    for (const bool minor : {false, true}) {
      const double fit = Correlation(counts, tonic, minor ? kMinor : kMajor);
      if (fit <= best_fit) continue;
      best_fit = fit;
      best = {tonic, minor};
    }
  }
  return best;
}

}  // namespace antiphon::inference
