// SPDX-License-Identifier: Apache-2.0
//
// Random music through the whole chain: notes, MIDI file, tokens, notes, MIDI
// file, tokens. What lies on the grids comes back unchanged, what does not is
// moved by no more than the grids allow.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <random>
#include <string>
#include <tuple>
#include <vector>

#include "inference/aria/detokenizer.h"
#include "inference/aria/grammar.h"
#include "inference/aria/tokenizer.h"

namespace antiphon::inference {
namespace {

constexpr int kPieces = 300;
constexpr int kPrograms[] = {0, 16, 24, 32, 40, 48, 56, 64, 73, 80};

class Composer {
 public:
  Composer(uint64_t seed, const Vocabulary& vocabulary, int step_ms)
      : random_(seed), vocabulary_(vocabulary), step_ms_(step_ms) {}

  // Notes by start; no key is struck while it sounds, so that a MIDI file can
  // hold them. Channels as a detokenizer gives them.
  NoteList Compose() {
    NoteList list;
    int channel = 0;
    for (int i = 0; i < (vocabulary_.has_pedals() ? 1 : 10); ++i) {
      if (i > 0 && Below(2) == 0) continue;
      if (channel == kDrumChannel) ++channel;
      list.programs.push_back({channel, kPrograms[i], 0});
      AddNotes(channel++, list);
    }
    if (vocabulary_.kind() == VocabularyKind::kDefault && Below(2) == 0) {
      list.programs.push_back({kDrumChannel, 0, 0});
      AddNotes(kDrumChannel, list);
    }
    if (vocabulary_.has_pedals()) AddPedals(list);
    std::stable_sort(list.notes.begin(), list.notes.end(),
                     [](const FileNote& a, const FileNote& b) {
                       return a.start_tick < b.start_tick;
                     });
    return list;
  }

 private:
  int Below(int limit) {
    return static_cast<int>(random_() % static_cast<uint64_t>(limit));
  }

  void AddNotes(int channel, NoteList& list) {
    const bool drum = channel == kDrumChannel;
    std::vector<int64_t> free_from(kPitches, 0);
    int64_t now = Below(3) * 4990;
    const int notes = 1 + Below(60);
    for (int i = 0; i < notes; ++i) {
      if (Below(3) > 0) now += Below(Below(10) == 0 ? 1500 : 50) * step_ms_;
      const int pitch = drum ? kFirstDrumNote + Below(kDrumNotes)
                             : 50 + Below(Below(5) == 0 ? 78 : 10);
      int64_t& free = free_from[static_cast<size_t>(pitch)];
      if (now < free) continue;
      const int velocity = drum ? 60 : 10 * (1 + Below(12));
      const int length =
          drum ? 10 : step_ms_ * (1 + Below(Below(4) == 0 ? 500 : 40));
      free = now + length;
      list.notes.push_back({channel, pitch, velocity, now, free});
    }
  }

  // Presses too short to hold a note: durations stay as they are.
  void AddPedals(NoteList& list) {
    int64_t now = 0;
    for (int i = Below(20); i > 0; --i) {
      now += 10 * Below(100);
      list.pedals.push_back({0, true, now});
      list.pedals.push_back({0, false, now});
    }
  }

