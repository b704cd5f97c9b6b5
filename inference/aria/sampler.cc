// SPDX-License-Identifier: Apache-2.0
#include "inference/aria/sampler.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "absl/strings/str_cat.h"

namespace antiphon::inference {
namespace {

constexpr double kMaxTemperature = 2;

absl::Status CheckRange(const char* name, double value, double high) {
  if (value >= 0 && value <= high) return absl::OkStatus();  // false for NaN
  return absl::InvalidArgumentError(absl::StrCat(
      name, " is ", value, ", it must be a number from 0 to ", high));
}

// Philox4x32 with 10 rounds; the first two words of the result.
uint64_t Philox(std::array<uint32_t, 4> counter, std::array<uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    const uint64_t a = uint64_t{0xD2511F53} * counter[0];
    const uint64_t b = uint64_t{0xCD9E8D57} * counter[2];
    counter = {static_cast<uint32_t>(b >> 32) ^ counter[1] ^ key[0],
               static_cast<uint32_t>(b),
               static_cast<uint32_t>(a >> 32) ^ counter[3] ^ key[1],
               static_cast<uint32_t>(a)};
    key[0] += 0x9E3779B9;
    key[1] += 0xBB67AE85;
  }
  return uint64_t{counter[0]} << 32 | counter[1];
}

// Sixteen to an octave, the most probable first.
constexpr size_t kBuckets = 1024;
size_t BucketOf(double probability) {
  constexpr int kDropped = 52 - 4;  // all of the mantissa but four bits
  constexpr uint64_t kOne = std::bit_cast<uint64_t>(1.0) >> kDropped;
  const uint64_t value = std::bit_cast<uint64_t>(probability) >> kDropped;
  return value >= kOne ? 0 : std::min<size_t>(kOne - value, kBuckets - 1);
}

// The more probable first, of equals the lower id.
bool Precedes(const TokenProbability& a, const TokenProbability& b) {
  if (a.probability != b.probability) return a.probability > b.probability;
  return a.id < b.id;
}

uint32_t Low(uint64_t value) { return static_cast<uint32_t>(value); }
uint32_t High(uint64_t value) { return static_cast<uint32_t>(value >> 32); }

}  // namespace

absl::Status Validate(const SamplingOptions& options) {
  if (auto status =
          CheckRange("temperature", options.temperature, kMaxTemperature);
      !status.ok()) {
    return status;
  }
  if (options.top_p) {
    if (auto status = CheckRange("top_p", *options.top_p, 1); !status.ok()) {
      return status;
    }
  }
  if (options.min_p) return CheckRange("min_p", *options.min_p, 1);
  return absl::OkStatus();
}

double UniformAt(DrawKey key) {
  const uint64_t bits =
      Philox({Low(key.token_index), High(key.token_index), 0, 0},
             {Low(key.seed), High(key.seed)});
  return static_cast<double>(bits >> 11) * 0x1p-53;
}

absl::StatusOr<TokenId> Sampler::Sample(absl::Span<const float> logits,
                                        const NextTokens& next,
                                        const SamplingOptions& options,
                                        DrawKey key) {
  const auto distribution = Distribution(logits, next, options);
  if (!distribution.ok()) return distribution.status();
  double remaining = UniformAt(key);
  for (const TokenProbability& outcome : *distribution) {
    remaining -= outcome.probability;
    if (remaining < 0) return outcome.id;
  }
  return distribution->back().id;  // rounding left a sliver above the sum
}

absl::StatusOr<absl::Span<const TokenProbability>> Sampler::Distribution(
    absl::Span<const float> logits, const NextTokens& next,
    const SamplingOptions& options) {
  if (auto status = Validate(options); !status.ok()) return status;
  const auto best = FindBest(logits, next);
  if (!best.ok()) return best.status();
  kept_.clear();
  if (options.temperature == 0) {
    kept_.push_back({best->is_end ? kEndOfAnswer : best->id, 1});
    return kept_;
  }
  Weigh(logits, next, best->logit, options.temperature);
  Normalise();
  if (options.min_p) {
    KeepAbove(*options.min_p);
  } else if (options.top_p && *options.top_p < 1) {
    KeepTop(*options.top_p);
  }
  Normalise();
  return kept_;
}

