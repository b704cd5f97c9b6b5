// SPDX-License-Identifier: Apache-2.0
#include "inference/evaluate/passage.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "gtest/gtest.h"
#include "inference/evaluate/baselines.h"
#include "inference/evaluate/key.h"

namespace antiphon::inference {
namespace {

Note At(int64_t tick, int pitch, int64_t duration = 100, int velocity = 80) {
  return {.tick = Ticks::Of(tick),
          .duration = Ticks::Of(duration),
          .pitch = static_cast<uint8_t>(pitch),
          .velocity = static_cast<uint8_t>(velocity)};
}

// Two bars of 3/4: a scale of C in eighths, over a bass.
Passage Waltz() {
  Passage passage{{}, Ticks::Of(1440), 2};
  constexpr int kScale[] = {60, 62, 64, 65, 67, 69, 71, 72, 71, 69, 67, 65};
  for (int i = 0; i < 12; ++i) {
    if (i % 6 == 0) passage.notes.push_back(At(i * 240, 48));
    passage.notes.push_back(At(i * 240, kScale[i]));
  }
  return passage;
}

bool Ordered(const Passage& passage) {
  return std::is_sorted(
      passage.notes.begin(), passage.notes.end(),
      [](const Note& a, const Note& b) { return a.tick < b.tick; });
}

TEST(PassageTest, HoldsWhatBeginsInside) {
  const std::vector<Note> notes = {At(99, 1), At(100, 2), At(299, 3),
                                   At(300, 4)};
  const Passage passage = PassageOf(notes, Ticks::Of(100), Ticks::Of(100), 2);
  EXPECT_EQ(passage.notes, (std::vector<Note>{At(0, 2), At(199, 3)}));
  EXPECT_EQ(BarsOf(passage, 1, 1).notes, (std::vector<Note>{At(99, 3)}));
}

TEST(PassageTest, TheTempoInForceIsTheFirst) {
  const auto tempos =
      TemposFrom({{Ticks(), 60}, {Ticks::Of(100), 90}, {Ticks::Of(300), 150}},
                 Ticks::Of(200));
  EXPECT_EQ(tempos,
            (std::vector<TempoChange>{{Ticks(), 90}, {Ticks::Of(100), 150}}));
  EXPECT_EQ(TemposFrom({}, Ticks::Of(5)).front().quarters_per_minute, 120);
}

TEST(BaselinesTest, TheLastBarIsRepeated) {
  const Passage answer = RepeatLastBar(Waltz());
  ASSERT_EQ(answer.notes.size(), 14u);
  EXPECT_EQ(BarsOf(answer, 0, 1).notes, BarsOf(Waltz(), 1, 1).notes);
  EXPECT_EQ(BarsOf(answer, 1, 1).notes, BarsOf(Waltz(), 1, 1).notes);
}

TEST(BaselinesTest, RandomNotesAreInKeyRangeAndGrid) {
  const Passage call = Waltz();
  Random random(1);
  const Passage answer = RandomInKey(call, random);
  EXPECT_LE(answer.notes.size(), call.notes.size());
  EXPECT_GE(answer.notes.size(), call.notes.size() - 3);
  EXPECT_TRUE(Ordered(answer));
  for (const Note& note : answer.notes) {
    EXPECT_TRUE((Key{0, false}.Contains(note.pitch)));
    EXPECT_GE(note.pitch, 48);
    EXPECT_LE(note.pitch, 72);
    EXPECT_EQ(note.tick.count() % 120, 0);
    EXPECT_LT(note.tick, call.length());
  }
  Random same(1);
  EXPECT_EQ(RandomInKey(call, same).notes, answer.notes);
  EXPECT_NE(RandomInKey(call, same).notes, answer.notes);
}

TEST(BaselinesTest, AChainGoesOnAsTheCallWent) {
  // A rising scale of eighths can only rise in eighths.
  Passage call{{}, Ticks::Of(1440), 1};
  for (int i = 0; i < 6; ++i) call.notes.push_back(At(i * 240, 60 + i));
  Random random(1);
  const Passage answer = Markov2(call, random);
  ASSERT_EQ(answer.notes.size(), 6u);
  for (int i = 0; i < 6; ++i) {
    EXPECT_EQ(answer.notes[static_cast<size_t>(i)].pitch, 66 + i);
    EXPECT_EQ(answer.notes[static_cast<size_t>(i)].tick, Ticks::Of(i * 240));
  }
  // From one note nothing can be learnt; a chord alone would never end.
  EXPECT_TRUE(Markov2({{At(0, 60)}, Ticks::Of(1440), 1}, random).notes.empty());
  EXPECT_TRUE(
      Ordered(Markov2({{At(0, 60), At(0, 64)}, Ticks::Of(1440), 1}, random)));
}

TEST(BaselinesTest, JitterIsThatOfAPlayer) {
  // 120 quarter notes a minute: 0.96 ticks a millisecond.
  Passage call{{}, Ticks::Of(1920), 1000};
  for (int64_t i = 0; i < 4000; ++i) {
    call.notes.push_back(At(i * 480 + 240, 60));
    call.notes.push_back(At(i * 480 + 240, 64));
  }
  Random random(1);
  const Passage played = Jittered(call, {{Ticks(), 120}}, random);
  ASSERT_EQ(played.notes.size(), call.notes.size());
  EXPECT_TRUE(Ordered(played));
  double squares = 0, apart = 0;
  for (size_t i = 0; i < played.notes.size(); i += 2) {
    const auto off = [&](size_t j) {
      return static_cast<double>(
                 (played.notes[j].tick - call.notes[i].tick).count()) /
             0.96;
    };
    squares += (off(i) * off(i) + off(i + 1) * off(i + 1)) / 2;
    apart += (off(i) - off(i + 1)) * (off(i) - off(i + 1));
  }
  EXPECT_NEAR(std::sqrt(squares / 4000), std::hypot(14, 5), 0.5);
  EXPECT_NEAR(std::sqrt(apart / 4000), 5 * std::sqrt(2), 0.3);
  const Passage edge =
      Jittered({{At(0, 60), At(1919, 60)}, Ticks::Of(1920), 1}, {}, random);
  EXPECT_GE(edge.notes.front().tick, Ticks());
  EXPECT_LT(edge.notes.back().tick, Ticks::Of(1920));
}

}  // namespace
}  // namespace antiphon::inference