  std::mt19937_64 random_;
  const Vocabulary vocabulary_;
  const int step_ms_;
};

MidiFile ThroughBytes(const MidiFile& file) {
  const std::string bytes = SerializeMidiFile(file);
  auto back = ParseMidiFile(absl::MakeConstSpan(
      reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()));
  EXPECT_TRUE(back.ok()) << back.status();
  return *std::move(back);
}

std::vector<TokenId> TokensOf(const Vocabulary& vocabulary,
                              const NoteList& list) {
  FileOptions options;
  options.keep_silence = true;
  auto tokens = TokenizeFile(vocabulary, ThroughBytes(ToMidi(list)), options);
  EXPECT_TRUE(tokens.ok()) << tokens.status();
  return tokens.ok() ? *std::move(tokens) : std::vector<TokenId>();
}

// Independent of the order of what starts together.
std::vector<FileNote> Sorted(std::vector<FileNote> notes) {
  const auto key = [](const FileNote& n) {
    return std::tuple(n.start_tick, n.channel, n.pitch, n.velocity, n.end_tick);
  };
  std::sort(
      notes.begin(), notes.end(),
      [&](const FileNote& a, const FileNote& b) { return key(a) < key(b); });
  return notes;
}

class RoundTrip : public testing::TestWithParam<const char*> {
 protected:
  const Vocabulary vocabulary_ = *Vocabulary::FromName(GetParam());
};

TEST_P(RoundTrip, WhatLiesOnTheGridsComesBack) {
  for (uint64_t seed = 1; seed <= kPieces; ++seed) {
    SCOPED_TRACE(seed);
    const NoteList list = Composer(seed, vocabulary_, 10).Compose();
    const std::vector<TokenId> tokens = TokensOf(vocabulary_, list);
    const auto back = Detokenize(vocabulary_, tokens);
    ASSERT_TRUE(back.ok()) << back.status();
    ASSERT_EQ(Sorted(back->notes), Sorted(list.notes));
    ASSERT_EQ(back->pedals, list.pedals);
    ASSERT_EQ(back->programs, list.programs);
    const auto again = Detokenize(vocabulary_, TokensOf(vocabulary_, *back));
    ASSERT_EQ(Sorted(again->notes), Sorted(list.notes));
  }
}

TEST_P(RoundTrip, TheGrammarHoldsAndTheStreamReaderAgrees) {
  for (uint64_t seed = 1; seed <= kPieces; ++seed) {
    SCOPED_TRACE(seed);
    const NoteList list = Composer(seed, vocabulary_, 7).Compose();
    const std::vector<TokenId> tokens = TokensOf(vocabulary_, list);
    std::vector<FileNote> whole = Detokenize(vocabulary_, tokens)->notes;
    std::erase_if(whole, [](const FileNote& n) { return n.channel == 9; });
    Grammar grammar(vocabulary_);
    size_t notes = 0;
    for (const TokenId token : tokens) {
      const auto step = grammar.Advance(token);
      ASSERT_NE(step, Grammar::Step::kRefused);
      if (step != Grammar::Step::kNoteComplete) continue;
      ASSERT_LT(notes, whole.size());
      const FileNote& note = whole[notes++];
      ASSERT_EQ(grammar.note(),
                (TimedNote{note.start_tick, note.end_tick - note.start_tick,
                           note.pitch, note.velocity}));
    }
    ASSERT_EQ(notes, whole.size());
  }
}

TEST_P(RoundTrip, OffTheGridsNothingMovesFurtherThanTheyAllow) {
  for (uint64_t seed = 1; seed <= kPieces; ++seed) {
    SCOPED_TRACE(seed);
    const NoteList list = Composer(seed, vocabulary_, 7).Compose();
    const auto back = Detokenize(vocabulary_, TokensOf(vocabulary_, list));
    ASSERT_TRUE(back.ok());
    // By key, which sound one after the other, the order stays.
    const auto by_key = [](std::vector<FileNote> notes) {
      std::stable_sort(notes.begin(), notes.end(),
                       [](const FileNote& a, const FileNote& b) {
                         return std::tuple(a.channel, a.pitch) <
                                std::tuple(b.channel, b.pitch);
                       });
      return notes;
    };
    const std::vector<FileNote> before = by_key(list.notes);
    const std::vector<FileNote> after = by_key(back->notes);
    ASSERT_EQ(before.size(), after.size());
    for (size_t i = 0; i < before.size(); ++i) {
      ASSERT_EQ(after[i].pitch, before[i].pitch);
      const int64_t moved = after[i].start_tick - before[i].start_tick;
      // Never into the next segment, so at its end by up to 9 ms.
      ASSERT_LE(moved, 5);
      ASSERT_GE(moved, before[i].start_tick % 5000 > 4995 ? -9 : -5);
      if (before[i].channel == kDrumChannel) continue;
      const int64_t length = before[i].end_tick - before[i].start_tick;
      const int64_t kept = after[i].end_tick - after[i].start_tick;
      ASSERT_LE(std::abs(kept - length), 5);
      ASSERT_GE(kept, 10);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Vocabularies, RoundTrip,
                         testing::Values("default", "demo25", "demo26"),
                         [](const auto& test) { return test.param; });

}  // namespace
}  // namespace antiphon::inference
