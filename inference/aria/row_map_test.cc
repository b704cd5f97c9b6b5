// SPDX-License-Identifier: Apache-2.0
#include "inference/aria/row_map.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace antiphon::inference {
namespace {

TEST(RowMap, RowsFollowTheIdsOfTheirBlocks) {
  const auto map = RowMap::Of({{0, 3}, {10, 11}, {11, 13}});
  ASSERT_TRUE(map.has_value());
  EXPECT_EQ(map->rows(), 6);
  const TokenId ids[] = {0, 1, 2, 10, 11, 12};
  for (int row = 0; row < 6; ++row) {
    EXPECT_EQ(map->IdOf(row), ids[row]);
    EXPECT_EQ(map->RowOf(ids[row]), row);
  }
  for (const TokenId id : {-1, 3, 9, 13, 99}) {
    EXPECT_FALSE(map->RowOf(id).has_value()) << id;
  }
  EXPECT_EQ(map->FirstRowFrom(-1), 0);
  EXPECT_EQ(map->FirstRowFrom(3), 3);
  EXPECT_EQ(map->FirstRowFrom(12), 5);
  EXPECT_EQ(map->FirstRowFrom(13), 6);
}

TEST(RowMap, BlocksThatAreNoMapAreRefused) {
  EXPECT_FALSE(RowMap::Of({}).has_value());
  EXPECT_FALSE(RowMap::Of({{3, 3}}).has_value());
  EXPECT_FALSE(RowMap::Of({{0, 3}, {2, 5}}).has_value());
  EXPECT_FALSE(RowMap::Of({{5, 6}, {0, 3}}).has_value());
  EXPECT_FALSE(RowMap::Of({{-1, 3}}).has_value());
}

TEST(RowMap, CompactIsWhatAPianistInBarsNeeds) {
  const Vocabulary vocabulary(VocabularyKind::kDefault);
  const RowMap map = RowMap::Compact(vocabulary, 4800);
  EXPECT_EQ(map.rows(), 7 + 88 * 12 + 501 + 480);
  EXPECT_EQ(map.RowOf(kPianoPrefixToken), 6);
  EXPECT_TRUE(map.RowOf(vocabulary.NoteId(21, 10)).has_value());
  EXPECT_TRUE(map.RowOf(vocabulary.NoteId(108, 120)).has_value());
  EXPECT_FALSE(map.RowOf(vocabulary.NoteId(20, 60)).has_value());
  EXPECT_FALSE(map.RowOf(vocabulary.NoteId(60, 0)).has_value());
  EXPECT_TRUE(map.RowOf(vocabulary.OnsetId(4790)).has_value());
  EXPECT_FALSE(map.RowOf(vocabulary.OnsetId(4800)).has_value());
  EXPECT_TRUE(map.RowOf(vocabulary.DurId(5000)).has_value());
  for (int row = 0; row < map.rows(); ++row) {
    EXPECT_EQ(map.RowOf(map.IdOf(row)), row);
  }
}

}  // namespace
}  // namespace antiphon::inference
