// SPDX-License-Identifier: Apache-2.0
//
// Which token each row of a model's embedding and head stands for, where a
// small model leaves out most of a vocabulary. Rows are in the order of ids, so
// that a range of ids is a range of rows. Immutable value; any thread.
#ifndef ANTIPHON_INFERENCE_ARIA_ROW_MAP_H_
#define ANTIPHON_INFERENCE_ARIA_ROW_MAP_H_

#include <optional>
#include <vector>

#include "absl/types/span.h"
#include "inference/aria/vocabulary.h"

namespace antiphon::inference {

inline constexpr int kLowestKey = 21;  // of a piano's 88
inline constexpr int kHighestKey = 108;

class RowMap {
 public:
  // Ranges of ids, not empty, growing and apart; nothing where they are not.
  static std::optional<RowMap> Of(std::vector<IdBlock> blocks);
  // What one pianist in time base `bar` needs of `vocabulary`: special tokens,
  // the piano prefix, the keys of a piano at velocities 10 to 120, onsets
  // inside a segment of `segment_ms`, durations.
  static RowMap Compact(const Vocabulary& vocabulary, int segment_ms);

  int rows() const { return rows_; }
  const std::vector<IdBlock>& blocks() const { return blocks_; }
  // Nothing for an id without a row.
  std::optional<int> RowOf(TokenId id) const;
  // What an id without a row is read as: the row of <U>.
  int RowOrUnknown(TokenId id) const;
  // row: 0 .. rows() − 1.
  TokenId IdOf(int row) const;
  // The row of the first id of the map that is not below `id`; rows() after
  // the last one.
  int FirstRowFrom(TokenId id) const;
  // Values by row to values by id, for ids begin .. end − 1 of `ids`; those
  // without a row become −infinity.
  void Spread(absl::Span<const float> rows, TokenId begin, TokenId end,
              absl::Span<float> ids) const;

 private:
  explicit RowMap(std::vector<IdBlock> blocks);

  std::vector<IdBlock> blocks_;
  std::vector<int> first_rows_;  // of each block
  int rows_ = 0;
};

}  // namespace antiphon::inference

#endif  // ANTIPHON_INFERENCE_ARIA_ROW_MAP_H_
