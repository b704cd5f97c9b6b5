// SPDX-License-Identifier: Apache-2.0
#include "inference/model/torch_model.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>
#include <random>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "inference/model/attention.h"
#include "inference/model/large_pages.h"
#include "inference/model/random_checkpoint.h"
#include "inference/model/row_product.h"
#include "inference/model/test_models.h"

namespace antiphon::inference {

Device TestDevice() {
  const char* const plugin = std::getenv("ANTIPHON_TEST_CUDA_PLUGIN");
  if (plugin == nullptr) return Device::kCpu;
  static const absl::Status opened = OpenCuda(plugin);
  EXPECT_TRUE(opened.ok()) << opened;
  return Device::kCuda;
}

namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

std::unique_ptr<TorchModel> OpenTiny(TorchModel::Options options = {}) {
  return Open((kGolden / "tiny").string(), options);
}

std::vector<TokenId> RandomTokens(size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<TokenId> tokens(count);
  for (TokenId& token : tokens) token = static_cast<TokenId>(random() % 512);
  return tokens;
}

std::vector<float> Uniform(size_t count, std::mt19937& random) {
  std::uniform_real_distribution<float> uniform(-1, 1);
  std::vector<float> values(count);
  for (float& value : values) value = uniform(random);
  return values;
}

// The upper half of its bits: what bf16 keeps.
std::vector<uint16_t> UpperHalves(const std::vector<float>& values) {
  std::vector<uint16_t> halves(values.size());
  for (size_t i = 0; i < values.size(); ++i) {
    uint32_t bits;
    std::memcpy(&bits, &values[i], sizeof bits);
    halves[i] = static_cast<uint16_t>(bits >> 16);
  }
  return halves;
}

// Plain sums of double are the oracle. One row, or one output, has the same
// bits as among others.
template <typename Weight>
void ExpectPlainSums(const std::vector<Weight>& weight,
                     const std::vector<float>& values, size_t outputs,
                     size_t width, std::mt19937& random) {
  constexpr size_t kRows = 7;
  const std::vector<float> x = Uniform(kRows * width, random);
  std::vector<float> all(kRows * outputs), one(outputs);
  RowProduct(x.data(), kRows, weight.data(), outputs, width, all.data());
  for (size_t r = 0; r < kRows; ++r) {
    RowProduct(&x[r * width], 1, weight.data(), outputs, width, one.data());
    for (size_t o = 0; o < outputs; ++o) {
      double sum = 0;
      for (size_t i = 0; i < width; ++i) {
        sum += double{x[r * width + i]} * double{values[o * width + i]};
      }
      ASSERT_NEAR(all[r * outputs + o], sum, 1e-5);
      ASSERT_EQ(all[r * outputs + o], one[o]);
    }
    const size_t from = outputs / 3;
    RowProduct(&x[r * width], 1, weight.data() + from * width, outputs - from,
               width, one.data());
    ASSERT_EQ(all[r * outputs + from], one[0]);
  }
}

TEST(RowProductTest, EqualsPlainSumsForAnyCounts) {
  std::mt19937 random(1);
  for (size_t width : {4u, 16u, 37u, 64u}) {
    for (size_t outputs : {1u, 3u, 4u, 7u, 40u}) {
      SCOPED_TRACE(std::to_string(width) + " x " + std::to_string(outputs));
      std::vector<float> weight = Uniform(outputs * width, random);
      ExpectPlainSums(weight, weight, outputs, width, random);
      const std::vector<uint16_t> halves = UpperHalves(weight);
      for (size_t i = 0; i < weight.size(); ++i) {
        const uint32_t bits = uint32_t{halves[i]} << 16;
        std::memcpy(&weight[i], &bits, sizeof bits);
      }
      ExpectPlainSums(halves, weight, outputs, width, random);
    }
  }
}

TEST(LargePagesTest, PiecesFollowEachOtherUntilUsedUp) {
  constexpr size_t kAll = size_t{2} << 20;
  LargePages pages(kAll - 100);
  auto* first = static_cast<char*>(pages.Take(65));
  auto* second = static_cast<char*>(pages.Take(kAll - 192));
  ASSERT_NE(first, nullptr);
  ASSERT_EQ(second, first + 128);
  EXPECT_EQ(second[kAll - 193], 0);
  EXPECT_EQ(pages.Take(65), nullptr);
  EXPECT_EQ(pages.Take(2 * kAll), nullptr);
  EXPECT_EQ(pages.Take(64), first + kAll - 64);
}

TEST(AttentionTest, EqualsPlainSoftmaxOverBothRanges) {
  std::mt19937 random(2);
  for (size_t width : {4u, 16u, 24u, 64u, 100u}) {
    for (size_t count : {1u, 3u, 16u, 17u, 100u}) {
      // Scores far apart and close together.
      for (float spread : {1.0f, 30.0f}) {
        std::vector<float> query = Uniform(width, random);
        for (float& value : query) value *= spread;
        const std::vector<float> keys = Uniform(count * width, random);
        const std::vector<float> values = Uniform(count * width, random);
        std::vector<double> weights(count);
        double sum = 0;
        for (size_t p = 0; p < count; ++p) {
          double score = 0;
          for (size_t d = 0; d < width; ++d) {
            score += double{query[d]} * double{keys[p * width + d]};
          }
          weights[p] = std::exp(score / std::sqrt(static_cast<double>(width)));
          sum += weights[p];
        }
        for (const size_t trunk : {count, count / 2, size_t{0}}) {
          std::vector<float> scores(count), out(width);
          const auto range = [&](size_t from, size_t n) {
            return KeyRange{keys.data() + from * width,
                            values.data() + from * width, static_cast<int>(n)};
          };
          Attend(query.data(), range(0, trunk), range(trunk, count - trunk),
                 static_cast<int>(width), scores.data(), out.data());
          for (size_t d = 0; d < width; ++d) {
            double wanted = 0;
            for (size_t p = 0; p < count; ++p) {
              wanted += weights[p] / sum * double{values[p * width + d]};
            }
            ASSERT_NEAR(out[d], wanted, 1e-5)
                << width << " wide, " << trunk << " of " << count;
          }
        }
      }
    }
  }
}

// What is broken shows, so that the draw can refuse it.
TEST(AttentionTest, NaNStays) {
  const std::vector<float> ones(32 * 16, 1.0f);
  std::vector<float> query(16, 1.0f), scores(32), out(16);
  query[3] = std::numeric_limits<float>::quiet_NaN();
  Attend(query.data(), {ones.data(), ones.data(), 32}, {}, 16, scores.data(),
         out.data());
  for (float value : out) EXPECT_TRUE(std::isnan(value));
}

TEST(TorchModelTest, SmallestFileAndHalfPrecisionFilesRun) {
  const Json base = ReadJson(kGolden / "robustness/index.json")["base_check"];
  const auto ids = base["ids"].get<std::vector<TokenId>>();
  for (const auto& [name, tolerance] :
       {std::pair{"ok", 1e-4f}, std::pair{"ok_unpadded_header", 1e-4f},
        std::pair{"prefix_orig_mod", 1e-4f}, std::pair{"ok_bf16", 0.05f},
        std::pair{"ok_f16", 0.01f}, std::pair{"ok_mixed_dtypes", 0.05f}}) {
    auto model =
        Open((kGolden / "robustness" / (std::string(name) + ".safetensors"))
                 .string());
    const std::vector<float> row = OneShot(*model, ids);
    for (size_t i = 0; i < row.size(); ++i) {
      EXPECT_NEAR(row[i], base["logits_last"][i].get<float>(), tolerance)
          << name;
    }
  }
}

void ExpectNear(absl::Span<const float> a, absl::Span<const float> b) {
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) ASSERT_NEAR(a[i], b[i], 2e-5f) << i;
}

