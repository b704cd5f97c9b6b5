// SPDX-License-Identifier: Apache-2.0
#include "inference/aria/vocabulary.h"

#include <gtest/gtest.h>

#include <string>

#include "inference/aria/golden.h"

namespace antiphon::inference {
namespace {

class VocabularyDump : public testing::TestWithParam<const char*> {};

TEST_P(VocabularyDump, EveryIdAndTextAgreesWithTheReference) {
  const auto golden =
      ReadGolden("tokenizer/vocab_" + std::string(GetParam()) + ".json");
  const auto vocabulary = Vocabulary::FromName(GetParam());
  ASSERT_TRUE(vocabulary.has_value());
  const auto& tokens = golden.at("tokens");
  ASSERT_EQ(static_cast<size_t>(vocabulary->size()), tokens.size());
  for (TokenId id = 0; id < vocabulary->size(); ++id) {
    const auto text = tokens.at(static_cast<size_t>(id)).get<std::string>();
    ASSERT_EQ(vocabulary->TextOf(id), text);
    ASSERT_EQ(vocabulary->IdOf(text), id) << text;
  }
}

TEST_P(VocabularyDump, RowsSelectTheVocabulary) {
  const auto by_name = Vocabulary::FromName(GetParam());
  const auto by_rows = Vocabulary::FromRows(by_name->size());
  ASSERT_TRUE(by_rows.has_value());
  EXPECT_EQ(by_rows->kind(), by_name->kind());
  EXPECT_EQ(by_rows->name(), GetParam());
}

INSTANTIATE_TEST_SUITE_P(All, VocabularyDump,
                         testing::Values("default", "demo25", "demo26"),
                         [](const auto& test) { return test.param; });

TEST(Vocabulary, OtherRowsAndNamesAreRefused) {
  for (int rows : {0, -1, 512, 2674, 2676, 17726, 17728, 17730}) {
    EXPECT_FALSE(Vocabulary::FromRows(rows).has_value()) << rows;
  }
  EXPECT_FALSE(Vocabulary::FromName("").has_value());
  EXPECT_FALSE(Vocabulary::FromName("Default").has_value());
}

TEST(Vocabulary, HelpersInvertEachOther) {
  for (VocabularyKind kind : {VocabularyKind::kDefault, VocabularyKind::kDemo25,
                              VocabularyKind::kDemo26}) {
    const Vocabulary v(kind);
    EXPECT_EQ(v.PitchOf(v.NoteId(127, 120)), 127);
    EXPECT_EQ(v.VelocityOf(v.NoteId(0, 70)), 70);
    EXPECT_EQ(v.OnsetMs(v.OnsetId(4990)), 4990);
    EXPECT_EQ(v.DurMs(v.DurId(5000)), 5000);
    EXPECT_EQ(v.ClassOf(v.NoteId(60, 0)), TokenClass::kNote);
    EXPECT_EQ(v.ClassOf(v.OnsetId(0)), TokenClass::kOnset);
    EXPECT_EQ(v.ClassOf(v.DurId(5000)), TokenClass::kDur);
    EXPECT_EQ(v.ClassOf(kPianoPrefixToken), TokenClass::kPrefix);
    EXPECT_EQ(v.ClassOf(kTimeStepToken), TokenClass::kSpecial);
    EXPECT_EQ(v.ClassOf(v.size()), TokenClass::kInvalid);
    EXPECT_EQ(v.ClassOf(-1), TokenClass::kInvalid);
  }
}

TEST(Vocabulary, InstrumentsComeInBlocks) {
  const Vocabulary v(VocabularyKind::kDefault);
  const TokenId bass = v.InstrumentNoteId(3, 40, 80);
  EXPECT_EQ(v.TextOf(bass), "bass:40:80");
  EXPECT_EQ(v.NoteOf(bass).instrument, 3);
  EXPECT_FALSE(v.piano_notes().Contains(bass));
  EXPECT_EQ(Vocabulary(VocabularyKind::kDemo26).InstrumentNoteId(3, 40, 80),
            kUnknownToken);
}

TEST(Vocabulary, WhatIsNoTokenIsUnknown) {
  const Vocabulary v(VocabularyKind::kDefault);
  for (const char* text : {"",
                           ":",
                           "piano",
                           "piano:60",
                           "piano:60:",
                           "piano:60:65",
                           "piano:128:60",
                           "piano:-1:60",
                           "piano:060:60",
                           "piano:60:130",
                           "kazoo:60:60",
                           "drum:60:60",
                           "onset:",
                           "onset:5000",
                           "onset:15",
                           "onset:-10",
                           "dur:5010",
                           "dur:x",
                           "drum:34",
                           "drum:82",
                           "prefix:instrument:kazoo",
                           "prefix:",
                           "<X>",
                           "<PED_ON>"}) {
    EXPECT_EQ(v.IdOf(text), kUnknownToken) << text;
  }
  EXPECT_EQ(v.TextOf(-1), "<U>");
  EXPECT_EQ(v.TextOf(v.size()), "<U>");
}

}  // namespace
}  // namespace antiphon::inference
