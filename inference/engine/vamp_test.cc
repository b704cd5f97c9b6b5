// SPDX-License-Identifier: Apache-2.0
#include "inference/engine/vamp.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "inference/aria/tokenizer.h"

namespace antiphon::inference {
namespace {

const Vocabulary kTokens(VocabularyKind::kDefault);
constexpr int kSegmentMs = 2 * kWarpedBarMs;

// A chord and a note, `bar` bars from the first line.
std::vector<TimedNote> Bar(int bar, int top = 67) {
  const int64_t line = bar * int64_t{kWarpedBarMs};
  return {{line, 500, 60, 80}, {line, 500, 64, 80}, {line + 600, 500, top, 80}};
}

std::optional<Vamp> VampAfter(const std::vector<std::vector<TimedNote>>& bars) {
  std::vector<TimedNote> notes;
  for (const auto& bar : bars)
    notes.insert(notes.end(), bar.begin(), bar.end());
  const auto prompt =
      TokenizeLive(kTokens, notes, {.segment_ms = kSegmentMs}).value();
  return Vamp::Before(static_cast<int64_t>(bars.size()) * kWarpedBarMs, prompt,
                      kTokens, kSegmentMs);
}

std::vector<float> LogitsOf(const Vamp& vamp) {
  std::vector<float> logits(static_cast<size_t>(kTokens.size()), 1);
  vamp.Discourage(kTokens, absl::MakeSpan(logits));
  return logits;
}

float LogitOf(const Vamp& vamp, int pitch, int velocity = 80) {
  return LogitsOf(vamp)[static_cast<size_t>(kTokens.NoteId(pitch, velocity))];
}

bool IsSilent(const Vamp& vamp) {
  return LogitsOf(vamp) ==
         std::vector<float>(static_cast<size_t>(kTokens.size()), 1);
}

TEST(Vamp, ABarPlayedTwiceIsOne) {
  EXPECT_TRUE(VampAfter({Bar(0), Bar(1)}));
  EXPECT_TRUE(VampAfter({Bar(0, 70), Bar(1), Bar(2)}));
  EXPECT_FALSE(VampAfter({Bar(0), Bar(1, 70)}));
  EXPECT_FALSE(VampAfter({Bar(0), Bar(1), Bar(2, 70)}));
  EXPECT_FALSE(VampAfter({Bar(0), {}, Bar(2)}));
  EXPECT_FALSE(VampAfter({Bar(0)}));
  EXPECT_FALSE(VampAfter({{}, {}}));
}

TEST(Vamp, LoudnessLengthsAndAStepDoNotMatter) {
  std::vector<TimedNote> louder = Bar(1);
  for (TimedNote& note : louder) {
    note.onset_ms += 10;
    note.velocity = 100;
    note.duration_ms = 100;
  }
  EXPECT_TRUE(VampAfter({Bar(0), louder}));
}

TEST(Vamp, EachOfItsNotesIsLessLikelyAndItsLastOneImpossible) {
  Vamp vamp = *VampAfter({Bar(0), Bar(1)});
  EXPECT_EQ(LogitOf(vamp, 60), 1 - Vamp::kNudge);
  EXPECT_EQ(LogitOf(vamp, 60, 120), 1 - Vamp::kNudge);
  EXPECT_EQ(LogitOf(vamp, 64), 1);
  vamp.OnNote({4800, 300, 60, 50});
  EXPECT_EQ(LogitOf(vamp, 60), 1);
  EXPECT_EQ(LogitOf(vamp, 64), 1 - Vamp::kNudge);
  vamp.OnNote({4800, 300, 64, 50});
  EXPECT_TRUE(std::isinf(LogitOf(vamp, 67)));
  EXPECT_EQ(LogitOf(vamp, 68), 1);
}

TEST(Vamp, WhoHasLeftItIsFree) {
  const Vamp vamp = *VampAfter({Bar(0), Bar(1)});
  for (const TimedNote& other :
       {TimedNote{4800, 300, 61, 80}, TimedNote{4820, 300, 60, 80}}) {
    Vamp left = vamp;
    left.OnNote(other);
    EXPECT_TRUE(IsSilent(left));
    left.OnNote({4800, 300, 60, 80});
    EXPECT_TRUE(IsSilent(left));
  }
}

}  // namespace
}  // namespace antiphon::inference