// Positions 1, 63..65 and 128 stand at the edges of chunks.
TEST(TorchModelTest, CachedDecodeEqualsPrefill) {
  auto model = OpenTiny();
  const std::vector<TokenId> tokens = RandomTokens(200, 1);
  for (size_t fork : {1u, 2u, 63u, 64u, 65u, 128u, 190u}) {
    const auto all = absl::MakeSpan(tokens);
    std::vector<float> row = OneShot(*model, all.first(fork));
    model->StartBranch(0);
    const size_t end = std::min<size_t>(fork + 6, tokens.size());
    for (size_t i = fork; i < end; ++i) {
      ASSERT_TRUE(
          model->DecodeStep({{0, tokens[i]}}, absl::MakeSpan(row)).ok());
    }
    SCOPED_TRACE(fork);
    ExpectNear(row, OneShot(*model, all.first(end)));
  }
}

// Over a narrow model and one of the width that ships: products of different
// shapes take different paths.
class SplitTest : public ::testing::TestWithParam<const char*> {
 protected:
  static std::unique_ptr<TorchModel> OpenNamed(const std::string& name) {
    if (name == "reference") return OpenTiny();
    const std::string folder =
        ::testing::TempDir() + "/antiphon-split-" + std::to_string(getpid());
    EXPECT_TRUE(WriteRandomCheckpoint({.size = name,
                                       .vocabulary = VocabularyKind::kDemo26,
                                       .seed = 1,
                                       .folder = folder})
                    .ok());
    auto model = Open(folder);
    fs::remove_all(folder);
    return model;
  }
};