absl::StatusOr<Sampler::Best> Sampler::FindBest(absl::Span<const float> logits,
                                                const NextTokens& next) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  Best best{kEndOfAnswer, false, -kInfinity};
  TokenId beyond = -1;
  TokenId broken = -1;
  const auto scan = [&](const TokenSet& set, bool is_end) {
    set.ForEach([&](TokenId id) {
      if (id < 0 || static_cast<size_t>(id) >= logits.size()) {
        beyond = id;
        return;
      }
      const float logit = logits[static_cast<size_t>(id)];
      if (std::isnan(logit) || logit == kInfinity) broken = id;
      if (logit > best.logit || (logit == best.logit && id < best.id)) {
        best = {id, is_end, logit};
      }
    });
  };
  scan(next.allowed, false);
  scan(next.end, true);
  if (beyond >= 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("token id ", beyond, " is beyond the ", logits.size(),
                     " logits; the vocabulary is not the model's"));
  }
  if (broken >= 0) {
    return absl::InternalError(
        absl::StrCat("the logit of token id ", broken, " is ",
                     logits[static_cast<size_t>(broken)],
                     "; the checkpoint or the computation is damaged"));
  }
  if (best.logit == -kInfinity) {
    return absl::InternalError(
        "no token can follow: none is allowed, or all have probability 0");
  }
  return best;
}

void Sampler::Weigh(absl::Span<const float> logits, const NextTokens& next,
                    float best_logit, double temperature) {
  // The difference first: a tiny temperature must not give infinity − infinity.
  const auto best = static_cast<double>(best_logit);
  const auto weight = [&](TokenId id) {
    const auto logit = static_cast<double>(logits[static_cast<size_t>(id)]);
    return std::exp((logit - best) / temperature);
  };
  double end = 0;
  next.end.ForEach([&](TokenId id) { end += weight(id); });
  if (end > 0) kept_.push_back({kEndOfAnswer, end});
  next.allowed.ForEach([&](TokenId id) {
    if (const double w = weight(id); w > 0) kept_.push_back({id, w});
  });
}

void Sampler::KeepAbove(double min_p) {
  double largest = 0;
  for (const TokenProbability& outcome : kept_) {
    largest = std::max(largest, outcome.probability);
  }
  std::erase_if(kept_, [&](const TokenProbability& outcome) {
    return outcome.probability < min_p * largest;
  });
}

// Outcomes in descending order as long as those before sum to top_p at most. To
// sort few of them, like ones are put into buckets: whole buckets are kept or
// dropped, but for the one where the sum is reached.
void Sampler::KeepTop(double top_p) {
  std::array<double, kBuckets> mass = {};
  for (const TokenProbability& o : kept_)
    mass[BucketOf(o.probability)] += o.probability;
  double before = 0;
  size_t edge = 0;
  while (edge < kBuckets && before + mass[edge] <= top_p)
    before += mass[edge++];
  if (edge == kBuckets) return;
  edge_.clear();
  for (const TokenProbability& outcome : kept_) {
    if (BucketOf(outcome.probability) == edge) edge_.push_back(outcome);
  }
  std::sort(edge_.begin(), edge_.end(), Precedes);
  size_t count = 0;
  while (count < edge_.size() && before <= top_p) {
    before += edge_[count++].probability;
  }
  // So far `before` was top_p at most, so the bucket's first was kept.
  const TokenProbability last = edge_[count - 1];
  std::erase_if(kept_, [&](const TokenProbability& outcome) {
    return Precedes(last, outcome);
  });
}

void Sampler::Normalise() {
  double sum = 0;
  for (const TokenProbability& outcome : kept_) sum += outcome.probability;
  for (TokenProbability& outcome : kept_) outcome.probability /= sum;
}

}  // namespace antiphon::inference
