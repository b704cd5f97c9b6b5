// SPDX-License-Identifier: Apache-2.0
#include "inference/aria/sampler.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
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

// Two at once, as GCC and Clang know them on every processor.
typedef double Doubles __attribute__((vector_size(16)));
typedef uint64_t Words __attribute__((vector_size(16)));

// e^x for x <= 0, within 4e-16 of it; 0 below -708. The method of Cephes' exp:
// x = n·ln 2 + r, a quotient of polynomials in r, n added to the exponent.
// The C library's takes one number at a time, and its bits are not everywhere
// the same.
Doubles Exponential(Doubles x) {
  constexpr double kLowest = -708;
  constexpr double kRound = 0x1.8p52;  // added, it leaves whole numbers
  constexpr double kLog2E = 1.4426950408889634;
  constexpr double kLn2High = 6.93145751953125e-1;
  constexpr double kLn2Low = 1.42860682030941723212e-6;
  const Words in_range = std::bit_cast<Words>(x >= kLowest);
  const Doubles shifted = x * kLog2E + kRound;
  const Doubles n = shifted - kRound;
  const Doubles r = x - n * kLn2High - n * kLn2Low;
  const Doubles square = r * r;
  Doubles p = square * 1.26177193074810590878e-4 + 3.02994407707441961300e-2;
  p = (p * square + 9.99999999999999999910e-1) * r;
  Doubles q = square * 3.00198505138664455042e-6 + 2.52448340349684104192e-3;
  q = q * square + 2.27265548208155028766e-1;
  q = q * square + 2.00000000000000000009;
  constexpr uint64_t kBias = std::bit_cast<uint64_t>(1.0);
  const Words power = (std::bit_cast<Words>(shifted) << 52) + kBias;
  const Doubles result = (1 + 2 * p / (q - p)) * std::bit_cast<Doubles>(power);
  return std::bit_cast<Doubles>(std::bit_cast<Words>(result) & in_range);
}

// The largest; NaN if there is one, or infinity. An even count.
double Largest(absl::Span<const double> x) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  Doubles top = Doubles{} - kInfinity;
  Words broken = {};
  for (size_t i = 0; i < x.size(); i += 2) {
    Doubles pair;
    std::memcpy(&pair, x.data() + i, sizeof pair);
    top = pair > top ? pair : top;
    broken |= ~std::bit_cast<Words>(pair < kInfinity);
  }
  if ((broken[0] | broken[1]) != 0) return std::nan("");
  return std::max(top[0], top[1]);
}

// x becomes e^((x - top) · scale). An even count.
void Exponentiate(absl::Span<double> x, double top, double scale) {
  for (size_t i = 0; i < x.size(); i += 2) {
    Doubles pair;
    std::memcpy(&pair, x.data() + i, sizeof pair);
    // The difference first: a large scale must not give infinity − infinity.
    pair = Exponential((pair - top) * scale);
    std::memcpy(x.data() + i, &pair, sizeof pair);
  }
}

// In four parts: an addition need not wait for the one before.
double Sum(absl::Span<const double> values) {
  double parts[4] = {};
  size_t i = 0;
  for (; i + 4 <= values.size(); i += 4) {
    for (size_t j = 0; j < 4; ++j) parts[j] += values[i + j];
  }
  for (; i < values.size(); ++i) parts[0] += values[i];
  return (parts[0] + parts[1]) + (parts[2] + parts[3]);
}