TEST_P(SplitTest, PrefillInAnySplitAndAfterRewindEqualsOneShot) {
  auto model = OpenNamed(GetParam());
  const std::vector<TokenId> tokens = RandomTokens(250, 2);
  const std::vector<float> wanted = OneShot(*model, tokens);
  std::vector<float> row(wanted.size());
  const auto all = absl::MakeSpan(tokens);
  for (size_t split : {1u, 3u, 16u, 17u, 33u, 64u, 100u, 118u, 200u, 249u}) {
    SCOPED_TRACE(split);
    model->Rewind(0, 0);
    ASSERT_TRUE(model->Prefill(0, all.first(split), {}).ok());
    ASSERT_TRUE(
        model->Prefill(0, all.subspan(split), absl::MakeSpan(row)).ok());
    EXPECT_EQ(row, wanted);
    // Another ending in between must leave no trace.
    model->Rewind(0, static_cast<int>(split));
    ASSERT_TRUE(
        model->Prefill(0, RandomTokens(size_t{250} - split, 3), {}).ok());
    model->Rewind(0, static_cast<int>(split));
    ASSERT_TRUE(
        model->Prefill(0, all.subspan(split), absl::MakeSpan(row)).ok());
    EXPECT_EQ(row, wanted);
  }
}

INSTANTIATE_TEST_SUITE_P(Models, SplitTest,
                         ::testing::Values("reference", "nano"));

TEST(TorchModelTest, BranchReadsItsTrunkWhileTheTrunkGrows) {
  auto model = OpenTiny();
  const std::vector<TokenId> tokens = RandomTokens(40, 4);
  const std::vector<TokenId> answer = RandomTokens(10, 5);
  std::vector<TokenId> together = tokens;
  together.insert(together.end(), answer.begin(), answer.end());
  const std::vector<float> wanted = OneShot(*model, together);

  std::vector<float> row = OneShot(*model, tokens);
  model->StartBranch(0);
  ASSERT_TRUE(
      model->PrefillBranch(0, absl::MakeSpan(answer).first(4), nullptr, {})
          .ok());
  ASSERT_TRUE(model->Prefill(0, RandomTokens(30, 6), {}).ok());
  for (size_t i = 4; i < answer.size(); ++i) {
    ASSERT_TRUE(model->DecodeStep({{0, answer[i]}}, absl::MakeSpan(row)).ok());
  }
  ExpectNear(row, wanted);
  EXPECT_EQ(model->TrunkLength(0), 70);
  EXPECT_EQ(model->BranchLength(0), 10);
  model->Rewind(0, 39);
  EXPECT_FALSE(model->HasBranch(0));
}

TEST(TorchModelTest, ARewoundBranchIsAsIfNothingHadFollowed) {
  auto model = OpenTiny();
  const std::vector<TokenId> tokens = RandomTokens(40, 5);
  const auto after = [&](std::initializer_list<TokenId> answer) {
    std::vector<float> row(static_cast<size_t>(model->info().vocabulary_rows));
    for (const TokenId token : answer) {
      const BranchToken next{0, token};
      EXPECT_TRUE(model->DecodeStep({&next, 1}, absl::MakeSpan(row)).ok());
    }
    return row;
  };
  ASSERT_TRUE(model->Prefill(0, tokens, {}).ok());
  model->StartBranch(0);
  const std::vector<float> wanted = after({7, 9, 10});
  model->StartBranch(0);
  after({7, 11, 12});
  model->RewindBranch(0, 1);
  EXPECT_EQ(after({9, 10}), wanted);
  EXPECT_EQ(model->BranchLength(0), 3);
}

// Six slots of different lengths: context, then one token of an answer.
class BatchTest : public ::testing::TestWithParam<ComputeType> {
 protected:
  static constexpr SlotId kSlots = 6;
  static constexpr size_t kRows = 512;

  static std::vector<TokenId> Context(SlotId slot) {
    const auto n = static_cast<unsigned>(slot);
    return RandomTokens(10 + 17 * n, n);
  }
  std::vector<float> Decode(const std::vector<BranchToken>& batch) {
    for (const BranchToken& next : batch) {
      model_->Rewind(next.slot, 0);
      EXPECT_TRUE(model_->Prefill(next.slot, Context(next.slot), {}).ok());
      model_->StartBranch(next.slot);
    }
    std::vector<float> logits(batch.size() * kRows);
    EXPECT_TRUE(model_->DecodeStep(batch, absl::MakeSpan(logits)).ok());
    return logits;
  }

