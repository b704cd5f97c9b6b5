// SPDX-License-Identifier: Apache-2.0
//
// Counts of up to kOrder tokens in a row, smoothed as Witten and Bell do (The
// zero-frequency problem, 1991; interpolated): each order gives the next lower
// one as many chances as it has seen different followers, the lowest gives all
// ids the same. The floor that a network must pass. One thread.
#ifndef ANTIPHON_INFERENCE_EVALUATE_NGRAM_H_
#define ANTIPHON_INFERENCE_EVALUATE_NGRAM_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "inference/aria/vocabulary.h"

namespace antiphon::inference {

class Ngram {
 public:
  static constexpr size_t kOrder = 4;

  // Ids are 0 … rows − 1, at most 65536 of them.
  explicit Ngram(int rows) : rows_(static_cast<size_t>(rows)) {}

  void Add(absl::Span<const TokenId> text);
  // After the last Add, before the first use. Takes 8 bytes a token for a
  // while, then 12 for each different gram.
  void Finish();

  // The probability of each id after `context`; sums to 1. `out`: rows.
  void Distribution(absl::Span<const TokenId> context,
                    absl::Span<double> out) const;

  size_t tokens() const { return tokens_.size(); }

 private:
  // Different grams of one order, sorted, packed with the latest token lowest;
  // before[i] counts all occurrences of those in front of i.
  struct Order {
    std::vector<uint64_t> grams;
    std::vector<uint32_t> before;
  };
  Order OrderOf(size_t length) const;

  size_t rows_;
  std::vector<uint16_t> tokens_;  // of all texts
  std::vector<size_t> begins_;    // of each text
  std::array<Order, kOrder> orders_;
};

}  // namespace antiphon::inference

#endif  // ANTIPHON_INFERENCE_EVALUATE_NGRAM_H_
