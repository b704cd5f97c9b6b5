// SPDX-License-Identifier: Apache-2.0
#include "inference/aria/live_tokenizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace antiphon::inference {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<TokenId> Copy(const LiveTokenizer& live) {
  return {live.tokens().begin(), live.tokens().end()};
}

LiveTokenizer New(const LiveOptions& options = {}) {
  return *LiveTokenizer::Create(Vocabulary(VocabularyKind::kDefault), options);
}

TEST(LiveTokenizer, AHeldNoteIsFinalUpToItsDur) {
  const Vocabulary v(VocabularyKind::kDefault);
  LiveTokenizer live = New();
  EXPECT_THAT(Copy(live), ElementsAre(kPianoPrefixToken, kBosToken));
  EXPECT_EQ(live.final_tokens(), 2U);
  ASSERT_EQ(*live.Begin(100, 60, 80), 0U);
  ASSERT_EQ(*live.Begin(100, 64, 80), 1U);
  ASSERT_TRUE(live.CutAt(400).ok());
  EXPECT_THAT(Copy(live),
              ElementsAre(6, 0, v.NoteId(60, 80), v.OnsetId(100), v.DurId(300),
                          v.NoteId(64, 80), v.OnsetId(100), v.DurId(300)));
  EXPECT_EQ(live.final_tokens(), 4U);
  ASSERT_TRUE(live.End(0, 450).ok());
  EXPECT_EQ(live.final_tokens(), 7U);
  EXPECT_EQ(live.tokens()[4], v.DurId(350));
  ASSERT_TRUE(live.End(1, 300).ok());  // corrects the cut
  EXPECT_EQ(live.final_tokens(), 8U);
  EXPECT_EQ(live.tokens()[7], v.DurId(200));
}