  std::unique_ptr<TorchModel> model_ =
      OpenTiny({.slots = kSlots, .compute = GetParam()});
};

TEST_P(BatchTest, AloneAndTogetherGiveTheSameBits) {
  std::vector<BranchToken> batch;
  std::vector<float> alone;
  for (SlotId slot = 0; slot < kSlots; ++slot) {
    batch.push_back({slot, 7 + slot});
    const std::vector<float> row = Decode({batch.back()});
    alone.insert(alone.end(), row.begin(), row.end());
    EXPECT_EQ(Decode(batch), alone) << batch.size() << " together";
  }
}

// The logits of some ids alone are those that the whole row has, to the bit.
TEST_P(BatchTest, WantedLogitsAreThoseOfTheWholeRow) {
  const std::vector<float> whole = Decode({{0, 7}, {1, 8}});
  NextTokens first, second;
  first.allowed.Add({3, 60, 7});
  first.end.Add({200, 201});
  second.allowed.Add({400, 9999});  // beyond the vocabulary: up to its end
  const std::vector<float> some =
      Decode({{0, 7, &first}, {1, 8, &second}, {2, 9}});
  const auto expect_same = [&](size_t row, size_t begin, size_t end) {
    for (size_t i = row * kRows + begin; i < row * kRows + end; ++i) {
      ASSERT_EQ(some[i], whole[i]) << i;
    }
  };
  expect_same(0, 3, 60);
  expect_same(0, 200, 201);
  expect_same(1, 400, 512);
  // As they were: these were left out. A GPU computes all.
  const bool some_are_left_out = TestDevice() == Device::kCpu;
  if (some_are_left_out) {
    EXPECT_EQ(some[0], 0);
  }
  EXPECT_EQ(some[2 * kRows], Decode({{2, 9}})[0]);

  model_->Rewind(0, 0);
  model_->StartBranch(0);
  std::vector<float> all(kRows), part(kRows);
  const auto tokens = Context(3);
  ASSERT_TRUE(
      model_->PrefillBranch(0, tokens, nullptr, absl::MakeSpan(all)).ok());
  model_->StartBranch(0);
  ASSERT_TRUE(
      model_->PrefillBranch(0, tokens, &first, absl::MakeSpan(part)).ok());
  EXPECT_TRUE(std::equal(all.begin() + 3, all.begin() + 60, part.begin() + 3));
  if (some_are_left_out) {
    EXPECT_EQ(part[0], 0);
  }
}

INSTANTIATE_TEST_SUITE_P(Types, BatchTest,
                         ::testing::Values(ComputeType::kF32,
                                           ComputeType::kBf16));

TEST(TorchModelTest, TheTypeIsChosenByWeightsAndProcessor) {
  const auto chosen = [](const char* name, const char* file, Device device) {
    const auto checkpoint = Checkpoint::Open(kGolden / "robustness" / file);
    return ComputeTypeFor(name, **checkpoint, device).value();
  };
  const ComputeType here =
      CpuMultipliesBf16() ? ComputeType::kBf16 : ComputeType::kF32;
  EXPECT_EQ(chosen("auto", "ok_bf16.safetensors", Device::kCpu), here);
  EXPECT_EQ(chosen("auto", "ok_bf16.safetensors", Device::kCuda),
            ComputeType::kBf16);
  EXPECT_EQ(chosen("fp32", "ok_bf16.safetensors", Device::kCuda),
            ComputeType::kF32);
  for (const char* file : {"ok.safetensors", "ok_mixed_dtypes.safetensors"}) {
    EXPECT_EQ(chosen("auto", file, Device::kCuda), ComputeType::kF32) << file;
    EXPECT_EQ(chosen("bf16", file, Device::kCpu), ComputeType::kBf16) << file;
  }
}

TEST(TorchModelTest, Bf16IsNearFp32) {
  TorchModel::Options options;
  options.compute = ComputeType::kBf16;
  auto exact = OpenTiny();
  auto rounded = OpenTiny(options);
  const std::vector<TokenId> tokens = RandomTokens(100, 8);
  const std::vector<float> a = OneShot(*exact, tokens);
  const std::vector<float> b = OneShot(*rounded, tokens);
  float worst = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    worst = std::max(worst, std::abs(a[i] - b[i]));
  }
  EXPECT_LT(worst, 0.3f);
  EXPECT_GT(worst, 1e-4f);  // it is not fp32 by mistake
}

