// SPDX-License-Identifier: Apache-2.0
#include "inference/train/harmony.h"

#include <gtest/gtest.h>

#include <initializer_list>

namespace antiphon::inference {
namespace {

PitchClasses Of(std::initializer_list<int> pitches) {
  int classes = 0;
  for (const int pitch : pitches) classes |= 1 << PitchClass(pitch);
  return static_cast<PitchClasses>(classes);
}

TEST(ReadChart, GivesTwoChordsABarInTheKey) {
  const std::vector<Chord> chords = ReadChart("Dm7/G7b9 Bbmaj7 F#m7b5", 0);
  ASSERT_EQ(chords.size(), 6u);
  EXPECT_EQ(chords[0].root, 2);
  EXPECT_EQ(chords[0].tones, Of({2, 5, 9, 0}));
  EXPECT_EQ(chords[1].root, 7);
  EXPECT_EQ(chords[1].tones, Of({7, 11, 2, 5}));
  EXPECT_EQ(chords[2].tones, Of({10, 2, 5, 9}));
  EXPECT_EQ(chords[3].root, 10);
  EXPECT_EQ(chords[4].tones, Of({6, 9, 0, 4}));
  for (const Chord& chord : chords) {
    EXPECT_EQ(chord.tones & ~chord.scale, 0);
  }
  EXPECT_EQ(ReadChart("Am", 5)[0].tones, Of({2, 5, 9}));
  EXPECT_EQ(ReadChart("Cb", 0)[0].root, 11);
}

TEST(Nearest, IsTheNearestAndTheLowerOfTwo) {
  EXPECT_EQ(Nearest(Of({0, 4, 7}), 61), 60);
  EXPECT_EQ(Nearest(Of({0, 4, 7}), 62), 60);
  EXPECT_EQ(Nearest(Of({0, 4, 7}), 63), 64);
  EXPECT_EQ(Nearest(Of({1}), 54), 49);
  EXPECT_EQ(Nearest(Of({1}), 56), 61);
}

TEST(Next, NeverStays) {
  EXPECT_EQ(Next(Of({0, 4, 7}), 60, true), 64);
  EXPECT_EQ(Next(Of({0, 4, 7}), 60, false), 55);
  EXPECT_EQ(Next(Of({1}), 61, true), 73);
}

}  // namespace
}  // namespace antiphon::inference