TEST(LiveTokenizer, TheLongestDurIsFinalThoughTheNoteIsHeld) {
  const Vocabulary v(VocabularyKind::kDefault);
  LiveTokenizer live = New();
  ASSERT_TRUE(live.Begin(0, 60, 80).ok());
  ASSERT_TRUE(live.CutAt(4995).ok());  // a tie: 4990
  EXPECT_EQ(live.final_tokens(), 4U);
  ASSERT_TRUE(live.CutAt(4996).ok());
  EXPECT_EQ(live.final_tokens(), 5U);
  EXPECT_EQ(live.tokens()[4], v.DurId(5000));
  const absl::Status early = live.End(0, 4990);
  EXPECT_EQ(early.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(early.message()), HasSubstr("note 0"));
  EXPECT_TRUE(live.End(0, 60'000).ok());
  EXPECT_EQ(live.tokens()[4], v.DurId(5000));
}

TEST(LiveTokenizer, ANoteOfThePastMayBeToldWithItsEnd) {
  const Vocabulary v(VocabularyKind::kDefault);
  LiveTokenizer live = New();
  ASSERT_TRUE(live.CutAt(60'000).ok());
  ASSERT_TRUE(live.Begin(1000, 60, 80).ok());
  EXPECT_EQ(live.final_tokens(), live.tokens().size() - 1);
  ASSERT_TRUE(live.End(0, 1200).ok());
  EXPECT_EQ(live.tokens().back(), v.DurId(200));
}

TEST(LiveTokenizer, WhatIsRefusedChangesNothing) {
  LiveTokenizer live = New();
  ASSERT_TRUE(live.Begin(1000, 60, 80).ok());
  ASSERT_TRUE(live.CutAt(2000).ok());
  const std::vector<TokenId> before = Copy(live);
  EXPECT_THAT(std::string(live.Begin(999, 60, 80).status().message()),
              HasSubstr("note 1"));
  EXPECT_FALSE(live.Begin(1000, 128, 80).ok());
  EXPECT_FALSE(live.Begin(1000, 60, 0).ok());
  EXPECT_FALSE(live.Begin(kMaxLiveContextMs + 1, 60, 80).ok());
  EXPECT_FALSE(live.End(1, 2000).ok());
  EXPECT_FALSE(live.CutAt(1999).ok());
  EXPECT_EQ(Copy(live), before);
  ASSERT_TRUE(live.End(0, 1500).ok());
  EXPECT_THAT(std::string(live.End(0, 1600).message()), HasSubstr("ended"));
  LiveOptions odd;
  odd.segment_ms = 4805;
  EXPECT_FALSE(
      LiveTokenizer::Create(Vocabulary(VocabularyKind::kDefault), odd).ok());
}

TEST(LiveTokenizer, AbsurdTimesAreClamped) {
  const Vocabulary v(VocabularyKind::kDefault);
  LiveTokenizer live = New();
  ASSERT_TRUE(live.Begin(0, 60, 80).ok());
  ASSERT_TRUE(live.Begin(0, 61, 80).ok());
  ASSERT_TRUE(live.End(0, std::numeric_limits<int64_t>::min()).ok());
  EXPECT_EQ(live.tokens()[4], v.DurId(10));
  ASSERT_TRUE(live.CutAt(std::numeric_limits<int64_t>::max()).ok());
  EXPECT_EQ(live.tokens()[7], v.DurId(5000));
}

TEST(LiveTokenizer, HoldsAsManyNotesAsItSays) {
  LiveTokenizer live = New();
  for (size_t i = 0; i < kMaxLiveNotes; ++i) {
    ASSERT_TRUE(live.Begin(static_cast<int64_t>(i), 60, 80).ok());
  }
  EXPECT_EQ(live.Begin(kMaxLiveNotes, 60, 80).status().code(),
            absl::StatusCode::kResourceExhausted);
}

// A pianist who plays at random, and two accounts of it: events as they happen
// for the live tokenizer, and at any cut the whole list for the batch one.
class Pianist {
 public:
  Pianist(uint64_t seed, const LiveOptions& options)
      : random_(seed),
        vocabulary_(VocabularyKind::kDefault),
        options_(options),
        live_(*LiveTokenizer::Create(vocabulary_, options)),
        now_(options.origin_ms) {}

  void Play() {
    if (Below(3) > 0) now_ += Below(Below(12) == 0 ? 6000 : 180);
    switch (Below(8)) {
      case 0:
        SetPedal(!pedal_);
        break;
      case 1:
        ToldAtOnce();
        break;
      default:
        Key(40 + Below(12));
    }
  }

  // The two must agree, and what was final must have stayed.
  void Cut() {
    ASSERT_TRUE(live_.CutAt(now_).ok());
    const auto batch = TokenizeLive(vocabulary_, NotesAtCut(), options_);
    ASSERT_TRUE(batch.ok()) << batch.status();
    const std::vector<TokenId> tokens = Copy(live_);
    ASSERT_EQ(tokens, *batch);
    ASSERT_GE(live_.final_tokens(), final_.size());
    ASSERT_TRUE(std::equal(final_.begin(), final_.end(), tokens.begin()));
    final_.assign(tokens.begin(), tokens.begin() + static_cast<std::ptrdiff_t>(
                                                       live_.final_tokens()));
    ASSERT_EQ(live_.final_tokens(), FirstThatMayChange(tokens));
  }

  bool all_final() const { return final_.size() == live_.tokens().size(); }
  void LetGo() {
    for (int pitch = 0; pitch < kPitches; ++pitch) {
      if (keys_[static_cast<size_t>(pitch)]) Key(pitch);
    }
    if (pedal_) SetPedal(false);
  }

 private:
  struct Struck {
    int64_t onset = 0;
    int pitch = 0;
    int velocity = 0;
    std::optional<int64_t> key_up{};
    bool ended = false;
  };

  int Below(int limit) {
    return static_cast<int>(random_() % static_cast<uint64_t>(limit));
  }

  size_t Begin(int pitch) {
    const int velocity = 1 + Below(127);
    const auto number = live_.Begin(now_, pitch, velocity);
    EXPECT_TRUE(number.ok()) << number.status();
    EXPECT_EQ(*number, struck_.size());
    struck_.push_back({now_, pitch, velocity});
    return *number;
  }

  void End(size_t number, int64_t at) {
    struck_[number].ended = true;
    const absl::Status status = live_.End(number, at);
    EXPECT_TRUE(status.ok()) << status;
  }

  // Down if it is up, up if it is down.
  void Key(int pitch) {
    std::optional<size_t>& key = keys_[static_cast<size_t>(pitch)];
    if (!key) {
      key = Begin(pitch);
      return;
    }
    struck_[*key].key_up = now_;
    // A pedal that goes down with the key's release does not hold it.
    const bool sustained = pedal_ && *pedal_ < now_;
    if (!sustained) End(*key, now_);
    key.reset();
  }

  // A note whose end is known when it is told.
  void ToldAtOnce() {
    const size_t number = Begin(30);
    const int64_t end = now_ + Below(7000);
    struck_[number].key_up = end;
    no_pedal_.push_back(number);
    End(number, end);
  }

  void SetPedal(bool down) {
    if (down) {
      pedal_ = now_;
      return;
    }
    presses_.emplace_back(*pedal_, now_);
    pedal_.reset();
    for (size_t i = 0; i < struck_.size(); ++i) {
      if (!struck_[i].ended && struck_[i].key_up) End(i, now_);
    }
  }

  // By the reference's rule: a note let go inside a press lasts to its end.
  int64_t EndAtCut(size_t number) const {
    const Struck& note = struck_[number];
    if (!note.key_up) return now_;
    const int64_t up = *note.key_up;
    if (std::count(no_pedal_.begin(), no_pedal_.end(), number) > 0) return up;
    for (const auto& [on, off] : presses_) {
      if (on < up && up < off) return off;
    }
    return pedal_ && *pedal_ < up ? now_ : up;
  }

  std::vector<TimedNote> NotesAtCut() const {
    std::vector<TimedNote> notes;
    for (size_t i = 0; i < struck_.size(); ++i) {
      const Struck& note = struck_[i];
      notes.push_back(
          {note.onset, EndAtCut(i) - note.onset, note.pitch, note.velocity});
    }
    return notes;
  }

  size_t FirstThatMayChange(const std::vector<TokenId>& tokens) const {
    size_t note = 0;
    for (size_t i = 0; i < tokens.size(); ++i) {
      if (!vocabulary_.durs().Contains(tokens[i])) continue;
      if (!struck_[note].ended && vocabulary_.DurMs(tokens[i]) < 5000) return i;
      ++note;
    }
    return tokens.size();
  }

  std::mt19937_64 random_;
  const Vocabulary vocabulary_;
  const LiveOptions options_;
  LiveTokenizer live_;
  int64_t now_;
  std::vector<Struck> struck_;
  std::vector<size_t> no_pedal_;
  std::array<std::optional<size_t>, kPitches> keys_{};
  std::optional<int64_t> pedal_{};
  std::vector<std::pair<int64_t, int64_t>> presses_;
  std::vector<TokenId> final_;
};

TEST(LiveTokenizer, EqualsTheBatchTokenizerAtEveryCut) {
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE(seed);
    LiveOptions options;
    options.segment_ms = std::array{5000, 4800, 2400, 10}[seed % 4];
    options.origin_ms = seed % 3 == 0 ? 0 : static_cast<int64_t>(seed) * 1111;
    Pianist pianist(seed, options);
    for (int i = 0; i < 150; ++i) {
      pianist.Play();
      if (seed % 5 > 0 && i % 3 > 0) continue;
      ASSERT_NO_FATAL_FAILURE(pianist.Cut()) << i;
    }
    pianist.LetGo();
    ASSERT_NO_FATAL_FAILURE(pianist.Cut());
    EXPECT_TRUE(pianist.all_final());
  }
}

}  // namespace
}  // namespace antiphon::inference
