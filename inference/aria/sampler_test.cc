// SPDX-License-Identifier: Apache-2.0
#include "inference/aria/sampler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "inference/aria/golden.h"

namespace antiphon::inference {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

NextTokens AllOf(size_t ids) {
  NextTokens next;
  next.allowed.Add(TokenRange{0, static_cast<TokenId>(ids), 0});
  return next;
}

std::vector<float> Logits(const nlohmann::json& golden) {
  std::vector<float> logits;
  for (const auto& x : golden) {
    logits.push_back(x.is_null() ? -kInfinity : x.get<float>());
  }
  return logits;
}

std::optional<double> Optional(const nlohmann::json& value) {
  if (value.is_null()) return std::nullopt;
  return value.get<double>();
}

// Compares one case; where the cut falls inside a group of equal probabilities
// only the number of its members that stay is given.
void ExpectCase(const nlohmann::json& c,
                absl::Span<const TokenProbability> kept) {
  std::vector<TokenId> tied;
  if (c.contains("tie_group_ids")) {
    tied = c.at("tie_group_ids").get<std::vector<TokenId>>();
  }
  std::map<TokenId, double> expected;
  double tied_probability = 0;
  for (size_t i = 0; i < c.at("kept_ids").size(); ++i) {
    const auto id = c.at("kept_ids")[i].get<TokenId>();
    const auto p = c.at("probs")[i].get<double>();
    if (std::count(tied.begin(), tied.end(), id) > 0) {
      tied_probability = p;
    } else {
      expected[id] = p;
    }
  }
  const auto tolerance = c.at("abs_tol").get<double>();
  ASSERT_EQ(kept.size(), c.at("n_kept").get<size_t>());
  int in_group = 0;
  double sum = 0;
  for (const TokenProbability& outcome : kept) {
    sum += outcome.probability;
    if (std::count(tied.begin(), tied.end(), outcome.id) > 0) {
      ++in_group;
      EXPECT_NEAR(outcome.probability, tied_probability, tolerance);
      continue;
    }
    ASSERT_TRUE(expected.contains(outcome.id)) << outcome.id;
    EXPECT_NEAR(outcome.probability, expected[outcome.id], tolerance);
  }
  EXPECT_NEAR(sum, 1, 1e-12);
  EXPECT_EQ(in_group, c.value("tie_group_n_kept", 0));
}

TEST(Sampler, DistributionsAgreeWithTheReference) {
  const auto golden = ReadGolden("sampling.json");
  Sampler sampler;
  for (const auto& c : golden.at("cases")) {
    SCOPED_TRACE(c.at("logits").get<std::string>() + " temperature " +
                 c.at("temperature").dump() + " top_p " + c.at("top_p").dump() +
                 " min_p " + c.at("min_p").dump());
    const std::vector<float> logits =
        Logits(golden.at("logits").at(c.at("logits").get<std::string>()));
    const SamplingOptions options{c.at("temperature").get<double>(),
                                  Optional(c.at("top_p")),
                                  Optional(c.at("min_p"))};
    const auto kept =
        sampler.Distribution(logits, AllOf(logits.size()), options);
    ASSERT_TRUE(kept.ok()) << kept.status();
    ExpectCase(c, *kept);
  }
  EXPECT_EQ(golden.at("cases").size(), 58U);
}

TEST(Sampler, TemperatureZeroIsTheArgmax) {
  const auto golden = ReadGolden("sampling.json");
  Sampler sampler;
  for (const auto& [name, values] : golden.at("logits").items()) {
    const std::vector<float> logits = Logits(values);
    SamplingOptions options;
    options.temperature = 0;
    const auto id =
        sampler.Sample(logits, AllOf(logits.size()), options, DrawKey{1, 2});
    ASSERT_TRUE(id.ok()) << id.status();
    EXPECT_EQ(*id, golden.at("argmax").at(name).get<TokenId>()) << name;
  }
}

TEST(Sampler, WhatIsNotAllowedIsNeverDrawn) {
  const std::vector<float> logits = {9, 1, 0, 8, 1, 0};
  NextTokens next;
  next.allowed.Add(TokenRange{0, 6, 3});  // without 0 and 3
  Sampler sampler;
  SamplingOptions options;
  options.top_p.reset();
  const auto kept = sampler.Distribution(logits, next, options);
  ASSERT_TRUE(kept.ok());
  ASSERT_EQ(kept->size(), 4U);
  EXPECT_EQ((*kept)[0].id, 1);
  for (uint64_t i = 0; i < 200; ++i) {
    const auto id = sampler.Sample(logits, next, options, {7, i});
    EXPECT_TRUE(next.allowed.Contains(*id)) << *id;
  }
  options.temperature = 0;
  EXPECT_EQ(*sampler.Sample(logits, next, options, {}), 1);
}

TEST(Sampler, EndTokensAreOneOutcome) {
  const std::vector<float> logits = {1, 1, 1, 1};
  NextTokens next;
  next.allowed.Add(TokenId{0});
  next.end.Add(TokenRange{1, 4, 0});
  SamplingOptions options;
  options.temperature = 1;
  options.top_p = 0.7;  // alone, each end token would stand behind id 0
  Sampler sampler;
  const auto kept = sampler.Distribution(logits, next, options);
  ASSERT_TRUE(kept.ok());
  ASSERT_EQ(kept->size(), 1U);
  EXPECT_EQ((*kept)[0].id, kEndOfAnswer);
  options.top_p.reset();
  const auto all = sampler.Distribution(logits, next, options);
  ASSERT_EQ(all->size(), 2U);
  EXPECT_DOUBLE_EQ((*all)[0].probability, 0.75);
}

TEST(Sampler, TheArgmaxOfAnEndTokenIsTheEnd) {
  const std::vector<float> logits = {1, 0.5F, 2, 0};
  NextTokens next;
  next.allowed.Add(TokenRange{0, 2, 0});
  next.end.Add(TokenRange{2, 4, 0});
  SamplingOptions options;
  options.temperature = 0;
  EXPECT_EQ(*Sampler().Sample(logits, next, options, {}), kEndOfAnswer);
  const std::vector<float> other = {3, 0.5F, 2.9F, 2.9F};
  EXPECT_EQ(*Sampler().Sample(other, next, options, {}), 0);
}

TEST(Sampler, TheDrawIsAFunctionOfSeedAndIndexAlone) {
  const std::vector<float> logits(64, 0.0F);
  const NextTokens next = AllOf(64);
  const SamplingOptions options;
  Sampler used;
  std::vector<TokenId> first;
  for (uint64_t i = 0; i < 50; ++i) {
    first.push_back(*used.Sample(logits, next, options, {42, i}));
  }
  int same_as_other_seed = 0;
  for (uint64_t i = 50; i-- > 0;) {  // another order, another sampler
    Sampler fresh;
    EXPECT_EQ(*fresh.Sample(logits, next, options, {42, i}), first[i]);
    same_as_other_seed +=
        *fresh.Sample(logits, next, options, {43, i}) == first[i];
  }
  EXPECT_LT(same_as_other_seed, 10);
}

TEST(Sampler, DrawsFollowTheDistribution) {
  const std::vector<float> logits = {std::log(0.5F), std::log(0.3F),
                                     std::log(0.2F)};
  SamplingOptions options;
  options.temperature = 1;
  options.top_p.reset();
  Sampler sampler;
  constexpr int kDraws = 20'000;
  std::map<TokenId, int> counts;
  for (uint64_t i = 0; i < kDraws; ++i) {
    ++counts[*sampler.Sample(logits, AllOf(3), options, {i, 3})];
  }
  EXPECT_NEAR(counts[0], 0.5 * kDraws, 350);  // five standard deviations
  EXPECT_NEAR(counts[1], 0.3 * kDraws, 350);
  EXPECT_NEAR(counts[2], 0.2 * kDraws, 350);
}

// Known answers of Philox4x32-10: the first two words of the published vector
// for counter 0 and key 0.
// The oracle sorts them all. Flat, peaked, and with many equals.
TEST(Sampler, TopPKeepsWhatSortingWouldKeep) {
  constexpr size_t kIds = 3000;
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  for (const float spread : {0.3F, 3.0F, 30.0F}) {
    for (const double top_p : {0.0, 0.05, 0.5, 0.9, 0.999}) {
      for (const bool equals : {false, true}) {
        std::vector<float> logits(kIds);
        for (float& logit : logits) {
          logit = spread * normal(random);
          if (equals) logit = std::round(logit);
        }
        SamplingOptions options{1, 1, {}};
        Sampler sampler;
        const auto all = *sampler.Distribution(logits, AllOf(kIds), options);
        std::vector<TokenProbability> wanted(all.begin(), all.end());
        std::stable_sort(wanted.begin(), wanted.end(),
                         [](const auto& a, const auto& b) {
                           return a.probability > b.probability;
                         });
        double before = 0;
        size_t count = 0;
        while (count < wanted.size() && before <= top_p) {
          before += wanted[count++].probability;
        }
        std::vector<TokenId> ids;
        for (size_t i = 0; i < count; ++i) ids.push_back(wanted[i].id);
        std::sort(ids.begin(), ids.end());
        options.top_p = top_p;
        const auto some = *sampler.Distribution(logits, AllOf(kIds), options);
        std::vector<TokenId> kept;
        for (const auto& outcome : some) kept.push_back(outcome.id);
        EXPECT_EQ(kept, ids) << spread << " " << top_p << " " << equals;
      }
    }
  }
}

TEST(Sampler, RandomNumbersAreThoseOfPhilox) {
  const uint64_t bits = 0x6627e8d5'e169c58dU;
  EXPECT_EQ(UniformAt({0, 0}), static_cast<double>(bits >> 11) * 0x1p-53);
  EXPECT_NE(UniformAt({0, 1}), UniformAt({1, 0}));
  EXPECT_NE(UniformAt({0, uint64_t{1} << 32}), UniformAt({0, 0}));
  EXPECT_NE(UniformAt({uint64_t{1} << 32, 0}), UniformAt({0, 0}));
}

TEST(Sampler, DamagedLogitsAreAnError) {
  const SamplingOptions options;
  for (float bad : {std::nanf(""), kInfinity}) {
    const std::vector<float> logits = {0, bad, 1};
    EXPECT_EQ(Sampler().Sample(logits, AllOf(3), options, {}).status().code(),
              absl::StatusCode::kInternal);
    NextTokens next;
    next.allowed.Add(TokenId{0});
    next.end.Add(TokenId{1});
    EXPECT_FALSE(Sampler().Sample(logits, next, options, {}).ok());
  }
  const std::vector<float> none(3, -kInfinity);
  EXPECT_FALSE(Sampler().Sample(none, AllOf(3), options, {}).ok());
  EXPECT_FALSE(Sampler().Sample(none, NextTokens{}, options, {}).ok());
}

TEST(Sampler, AnIdBeyondTheLogitsIsAnError) {
  const std::vector<float> logits(3, 0.0F);
  EXPECT_EQ(Sampler().Sample(logits, AllOf(4), {}, {}).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(Sampler, OptionsOutOfRangeAreRefused) {
  const double nan = std::nan("");
  const SamplingOptions bad[] = {
      {-0.1, 0.9, {}}, {2.1, 0.9, {}}, {nan, 0.9, {}},
      {1, -0.1, {}},   {1, 1.1, {}},   {1, nan, {}},
      {1, 0.9, -1},    {1, 0.9, 1.5},  {1, 0.9, nan}};
  for (const SamplingOptions& options : bad) {
    EXPECT_EQ(Validate(options).code(), absl::StatusCode::kInvalidArgument);
  }
  EXPECT_TRUE(Validate({0, 0, 0}).ok());
  EXPECT_TRUE(Validate({2, 1, 1}).ok());
}

TEST(Sampler, WeightsAreThoseOfTheLibrarysExponential) {
  std::vector<float> logits;
  for (int i = 0; i <= 7000; ++i)
    logits.push_back(-0.1F * static_cast<float>(i));
  SamplingOptions options;
  options.temperature = 1;
  options.top_p.reset();
  Sampler sampler;
  const auto all = sampler.Distribution(logits, AllOf(logits.size()), options);
  ASSERT_TRUE(all.ok());
  ASSERT_EQ(all->size(), logits.size());
  for (size_t i = 0; i < logits.size(); ++i) {
    const double weight = (*all)[i].probability / (*all)[0].probability;
    const double wanted = std::exp(static_cast<double>(logits[i]));
    EXPECT_NEAR(weight / wanted, 1, 1e-15) << logits[i];
  }
  const std::vector<float> far = {0, -709, -kInfinity};
  EXPECT_EQ(sampler.Distribution(far, AllOf(3), options)->size(), 1U);
}

TEST(Sampler, ATinyTemperatureIsNearlyTheArgmax) {
  const std::vector<float> logits = {-1e30F, 5, 4.999F};
  SamplingOptions options;
  options.temperature = 1e-300;
  EXPECT_EQ(*Sampler().Sample(logits, AllOf(3), options, {9, 9}), 1);
}

}  // namespace
}  // namespace antiphon::inference
