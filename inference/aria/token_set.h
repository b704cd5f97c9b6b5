// SPDX-License-Identifier: Apache-2.0
//
// A set of token ids as a few ranges, small enough to build for every token
// without allocation. A range may leave out every n-th id: note tokens of
// velocity 0, which stand at a fixed distance from each other.
#ifndef ANTIPHON_INFERENCE_ARIA_TOKEN_SET_H_
#define ANTIPHON_INFERENCE_ARIA_TOKEN_SET_H_

#include <array>
#include <cassert>
#include <cstddef>

#include "inference/aria/vocabulary.h"

namespace antiphon::inference {

// Ids from begin up to, excluding, end; where skip_period > 0, without begin,
// begin + skip_period, begin + 2·skip_period, …
struct TokenRange {
  TokenId begin = 0;
  TokenId end = 0;
  int skip_period = 0;

  bool Contains(TokenId id) const {
    return begin <= id && id < end &&
           (skip_period == 0 || (id - begin) % skip_period != 0);
  }
};

class TokenSet {
 public:
  static constexpr size_t kMaxRanges = 8;

  // Empty ranges are not stored. Ranges must not overlap; they stand in order.
  void Add(TokenRange range) {
    if (range.begin >= range.end) return;
    assert(size_ < kMaxRanges);
    size_t at = size_++;
    for (; at > 0 && ranges_[at - 1].begin > range.begin; --at) {
      ranges_[at] = ranges_[at - 1];
    }
    ranges_[at] = range;
  }
  void Add(TokenId id) { Add(TokenRange{id, id + 1}); }

  bool Contains(TokenId id) const {
    for (const TokenRange& range : *this) {
      if (range.Contains(id)) return true;
    }
    return false;
  }
  // visit(id) for each id, in ascending order.
  template <typename Visitor>
  void ForEach(Visitor visit) const {
    for (const TokenRange& range : *this) {
      TokenId left_out = range.skip_period > 0 ? range.begin : range.end;
      for (TokenId id = range.begin; id < range.end; ++id) {
        if (id == left_out) {
          left_out += range.skip_period;
        } else {
          visit(id);
        }
      }
    }
  }

  bool empty() const { return size_ == 0; }
  const TokenRange* begin() const { return ranges_.data(); }
  const TokenRange* end() const { return ranges_.data() + size_; }

 private:
  std::array<TokenRange, kMaxRanges> ranges_;
  size_t size_ = 0;
};

// What may come next in an answer. The ids in `end` all mean "the answer is
// over": the sampler adds their probabilities and treats them as one outcome.
struct NextTokens {
  TokenSet allowed;
  TokenSet end;

  bool empty() const { return allowed.empty() && end.empty(); }
};

}  // namespace antiphon::inference

#endif  // ANTIPHON_INFERENCE_ARIA_TOKEN_SET_H_