TEST(TorchModelTest, RandomCheckpointLoadsAndAnswers) {
  RandomCheckpointOptions options;
  options.size = "tiny";
  options.folder =
      (fs::path(ANTIPHON_BINARY_DIR) / "torch_model_test/random").string();
  fs::remove_all(options.folder);
  ASSERT_TRUE(WriteRandomCheckpoint(options).ok());
  auto model = Open(options.folder);
  EXPECT_EQ(model->info().vocabulary_rows, 17727);
  EXPECT_EQ(model->info().temperature, 0.8);
  EXPECT_EQ(model->info().sha256.size(), 64u);
  for (float logit : OneShot(*model, {6, 0, 1000})) {
    ASSERT_TRUE(std::isfinite(logit));
  }
}

// Aria's demo of 2025 was trained with a conditioning vector and without.
TEST(TorchModelTest, AnAdapterThatAModelCanDoWithoutIsNotUsed) {
  std::vector<std::vector<float>> rows;
  for (const bool adapter : {false, true}) {
    const fs::path folder =
        fs::path(ANTIPHON_BINARY_DIR) / "torch_model_test/demo25";
    fs::remove_all(folder);
    ASSERT_TRUE(WriteRandomCheckpoint({.size = "tiny",
                                       .vocabulary = VocabularyKind::kDemo25,
                                       .conditioned = adapter,
                                       .folder = folder.string()})
                    .ok());
    const auto checkpoint = Checkpoint::Open(folder.string());
    ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
    EXPECT_EQ((*checkpoint)->shape().adapter_width, adapter ? 512 : 0);
    auto model = Open(folder.string());
    EXPECT_EQ(model->info().max_position, kDefaultMaxPosition);
    rows.push_back(OneShot(*model, {6, 0, 1000}));
  }
  EXPECT_EQ(rows[0], rows[1]);
}

TEST(TorchModelTest, WhatCannotRunIsRefusedByName) {
  const auto refusal = [](const std::string& path,
                          TorchModel::Options options = {}) {
    auto checkpoint = Checkpoint::Open(path);
    EXPECT_TRUE(checkpoint.ok()) << checkpoint.status();
    return std::string(
        TorchModel::Create(**checkpoint, options).status().message());
  };
  EXPECT_THAT(refusal((kGolden / "robustness/nan_weight.safetensors").string()),
              HasSubstr("NaN"));
  TorchModel::Options options;
  options.slots = 0;
  EXPECT_THAT(refusal((kGolden / "tiny").string(), options),
              HasSubstr("slots is 0"));
  options.slots = 1;
  options.memory_bytes = 200'000'000;
  EXPECT_THAT(refusal((kGolden / "tiny").string(), options),
              HasSubstr("tiny/model.safetensors' needs 301 MB of memory "
                        "(weights 1 MB, contexts 1 MB, program 300 MB), this "
                        "machine has 200 MB"));
  // Before a weight is looked at.
  EXPECT_THAT(refusal((kGolden / "robustness/nan_weight.safetensors").string(),
                      options),
              HasSubstr("this machine has 200 MB"));

  const fs::path folder =
      fs::path(ANTIPHON_BINARY_DIR) / "torch_model_test/sha";
  fs::remove_all(folder);
  fs::create_directories(folder);
  fs::copy(kGolden / "tiny/model.safetensors", folder);
  std::ofstream(folder / "model.json")
      << R"({"sha256": ")" << std::string(64, '0') << R"("})";
  EXPECT_THAT(refusal(folder.string()), HasSubstr("says sha256 000"));
}

TEST(TorchModelTest, PositionsBeyondTheModelAreRefused) {
  auto model = OpenTiny();  // 256 positions in all
  EXPECT_EQ(model->info().context_tokens, 256);
  ASSERT_TRUE(model->Prefill(0, RandomTokens(250, 9), {}).ok());
  EXPECT_EQ(model->Prefill(0, RandomTokens(7, 9), {}).code(),
            absl::StatusCode::kResourceExhausted);
  model->StartBranch(0);
  std::vector<float> row(512);
  for (int i = 0; i < 6; ++i) {
    EXPECT_TRUE(model->DecodeStep({{0, 5}}, absl::MakeSpan(row)).ok());
  }
  EXPECT_EQ(model->DecodeStep({{0, 5}}, absl::MakeSpan(row)).code(),
            absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(model->BranchLength(0), 6);
}

}  // namespace
}  // namespace antiphon::inference
