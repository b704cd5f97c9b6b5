// SPDX-License-Identifier: Apache-2.0
#include "inference/evaluate/ngram.h"

#include <algorithm>

namespace antiphon::inference {
namespace {

constexpr int kBits = 16;
constexpr uint64_t kLast = (uint64_t{1} << kBits) - 1;

template <typename Token>
uint64_t Pack(absl::Span<const Token> tokens) {
  uint64_t gram = 0;
  for (const Token token : tokens) {
    gram = gram << kBits | static_cast<uint64_t>(token);
  }
  return gram;
}

}  // namespace

void Ngram::Add(absl::Span<const TokenId> text) {
  begins_.push_back(tokens_.size());
  for (const TokenId id : text) tokens_.push_back(static_cast<uint16_t>(id));
}

void Ngram::Finish() {
  begins_.push_back(tokens_.size());
  for (size_t length = 1; length <= kOrder; ++length) {
    orders_[length - 1] = OrderOf(length);
  }
}

Ngram::Order Ngram::OrderOf(size_t length) const {
  std::vector<uint64_t> all;
  all.reserve(tokens_.size());
  const absl::Span<const uint16_t> tokens(tokens_);
  for (size_t text = 0; text + 1 < begins_.size(); ++text) {
    for (size_t at = begins_[text]; at + length <= begins_[text + 1]; ++at) {
      all.push_back(Pack(tokens.subspan(at, length)));
    }
  }
  std::sort(all.begin(), all.end());
  Order order;
  for (size_t i = 0; i < all.size(); ++i) {
    if (i > 0 && all[i] == all[i - 1]) continue;
    order.grams.push_back(all[i]);
    order.before.push_back(static_cast<uint32_t>(i));
  }
  order.before.push_back(static_cast<uint32_t>(all.size()));
  return order;
}

void Ngram::Distribution(absl::Span<const TokenId> context,
                         absl::Span<double> out) const {
  std::fill(out.begin(), out.end(), 0);
  double left = 1;  // what the longer contexts leave to the shorter ones
  for (size_t known = std::min(kOrder - 1, context.size()) + 1; known-- > 0;) {
    const Order& order = orders_[known];
    const uint64_t first = Pack(context.last(known)) << kBits;
    const auto begin =
        std::lower_bound(order.grams.begin(), order.grams.end(), first);
    const auto end = std::upper_bound(begin, order.grams.end(), first | kLast);
    if (begin == end) continue;
    const auto at = static_cast<size_t>(begin - order.grams.begin());
    const auto followers = static_cast<size_t>(end - begin);
    const double seen =
        static_cast<double>(order.before[at + followers] - order.before[at]);
    const double each = left / (seen + static_cast<double>(followers));
    for (size_t i = at; i < at + followers; ++i) {
      out[order.grams[i] & kLast] +=
          each * static_cast<double>(order.before[i + 1] - order.before[i]);
    }
    left = each * static_cast<double>(followers);
  }
  for (double& p : out) p += left / static_cast<double>(rows_);
}

}  // namespace antiphon::inference
