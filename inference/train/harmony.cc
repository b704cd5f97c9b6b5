// SPDX-License-Identifier: Apache-2.0
#include "inference/train/harmony.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cstddef>
#include <initializer_list>

#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"

namespace antiphon::inference {
namespace {

constexpr PitchClasses Of(std::initializer_list<int> intervals) {
  PitchClasses classes = 0;
  for (const int interval : intervals) {
    classes = static_cast<PitchClasses>(classes | 1 << interval);
  }
  return classes;
}

// Intervals above the root. Scales leave out what grates against the chord;
// voicings leave the root of seventh chords to the left hand and add a ninth.
struct Kind {
  std::string_view name;
  PitchClasses tones;
  PitchClasses scale;
  PitchClasses voicing;
};
constexpr std::array<Kind, 7> kKinds = {{
    {"", Of({0, 4, 7}), Of({0, 2, 4, 7, 9}), Of({0, 4, 7})},
    {"m", Of({0, 3, 7}), Of({0, 2, 3, 5, 7, 10}), Of({0, 3, 7})},
    {"7", Of({0, 4, 7, 10}), Of({0, 2, 4, 7, 9, 10}), Of({2, 4, 9, 10})},
    {"7b9", Of({0, 4, 7, 10}), Of({0, 1, 4, 7, 8, 10}), Of({1, 4, 7, 10})},
    {"m7", Of({0, 3, 7, 10}), Of({0, 2, 3, 5, 7, 10}), Of({2, 3, 7, 10})},
    {"maj7", Of({0, 4, 7, 11}), Of({0, 2, 4, 7, 9, 11}), Of({2, 4, 7, 11})},
    {"m7b5", Of({0, 3, 6, 10}), Of({0, 3, 5, 6, 8, 10}), Of({0, 3, 6, 10})},
}};

Chord ReadChord(std::string_view text, int key) {
  constexpr std::string_view kLetters = "C D EF G A B";
  int root = static_cast<int>(kLetters.find(text.front())) + key;
  text.remove_prefix(1);
  if (!text.empty() && (text.front() == '#' || text.front() == 'b')) {
    root += text.front() == '#' ? 1 : -1;
    text.remove_prefix(1);
  }
  const auto kind =
      std::find_if(kKinds.begin(), kKinds.end(),
                   [&](const Kind& each) { return each.name == text; });
  assert(kind != kKinds.end());
  return {PitchClass(root), Transposed(kind->tones, root),
          Transposed(kind->scale, root), Transposed(kind->voicing, root)};
}

}  // namespace

std::vector<Chord> ReadChart(std::string_view chart, int key) {
  std::vector<Chord> chords;
  const absl::string_view text(chart.data(), chart.size());
  for (const absl::string_view bar :
       absl::StrSplit(text, ' ', absl::SkipEmpty())) {
    const std::vector<absl::string_view> halves = absl::StrSplit(bar, '/');
    for (const absl::string_view half : {halves.front(), halves.back()}) {
      chords.push_back(ReadChord({half.data(), half.size()}, key));
    }
  }
  return chords;
}

PitchClasses Transposed(PitchClasses classes, int semitones) {
  const int up = PitchClass(semitones);
  const int moved = classes << up;
  return static_cast<PitchClasses>((moved | moved >> 12) & 0xFFF);
}

int Nearest(PitchClasses classes, int pitch) {
  assert((classes & 0xFFF) != 0);
  for (int distance = 0;; ++distance) {
    if (Holds(classes, pitch - distance)) return pitch - distance;
    if (Holds(classes, pitch + distance)) return pitch + distance;
  }
}

int Next(PitchClasses classes, int pitch, bool up) {
  assert((classes & 0xFFF) != 0);
  do {
    pitch += up ? 1 : -1;
  } while (!Holds(classes, pitch));
  return pitch;
}

}  // namespace antiphon::inference