// Thirty-two to an octave, the most probable first.
constexpr size_t kBuckets = 512;
size_t BucketOf(double probability) {
  constexpr int kDropped = 52 - 5;  // all of the mantissa but five bits
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
  if (options.temperature == 0) {
    const auto best = FindBest(logits, next);
    if (!best.ok()) return best.status();
    kept_.resize(std::max<size_t>(kept_.size(), 1));
    kept_[0] = {best->is_end ? kEndOfAnswer : best->id, 1};
    return absl::MakeSpan(kept_).first(1);
  }
  if (!Weigh(logits, next, options.temperature)) {
    return FindBest(logits, next).status();  // which says why
  }
  return Keep(LastToKeep(options));
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

bool Sampler::MakeRoom(size_t logits, const NextTokens& next) {
  size_t ids = 2;  // an end where there is none, and one for a whole pair
  for (const TokenSet* set : {&next.allowed, &next.end}) {
    for (const TokenRange& range : *set) {
      if (range.begin < 0) return false;
      if (static_cast<size_t>(range.end) > logits) return false;
      ids += static_cast<size_t>(range.end - range.begin);
    }
  }
  const size_t room = std::max({logits + 2, ids, ids_.size()});
  ids_.resize(room);
  weights_.resize(room);
  kept_.resize(room);
  edge_.reserve(room);
  return true;
}

bool Sampler::Weigh(absl::Span<const float> logits, const NextTokens& next,
                    double temperature) {
  constexpr double kMost = std::numeric_limits<double>::max();
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  if (!MakeRoom(logits.size(), next)) return false;
  size_t count = 0;
  const auto gather = [&](TokenId id) {
    ids_[count] = id;
    weights_[count++] = static_cast<double>(logits[static_cast<size_t>(id)]);
  };
  next.end.ForEach(gather);
  if (count == 0) weights_[count++] = -kInfinity;
  const size_t ends = count;
  next.allowed.ForEach(gather);
  weights_[count] = -kInfinity;  // where the count is odd
  const absl::Span<double> pairs(weights_.data(), count + count % 2);
  const double best = Largest(pairs);
  if (!(best > -kInfinity)) return false;
  Exponentiate(pairs, best, std::min(1 / temperature, kMost));
  weights_[ends - 1] = Sum(pairs.first(ends));
  ids_[ends - 1] = kEndOfAnswer;
  first_ = ends - 1;
  count_ = count - first_;
  return true;
}

TokenProbability Sampler::LastToKeep(const SamplingOptions& options) {
  // Never one of probability 0.
  constexpr double kLeast = std::numeric_limits<double>::denorm_min();
  TokenProbability last{std::numeric_limits<TokenId>::max(), kLeast};
  if (options.min_p) {
    const absl::Span<const double> weights = Weights();
    const double largest = *std::max_element(weights.begin(), weights.end());
    last.probability = std::max(*options.min_p * largest, kLeast);
  } else if (options.top_p && *options.top_p < 1) {
    last = LastOfTop(*options.top_p * Sum(Weights())).value_or(last);
    last.probability = std::max(last.probability, kLeast);
  }
  return last;
}

// Outcomes in descending order as long as those before sum to `most` at most.
// To sort few of them, like ones are put into buckets: whole buckets are kept
// or dropped, but for the one where the sum is reached.
std::optional<TokenProbability> Sampler::LastOfTop(double most) {
  // Two of each, in turn: many tokens are alike, and an addition would wait
  // for the one before to be stored.
  std::array<std::array<double, 2>, kBuckets> masses = {};
  const absl::Span<const double> weights = Weights();
  for (size_t i = 0; i < weights.size(); ++i) {
    masses[BucketOf(weights[i])][i % 2] += weights[i];
  }
  double before = 0;
  size_t edge = 0;
  for (; edge < kBuckets; ++edge) {
    const double mass = Sum(masses[edge]);
    if (before + mass > most) break;
    before += mass;
  }
  if (edge == kBuckets) return std::nullopt;
  edge_.clear();
  for (size_t i = 0; i < weights.size(); ++i) {
    if (BucketOf(weights[i]) != edge) continue;
    edge_.push_back({ids_[first_ + i], weights[i]});
  }
  std::sort(edge_.begin(), edge_.end(), Precedes);
  size_t count = 0;
  while (count < edge_.size() && before <= most) {
    before += edge_[count++].probability;
  }
  return edge_[count - 1];  // `before` was `most` at most, so there is one
}

// Whether an outcome stays is as good as random to the processor, so nothing
// branches on it: the bits of positive numbers are in the order of the numbers.
absl::Span<const TokenProbability> Sampler::Keep(const TokenProbability& last) {
  const auto least = std::bit_cast<uint64_t>(last.probability);
  const TokenId last_id = last.id;
  const absl::Span<const double> weights = Weights();
  const TokenId* ids = ids_.data() + first_;
  size_t count = 0;
  double sum = 0;
  for (size_t i = 0; i < weights.size(); ++i) {
    const auto bits = std::bit_cast<uint64_t>(weights[i]);
    const auto stays = static_cast<uint64_t>(bits > least) |
                       (static_cast<uint64_t>(bits == least) &
                        static_cast<uint64_t>(ids[i] <= last_id));
    kept_[count] = {ids[i], weights[i]};
    sum += std::bit_cast<double>(bits & -stays);
    count += stays;
  }
  const double scale = 1 / sum;
  const absl::Span<TokenProbability> kept(kept_.data(), count);
  for (TokenProbability& outcome : kept) outcome.probability *= scale;
  return kept;
}

}  // namespace antiphon::inference
