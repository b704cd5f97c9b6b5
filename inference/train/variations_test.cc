// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "inference/aria/row_map.h"
#include "inference/train/crops.h"

namespace antiphon::inference {
namespace {

using ::testing::ElementsAre;
using Notes = std::vector<TrainingNote>;

TEST(Variations, TransposedNotesLeaveAtTheEndsOfThePiano) {
  Notes notes = {{{0, 10, 22, 80}}, {{0, 10, 60, 80}}, {{0, 10, 108, 80}}};
  Notes lower = notes;
  Transpose(-2, lower);
  EXPECT_THAT(lower, ElementsAre(TrainingNote{{0, 10, 58, 80}},
                                 TrainingNote{{0, 10, 106, 80}}));
  Transpose(1, notes);
  EXPECT_THAT(notes, ElementsAre(TrainingNote{{0, 10, 23, 80}},
                                 TrainingNote{{0, 10, 61, 80}}));
}

TEST(Variations, VelocitiesStayBetweenTheEnds) {
  Notes notes = {{{0, 10, 60, 15}}, {{0, 10, 62, 64}}, {{0, 10, 64, 113}}};
  Notes softer = notes;
  ShiftVelocity(-2, softer);
  EXPECT_THAT(softer, ElementsAre(TrainingNote{{0, 10, 60, 10}},
                                  TrainingNote{{0, 10, 62, 44}},
                                  TrainingNote{{0, 10, 64, 93}}));
  ShiftVelocity(2, notes);
  EXPECT_THAT(notes, ElementsAre(TrainingNote{{0, 10, 60, 35}},
                                 TrainingNote{{0, 10, 62, 84}},
                                 TrainingNote{{0, 10, 64, 120}}));
}

TEST(Variations, APartPlaysAloneWhereItIsThere) {
  const TrainingNote both{{0, 10, 60, 80}, Roles{kMelody | kRightHand}};
  const TrainingNote right{{0, 10, 64, 80}, kRightHand};
  EXPECT_THAT(PlayedBy(kMelody, {both, right}), ElementsAre(both));
  EXPECT_THAT(PlayedBy(Roles{kAllRoles & ~kMelody}, {both, right}),
              ElementsAre(both, right));
  EXPECT_THAT(PlayedBy(kLeftHand, {both, right}), ElementsAre(both, right));
}

void ExpectJitterAsWideAs(double scale) {
  // A chord of two on every 300 ms; the answer from 2400 · 1000 on.
  constexpr int64_t kLine = int64_t{kWarpedBarMs} * 1000;
  Notes clean;
  for (int64_t ms = 0; ms < kLine + 4800; ms += 300) {
    clean.push_back({{ms, 1000, 60, 80}});
    clean.push_back({{ms, 1000, 64, 80}});
  }
  Notes notes = clean;
  Random random(1);
  JitterBefore(kLine, scale, random, notes);
  ASSERT_EQ(notes.size(), clean.size());
  double sum = 0, squares = 0, apart = 0, lengths = 0;
  int64_t shortest = 1000, longest = 1000;
  const size_t chords = static_cast<size_t>(kLine / 300);
  for (size_t chord = 1; chord < chords; ++chord) {
    // By pitch again: jitter may have changed the order within a chord.
    auto pair = std::minmax(notes[2 * chord], notes[2 * chord + 1],
                            [](const auto& a, const auto& b) {
                              return a.note.pitch < b.note.pitch;
                            });
    const auto due = static_cast<double>(clean[2 * chord].note.onset_ms);
    const double low = static_cast<double>(pair.first.note.onset_ms) - due;
    const double high = static_cast<double>(pair.second.note.onset_ms) - due;
    sum += low;
    squares += low * low;
    apart += (high - low) * (high - low);
    lengths += static_cast<double>(pair.first.note.duration_ms);
    shortest = std::min(shortest, pair.first.note.duration_ms);
    longest = std::max(longest, pair.first.note.duration_ms);
  }
  const auto count = static_cast<double>(chords - 1);
  EXPECT_NEAR(sum / count, 0, .6 * scale);
  EXPECT_NEAR(std::sqrt(squares / count), 13 * scale, .6 * scale);  // 12 and 5
  EXPECT_NEAR(std::sqrt(apart / count), 5 * scale * std::sqrt(2.), .4 * scale);
  EXPECT_NEAR(lengths / count, 900, 10);
  EXPECT_GE(shortest, 700);
  EXPECT_LE(longest, 1100);
  EXPECT_TRUE(std::equal(clean.end() - 32, clean.end(), notes.end() - 32));
}

TEST(Variations, JitterIsAsWideAsToldAndLeavesTheAnswer) {
  ExpectJitterAsWideAs(1);
  ExpectJitterAsWideAs(2.5);
}

TEST(Variations, JitterNeverCrossesTheOriginNorTheLine) {
  for (uint64_t seed = 0; seed < 200; ++seed) {
    Notes notes = {{{0, 500, 60, 80}}, {{2390, 500, 62, 80}}};
    Random random(seed);
    JitterBefore(kWarpedBarMs, 3, random, notes);
    EXPECT_GE(notes[0].note.onset_ms, 0) << seed;
    EXPECT_LE(notes[1].note.onset_ms, 2390) << seed;
  }
}

TEST(Variations, OnOneStepNotesGoByPitchAndUnisonsMerge) {
  Notes notes = {{{4795, 10, 64, 50}, kLeftHand},
                 {{4799, 30, 60, 80}},
                 {{4797, 50, 64, 70}, kMelody},
                 {{4801, 20, 59, 80}}};
  PutOnSteps(kBarSegmentMs, notes);
  // The last step of a segment never carries over into the next one.
  EXPECT_THAT(notes, ElementsAre(TrainingNote{{4790, 30, 60, 80}},
                                 TrainingNote{{4790, 50, 64, 70},
                                              Roles{kLeftHand | kMelody}},
                                 TrainingNote{{4800, 20, 59, 80}}));
}

}  // namespace
}  // namespace antiphon::inference
