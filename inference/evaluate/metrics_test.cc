// SPDX-License-Identifier: Apache-2.0
#include "inference/evaluate/metrics.h"

#include <cmath>
#include <vector>

#include "gtest/gtest.h"
#include "inference/evaluate/key.h"

namespace antiphon::inference {
namespace {

struct At {
  int64_t tick;
  int pitch;
};

// Bars of 4/4.
Passage Bars(int bars, const std::vector<At>& notes) {
  Passage passage{{}, Ticks::Of(1920), bars};
  for (const At& note : notes) {
    passage.notes.push_back({.tick = Ticks::Of(note.tick),
                             .duration = Ticks::Of(100),
                             .pitch = static_cast<uint8_t>(note.pitch),
                             .velocity = 80});
  }
  return passage;
}

// A chord of C, then F and G alone, in two bars.
Passage Call() {
  return Bars(2, {{0, 60}, {0, 64}, {0, 67}, {960, 65}, {1920, 67}});
}

TEST(MetricsTest, TheCallItselfIsAsNearAsCanBe) {
  const Metrics metrics = Compare(Call(), Call());
  for (const Metric metric : {kPchOverlap, kInKey, kDensity, kGroove, kPoly,
                              kOnGrid, kCopy, kRange, kExactCopy}) {
    EXPECT_NEAR(metrics[metric], 1, 1e-12) << NameOf(metric);
  }
  EXPECT_EQ(metrics[kEmpty], 0);
  EXPECT_EQ(metrics[kLoop], 1);
}

TEST(MetricsTest, AnswersWithoutNotesAreFarFromAnything) {
  const Metrics metrics = Compare(Call(), Bars(2, {}));
  for (int i = 0; i < kMetrics; ++i) {
    EXPECT_EQ(metrics[static_cast<size_t>(i)], i == kEmpty ? 1 : 0) << i;
  }
}

TEST(MetricsTest, PitchClassesOverlapByShare) {
  // Call: C 1/5, E 1/5, F 1/5, G 2/5. Answer: C 3/4, C sharp 1/4.
  EXPECT_NEAR(
      Compare(Call(),
              Bars(2, {{0, 48}, {1, 60}, {2, 72}, {3, 61}}))[kPchOverlap],
      0.2, 1e-12);
}

TEST(MetricsTest, NotesOfTheCallsKeyAreInKey) {
  // C major: B is in it, B flat is not.
  EXPECT_EQ(FindKey(CountPitchClasses(Call().notes)), (Key{0, false}));
  EXPECT_NEAR(Compare(Call(), Bars(2, {{0, 59}, {0, 58}, {0, 62}}))[kInKey],
              2.0 / 3, 1e-12);
}

TEST(MetricsTest, AMinorKeyHasBothSevenths) {
  const Passage call =
      Bars(1, {{0, 57}, {0, 60}, {0, 64}, {480, 57}, {960, 56}, {1440, 57}});
  EXPECT_EQ(FindKey(CountPitchClasses(call.notes)), (Key{9, true}));
  for (const auto& [pitch, in] : {std::pair{67, true},
                                  {68, true},
                                  {66, false},
                                  {65, true},
                                  {61, false}}) {
    EXPECT_EQ((Key{9, true}.Contains(pitch)), in) << pitch;
  }
}

TEST(MetricsTest, DensityAndPolyAreFolded) {
  // 5 notes on 3 onsets, against 10 on 10 and 2 on 1.
  std::vector<At> many;
  for (int i = 0; i < 10; ++i) many.push_back({i * 120, 60});
  const Metrics dense = Compare(Call(), Bars(2, many));
  EXPECT_NEAR(dense[kDensity], 0.5, 1e-12);
  EXPECT_NEAR(dense[kPoly], 3.0 / 5, 1e-12);
  const Metrics thin = Compare(Call(), Bars(2, {{0, 60}, {0, 64}}));
  EXPECT_NEAR(thin[kDensity], 2.0 / 5, 1e-12);
  EXPECT_NEAR(thin[kPoly], (5.0 / 3) / 2, 1e-12);
  EXPECT_NEAR(thin[kEmpty], 0.5, 1e-12);
}

TEST(MetricsTest, GrooveLooksAtPlacesInTheBar) {
  // Call: four onsets on the line (three of them one chord), one on the half.
  const Metrics metrics = Compare(Call(), Bars(2, {{0, 20}, {2880, 90}}));
  EXPECT_NEAR(metrics[kGroove], (4 * 1 + 1 * 1) / std::sqrt(17.0 * 2), 1e-12);
  // The last bin's second half belongs to the next line.
  EXPECT_NEAR(Compare(Call(), Bars(2, {{1919, 60}}))[kGroove],
              4 / std::sqrt(17.0), 1e-12);
}

TEST(MetricsTest, TheGridHasSixteenthsAndTriplets) {
  const auto on_grid = [](int64_t tick) {
    return Compare(Call(), Bars(2, {{tick, 60}}))[kOnGrid];
  };
  for (const int64_t tick : {0, 6, 114, 126, 154, 166, 1914, 1920 + 320}) {
    EXPECT_EQ(on_grid(tick), 1) << tick;
  }
  for (const int64_t tick : {7, 113, 127, 153, 60, 80, 1920 + 200}) {
    EXPECT_EQ(on_grid(tick), 0) << tick;
  }
}

TEST(MetricsTest, ACopyHasPositionAndPitch) {
  const Metrics metrics = Compare(
      Call(), Bars(2, {{0, 60}, {1, 64}, {960, 67}, {1920, 67}, {1920, 65}}));
  EXPECT_NEAR(metrics[kCopy], 2.0 / 5, 1e-12);
  EXPECT_EQ(metrics[kExactCopy], 0);
}

TEST(MetricsTest, TheRangeReachesFiveSemitonesFurther) {
  const Metrics metrics =
      Compare(Call(), Bars(2, {{0, 55}, {0, 54}, {0, 72}, {0, 73}, {0, 60}}));
  EXPECT_NEAR(metrics[kRange], 3.0 / 5, 1e-12);
}

TEST(MetricsTest, HalvesAndLoopsOfLongAnswers) {
  const Passage call = Bars(4, {{0, 60}});
  // C in bars 1 and 2, then D twice alike and once not.
  const Metrics metrics =
      Compare(call, Bars(4, {{0, 60}, {1980, 60}, {3840, 62}, {5760, 62}}));
  EXPECT_EQ(metrics[kPchFirstHalf], 1);
  EXPECT_EQ(metrics[kPchSecondHalf], 0);
  EXPECT_EQ(metrics[kLoop], 2);
  EXPECT_EQ(metrics[kLongLoop], 0);
  const Metrics loop =
      Compare(call, Bars(4, {{0, 60}, {1920, 60}, {3840, 60}, {5760, 60}}));
  EXPECT_EQ(loop[kLoop], 4);
  EXPECT_EQ(loop[kLongLoop], 1);
  EXPECT_EQ(Compare(call, Bars(4, {{0, 60}}))[kLoop], 1);
}

}  // namespace
}  // namespace antiphon::inference
