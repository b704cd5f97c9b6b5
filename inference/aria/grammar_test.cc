// SPDX-License-Identifier: Apache-2.0
#include "inference/aria/grammar.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "inference/aria/golden.h"

namespace antiphon::inference {
namespace {

using Expects = Grammar::Expects;
using Step = Grammar::Step;

const Vocabulary kVocabulary(VocabularyKind::kDefault);

// A grammar that has read the piano prefix, <S> and these texts.
Grammar After(const std::vector<std::string>& texts, int segment_ms = 5000) {
  Grammar grammar(kVocabulary, segment_ms);
  grammar.Advance(kPianoPrefixToken);
  grammar.Advance(kBosToken);
  for (const std::string& text : texts) {
    EXPECT_NE(grammar.Advance(kVocabulary.IdOf(text)), Step::kRefused) << text;
  }
  return grammar;
}

int Count(const TokenSet& set) {
  int count = 0;
  set.ForEach([&count](TokenId) { ++count; });
  return count;
}

TEST(Grammar, NotesOnlyWithAVelocity) {
  const NextTokens next = After({}).Allowed();
  EXPECT_FALSE(next.allowed.Contains(kVocabulary.NoteId(60, 0)));
  EXPECT_TRUE(next.allowed.Contains(kVocabulary.NoteId(60, 10)));
  EXPECT_TRUE(next.allowed.Contains(kVocabulary.NoteId(127, 120)));
  EXPECT_TRUE(next.allowed.Contains(kTimeStepToken));
  EXPECT_EQ(Count(next.allowed), 128 * 12 + 1);
  EXPECT_TRUE(next.end.Contains(kEosToken));
  EXPECT_EQ(Count(next.end), 1);
}

TEST(Grammar, NeverPrefixesOtherInstrumentsDrumsOrOddities) {
  const NextTokens next =
      After({"piano:60:60", "onset:0", "dur:100"}).Allowed();
  for (const char* text : {"<S>", "<P>", "<U>", "<D>", "prefix:genre:jazz",
                           "bass:40:60", "drum:36", "onset:100", "dur:100"}) {
    const TokenId id = kVocabulary.IdOf(text);
    EXPECT_FALSE(next.allowed.Contains(id) || next.end.Contains(id)) << text;
  }
}

TEST(Grammar, AfterANoteAnOnsetNotBelowTheLast) {
  const Grammar grammar =
      After({"piano:60:60", "onset:200", "dur:100", "piano:62:60"});
  EXPECT_EQ(grammar.expects(), Expects::kNoteOnset);
  const NextTokens next = grammar.Allowed();
  EXPECT_FALSE(next.allowed.Contains(kVocabulary.OnsetId(190)));
  EXPECT_TRUE(next.allowed.Contains(kVocabulary.OnsetId(200)));
  EXPECT_TRUE(next.allowed.Contains(kVocabulary.OnsetId(4990)));
  EXPECT_EQ(Count(next.allowed), 480);
  EXPECT_TRUE(next.end.empty());
}

TEST(Grammar, TheNextSegmentStartsAtZero) {
  const Grammar grammar =
      After({"piano:60:60", "onset:200", "dur:100", "<T>", "piano:62:60"});
  EXPECT_EQ(grammar.segment_start_ms(), 5000);
  EXPECT_EQ(grammar.last_onset_ms(), 0);
  EXPECT_TRUE(grammar.Allowed().allowed.Contains(kVocabulary.OnsetId(0)));
}

TEST(Grammar, DurationsFromTenMs) {
  const NextTokens next = After({"piano:60:60", "onset:0"}).Allowed();
  EXPECT_FALSE(next.allowed.Contains(kVocabulary.DurId(0)));
  EXPECT_EQ(Count(next.allowed), 500);
  EXPECT_TRUE(next.end.empty());
}

TEST(Grammar, TheWindowBoundsOnsetsAndTheRestIsTheEnd) {
  const Grammar grammar = After({"piano:62:60"});
  Grammar::Query query;
  query.onset_low_ms = 1001;  // not on the grid: 1010 is the first inside
  query.onset_high_ms = 2000;
  const NextTokens next = grammar.Allowed(query);
  EXPECT_FALSE(next.allowed.Contains(kVocabulary.OnsetId(1000)));
  EXPECT_TRUE(next.allowed.Contains(kVocabulary.OnsetId(1010)));
  EXPECT_TRUE(next.allowed.Contains(kVocabulary.OnsetId(1990)));
  EXPECT_FALSE(next.allowed.Contains(kVocabulary.OnsetId(2000)));
  EXPECT_TRUE(next.end.Contains(kVocabulary.OnsetId(2000)));
  EXPECT_TRUE(next.end.Contains(kVocabulary.OnsetId(4990)));
  EXPECT_EQ(Count(next.allowed), 99);
  EXPECT_EQ(Count(next.end), 300);
  query.allow_end = false;
  EXPECT_TRUE(grammar.Allowed(query).end.empty());
}

TEST(Grammar, ATimeStepBeyondTheWindowIsTheEnd) {
  Grammar::Query query;
  query.allow_time_step = false;
  const NextTokens next = After({}).Allowed(query);
  EXPECT_FALSE(next.allowed.Contains(kTimeStepToken));
  EXPECT_TRUE(next.end.Contains(kTimeStepToken));
  EXPECT_TRUE(next.end.Contains(kEosToken));
  query.allow_end = false;
  EXPECT_TRUE(After({}).Allowed(query).end.empty());
}

TEST(Grammar, NoNoteWhereNoOnsetIsLeft) {
  const Grammar grammar = After({"piano:60:60", "onset:2000", "dur:100"});
  Grammar::Query query;
  query.onset_high_ms = 2000;
  const NextTokens next = grammar.Allowed(query);
  EXPECT_EQ(Count(next.allowed), 1);
  EXPECT_TRUE(next.allowed.Contains(kTimeStepToken));
  query.onset_high_ms = 2010;
  EXPECT_GT(Count(grammar.Allowed(query).allowed), 1);
}

TEST(Grammar, AShorterSegmentHasFewerOnsets) {
  const Grammar grammar = After({"<T>", "piano:60:60"}, 4800);
  EXPECT_EQ(grammar.segment_start_ms(), 4800);
  EXPECT_EQ(Count(grammar.Allowed().allowed), 480);
  EXPECT_FALSE(grammar.Allowed().allowed.Contains(kVocabulary.OnsetId(4800)));
  Grammar copy = grammar;
  EXPECT_EQ(copy.Advance(kVocabulary.OnsetId(4800)), Step::kRefused);
}

TEST(Grammar, ReportsEachCompleteNote) {
  Grammar grammar = After({"<T>", "piano:60:70", "onset:30"});
  EXPECT_EQ(grammar.Advance(kVocabulary.DurId(450)), Step::kNoteComplete);
  EXPECT_EQ(grammar.note(), (TimedNote{5030, 450, 60, 70}));
  EXPECT_EQ(grammar.expects(), Expects::kEvent);
}

TEST(Grammar, RefusalLeavesTheStateAlone) {
  Grammar grammar = After({"piano:60:60", "onset:500", "dur:100"});
  for (const char* text :
       {"onset:600", "dur:100", "<S>", "<P>", "prefix:instrument:piano"}) {
    EXPECT_EQ(grammar.Advance(kVocabulary.IdOf(text)), Step::kRefused) << text;
  }
  EXPECT_EQ(grammar.Advance(-1), Step::kRefused);
  EXPECT_EQ(grammar.Advance(kVocabulary.size()), Step::kRefused);
  grammar.Advance(kVocabulary.NoteId(62, 60));
  EXPECT_EQ(grammar.Advance(kVocabulary.OnsetId(490)), Step::kRefused);
  EXPECT_EQ(grammar.Advance(kTimeStepToken), Step::kRefused);
  EXPECT_EQ(grammar.Advance(kVocabulary.OnsetId(500)), Step::kAdvanced);
  EXPECT_EQ(grammar.Advance(kEosToken), Step::kRefused);
}

TEST(Grammar, NothingFollowsTheEnd) {
  Grammar grammar = After({"<E>"});
  EXPECT_TRUE(grammar.Allowed().empty());
  EXPECT_EQ(grammar.Advance(kTimeStepToken), Step::kRefused);
}

TEST(Grammar, PedalsTakeTurnsWhereTheVocabularyHasThem) {
  const Vocabulary demo(VocabularyKind::kDemo26);
  Grammar grammar(demo);
  grammar.Advance(kBosToken);
  EXPECT_EQ(grammar.Advance(*demo.delimiter()), Step::kAdvanced);
  const TokenId down = demo.IdOf("<PED_ON>");
  const TokenId up = demo.IdOf("<PED_OFF>");
  for (const auto& [next, other] : {std::pair(down, up), {up, down}}) {
    EXPECT_TRUE(grammar.Allowed().allowed.Contains(next));
    EXPECT_FALSE(grammar.Allowed().allowed.Contains(other));
    EXPECT_EQ(grammar.Advance(next), Step::kAdvanced);
    EXPECT_EQ(grammar.expects(), Expects::kOtherOnset);
    EXPECT_EQ(grammar.Advance(demo.OnsetId(20)), Step::kAdvanced);
    EXPECT_EQ(grammar.expects(), Expects::kEvent);
  }
  // Files may repeat themselves.
  EXPECT_EQ(grammar.Advance(up), Step::kAdvanced);
}

TEST(Grammar, APedalMovesNoFurtherThanTheAnswer) {
  const Vocabulary demo(VocabularyKind::kDemo25);
  Grammar grammar(demo);
  grammar.Advance(kBosToken);
  Grammar::Query query;
  query.onset_low_ms = 1000;
  query.onset_high_ms = 2000;
  grammar.Advance(demo.PedalId(true));
  const NextTokens next = grammar.Allowed(query);
  EXPECT_FALSE(next.allowed.Contains(demo.OnsetId(990)));
  EXPECT_TRUE(next.allowed.Contains(demo.OnsetId(1000)));
  EXPECT_TRUE(next.end.Contains(demo.OnsetId(2000)));
  // Nothing is left of it: no pedals either.
  Grammar full(demo);
  full.Advance(kBosToken);
  query.onset_high_ms = 0;
  EXPECT_FALSE(full.Allowed(query).allowed.Contains(demo.PedalId(true)));
}

TEST(Grammar, ReadsEveryGoldenSequence) {
  for (const char* name : {"bars", "multi_drums", "onsets_silence", "pedal"}) {
    const auto golden =
        ReadGolden("tokenizer/tok_syn_" + std::string(name) + ".json");
    for (const auto& [config, c] : golden.at("cases").items()) {
      if (c.contains("error")) continue;
      const auto vocabulary =
          Vocabulary::FromName(config.substr(0, config.find('+')));
      Grammar grammar(*vocabulary);
      for (const TokenId id : c.at("ids").get<std::vector<TokenId>>()) {
        ASSERT_NE(grammar.Advance(id), Step::kRefused)
            << name << " " << config << " " << vocabulary->TextOf(id);
      }
    }
  }
}

// Whatever is allowed can be read, and whatever piano stream is refused was
// not allowed: the two halves of the grammar agree.
TEST(Grammar, AllowedIsWhatAdvanceAccepts) {
  for (const Grammar& grammar :
       {After({}), After({"piano:60:60"}), After({"piano:60:60", "onset:70"}),
        After({"piano:60:60", "onset:70", "dur:10", "piano:60:60"})}) {
    const NextTokens next = grammar.Allowed();
    for (TokenId id = 0; id < kVocabulary.size(); ++id) {
      Grammar copy = grammar;
      if (copy.Advance(id) == Step::kRefused) {
        ASSERT_FALSE(next.allowed.Contains(id) || next.end.Contains(id)) << id;
      }
    }
    next.allowed.ForEach([&](TokenId id) {
      Grammar copy = grammar;
      EXPECT_NE(copy.Advance(id), Step::kRefused) << id;
    });
  }
}

}  // namespace
}  // namespace antiphon::inference
