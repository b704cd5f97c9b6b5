// SPDX-License-Identifier: Apache-2.0
#include "inference/train/row_map.h"

#include <gtest/gtest.h>

#include <vector>

namespace antiphon::inference {
namespace {

TEST(CompactRows, HoldOnePianistInBarTime) {
  const Vocabulary vocabulary(VocabularyKind::kDefault);
  const TokenSet rows = CompactRows(vocabulary);
  std::vector<TokenId> ids;
  rows.ForEach([&](TokenId id) { ids.push_back(id); });
  EXPECT_EQ(ids.size(), 7u + 88 * 12 + 480 + 501);
  for (size_t i = 1; i < ids.size(); ++i) EXPECT_LT(ids[i - 1], ids[i]);
  const auto has = [&](const char* token) {
    return rows.Contains(vocabulary.IdOf(token));
  };
  for (const char* token :
       {"<S>", "<E>", "<T>", "<P>", "prefix:instrument:piano", "piano:21:10",
        "piano:108:120", "onset:0", "onset:4790", "dur:10", "dur:5000"}) {
    EXPECT_TRUE(has(token)) << token;
  }
  for (const char* token :
       {"piano:20:120", "piano:21:0", "piano:60:0", "piano:109:10",
        "organ:60:60", "onset:4800", "drum:36", "prefix:instrument:organ"}) {
    EXPECT_FALSE(has(token)) << token;
  }
}

}  // namespace
}  // namespace antiphon::inference
