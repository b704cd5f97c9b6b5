// SPDX-License-Identifier: Apache-2.0
#include "inference/aria/row_map.h"

#include <algorithm>
#include <cassert>
#include <limits>
#include <utility>

namespace antiphon::inference {
std::optional<RowMap> RowMap::Of(std::vector<IdBlock> blocks) {
  TokenId end = 0;
  for (const IdBlock& block : blocks) {
    if (block.begin < end || block.size() <= 0) return std::nullopt;
    end = block.end;
  }
  if (blocks.empty()) return std::nullopt;
  return RowMap(std::move(blocks));
}

RowMap RowMap::Compact(const Vocabulary& vocabulary, int segment_ms) {
  std::vector<IdBlock> blocks = {{0, kPianoPrefixToken + 1}};
  for (int key = kLowestKey; key <= kHighestKey; ++key) {
    blocks.push_back({vocabulary.NoteId(key, kVelocityStep),
                      vocabulary.NoteId(key, kMaxVelocityToken) + 1});
  }
  blocks.push_back(vocabulary.durs());
  blocks.push_back({vocabulary.OnsetId(0),
                    vocabulary.OnsetId(segment_ms - kTimeStepMs) + 1});
  std::sort(
      blocks.begin(), blocks.end(),
      [](const IdBlock& a, const IdBlock& b) { return a.begin < b.begin; });
  return RowMap(std::move(blocks));
}

RowMap::RowMap(std::vector<IdBlock> blocks) : blocks_(std::move(blocks)) {
  for (const IdBlock& block : blocks_) {
    first_rows_.push_back(rows_);
    rows_ += block.size();
  }
}

std::optional<int> RowMap::RowOf(TokenId id) const {
  const int row = FirstRowFrom(id);
  if (row == rows_ || IdOf(row) != id) return std::nullopt;
  return row;
}

int RowMap::RowOrUnknown(TokenId id) const {
  return RowOf(id).value_or(RowOf(kUnknownToken).value_or(0));
}

TokenId RowMap::IdOf(int row) const {
  assert(0 <= row && row < rows_);
  const auto after =
      std::upper_bound(first_rows_.begin(), first_rows_.end(), row);
  const auto block = static_cast<size_t>(after - first_rows_.begin() - 1);
  return blocks_[block].begin + (row - first_rows_[block]);
}

int RowMap::FirstRowFrom(TokenId id) const {
  const auto block = std::partition_point(
      blocks_.begin(), blocks_.end(),
      [id](const IdBlock& other) { return other.end <= id; });
  if (block == blocks_.end()) return rows_;
  const int first = first_rows_[static_cast<size_t>(block - blocks_.begin())];
  return first + std::max(0, id - block->begin);
}

void RowMap::Spread(absl::Span<const float> rows, TokenId begin, TokenId end,
                    absl::Span<float> ids) const {
  constexpr float kNever = -std::numeric_limits<float>::infinity();
  std::fill(ids.begin() + begin, ids.begin() + end, kNever);
  for (size_t b = 0; b < blocks_.size(); ++b) {
    const IdBlock& block = blocks_[b];
    const TokenId from = std::max(begin, block.begin);
    const TokenId to = std::min(end, block.end);
    if (from >= to) continue;
    const auto first = rows.begin() + first_rows_[b] + (from - block.begin);
    std::copy_n(first, to - from, ids.begin() + from);
  }
}

}  // namespace antiphon::inference
