// SPDX-License-Identifier: Apache-2.0
//
// The key of a passage by Krumhansl and Kessler's probe-tone profiles
// (Krumhansl, Cognitive Foundations of Musical Pitch, 1990): the one of 24
// whose profile correlates best with how often each pitch class is struck. Pure
// functions; any thread.
#ifndef ANTIPHON_INFERENCE_EVALUATE_KEY_H_
#define ANTIPHON_INFERENCE_EVALUATE_KEY_H_

#include <array>
#include <vector>

#include "common/music/note.h"

namespace antiphon::inference {

inline constexpr int kPitchClasses = 12;
using PitchClasses = std::array<double, kPitchClasses>;

// How many notes there are of each.
PitchClasses CountPitchClasses(const std::vector<Note>& notes);

struct Key {
  int tonic = 0;  // 0 = C
  bool minor = false;

  // Major, or natural minor with the leading note of the harmonic one: eight
  // pitch classes.
  bool Contains(int pitch) const;
  friend bool operator==(const Key&, const Key&) = default;
};

// C major where nothing tells keys apart.
Key FindKey(const PitchClasses& counts);

}  // namespace antiphon::inference

#endif  // ANTIPHON_INFERENCE_EVALUATE_KEY_H_
