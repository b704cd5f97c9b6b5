// SPDX-License-Identifier: Apache-2.0
#include "inference/train/trainer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "inference/model/torch_model.h"

namespace antiphon::inference {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

const Vocabulary kVocabulary(VocabularyKind::kDefault);

// A scale that goes on: whoever listens knows the next token.
TrainingCrop Scale(uint64_t index, int stage) {
  TrainingCrop crop;
  crop.tokens = {kPianoPrefixToken, kBosToken};
  const int first = 40 + static_cast<int>(index % 12);
  for (int i = 0; i < 10; ++i) {
    crop.tokens.push_back(kVocabulary.NoteId(first + 2 * i, 60));
    crop.tokens.push_back(kVocabulary.OnsetId(i * 300));
    crop.tokens.push_back(kVocabulary.DurId(300));
  }
  crop.wanted.assign(crop.tokens.size(), 1);
  const size_t call = stage == 1 ? 2 : 17;
  std::fill_n(crop.wanted.begin(), call, 0);
  return crop;
}

class TrainerTest : public ::testing::Test {
 protected:
  TrainerTest() {
    fs::remove_all(folder_);
    options_.shape.layers = 2;
    options_.shape.d_model = 64;
    options_.shape.heads = 1;
    options_.shape.d_ff = 256;
    options_.shape.max_position = 64;
    options_.shape.vocabulary_rows = rows_.rows();
    options_.sequences = 4;
    options_.length = 32;
    options_.tokens = 100 * 4 * 32;
    options_.peak_rate = 5e-3;
    options_.dropout = 0.1;
    options_.average = 0.9;
    options_.threads = 1;
    options_.folder = folder_;
    options_.card.time_base = TimeBase::kBar;
  }
  ~TrainerTest() override { fs::remove_all(folder_); }

  std::unique_ptr<Trainer> Create() {
    auto trainer = Trainer::Create(options_, rows_, Scale);
    EXPECT_TRUE(trainer.ok()) << trainer.status();
    return trainer.ok() ? *std::move(trainer) : nullptr;
  }
  static void Train(Trainer& trainer, int steps) {
    for (int i = 0; i < steps; ++i) {
      const absl::Status status = trainer.Step();
      ASSERT_TRUE(status.ok()) << status;
    }
  }
  static std::vector<TrainingCrop> Unheard() {
    std::vector<TrainingCrop> crops;
    for (uint64_t i = 0; i < 6; ++i) crops.push_back(Scale(i, 1));
    return crops;
  }

  const RowMap rows_ = RowMap::Compact(kVocabulary, 4800);
  const std::string folder_ =
      fs::path(testing::TempDir()) /
      absl::StrCat(
          "antiphon_trainer_",
          testing::UnitTest::GetInstance()->current_test_info()->name());
  TrainerOptions options_;
};

TEST_F(TrainerTest, Learns) {
  const auto trainer = Create();
  const double before = trainer->Judge(Unheard()).all;
  EXPECT_NEAR(before, std::log(rows_.rows()), 0.1);
  Train(*trainer, static_cast<int>(trainer->steps()));
  const ClassLosses after = trainer->Judge(Unheard());
  EXPECT_NEAR(after.per_note, 3 * after.all, 1e-6);
  EXPECT_LT(after.all, 1);
  EXPECT_LT(after.duration, 0.2);
}

TEST_F(TrainerTest, GoesOnAlongTheSameCurve) {
  const auto whole = Create();
  Train(*whole, 12);
  const double expected = whole->Judge(Unheard()).all;
  const auto stopped = Create();
  Train(*stopped, 7);
  ASSERT_TRUE(stopped->SaveState().ok());
  const auto resumed = Create();
  ASSERT_EQ(resumed->step(), 7);
  Train(*resumed, 5);
  EXPECT_EQ(resumed->Judge(Unheard()).all, expected);
}

TEST_F(TrainerTest, WhatCannotBeKeptIsNotBegun) {
  std::ofstream(folder_) << "a file";
  EXPECT_THAT(Trainer::Create(options_, rows_, Scale).status().message(),
              HasSubstr("cannot be written to; take another --out"));
}

TEST_F(TrainerTest, AnotherRunsStateIsRefused) {
  const auto trainer = Create();
  ASSERT_TRUE(trainer->SaveState().ok());
  const TrainerOptions own = options_;
  const auto expect_refused = [this] {
    EXPECT_THAT(Trainer::Create(options_, rows_, Scale).status().message(),
                HasSubstr("is of another run"));
  };
  options_.tokens *= 2;
  expect_refused();
  options_.sequences *= 2;  // as many steps
  expect_refused();
  options_ = own;
  ++options_.seed;
  expect_refused();
  options_ = own;
  options_.peak_rate /= 2;
  expect_refused();
  options_ = own;
  options_.data = "other pieces";
  expect_refused();
  options_ = own;
  options_.threads = 2;
  EXPECT_TRUE(Trainer::Create(options_, rows_, Scale).ok());
  std::ofstream(folder_ + "/training.safetensors") << "noise";
  EXPECT_FALSE(Trainer::Create(options_, rows_, Scale).ok());
}

// What was trained is what is served: the same losses by the other network.
TEST_F(TrainerTest, TheServedModelIsTheTrainedOne) {
  const auto trainer = Create();
  Train(*trainer, 20);
  ASSERT_TRUE(trainer->SaveModel().ok());
  const double expected = trainer->Judge({Scale(3, 1)}).all;
  const auto checkpoint = Checkpoint::Open(folder_);
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
  EXPECT_EQ((*checkpoint)->StoredTypes(), "BF16");
  TorchModel::Options options;
  options.context_tokens = 64;
  const auto model = TorchModel::Create(**checkpoint, options);
  ASSERT_TRUE(model.ok()) << model.status();
  const TrainingCrop crop = Scale(3, 1);
  std::vector<TokenId> tokens;
  for (const TokenId id : crop.tokens) tokens.push_back(*rows_.RowOf(id));
  const size_t width = static_cast<size_t>(rows_.rows());
  std::vector<float> logits(tokens.size() * width);
  ASSERT_TRUE((*model)->PrefillAll(0, tokens, absl::MakeSpan(logits)).ok());
  double sum = 0;
  int count = 0;
  for (size_t i = 2; i < tokens.size(); ++i, ++count) {
    const float* row = logits.data() + (i - 1) * width;
    double exponentials = 0;
    for (size_t j = 0; j < width; ++j) exponentials += std::exp(row[j]);
    sum += std::log(exponentials) - row[tokens[i]];
  }
  EXPECT_NEAR(sum / count, expected, 0.02 * expected);
}

// A call is heard, not judged.
TEST_F(TrainerTest, TheSecondStageIsJudgedByAnswers) {
  options_.second_stage = 1;
  const auto trainer = Create();
  Train(*trainer, static_cast<int>(trainer->steps()));
  const auto judged_on = [&](int begin, int end) {
    std::vector<TrainingCrop> crops = Unheard();
    for (TrainingCrop& crop : crops) {
      std::fill(crop.wanted.begin(), crop.wanted.end(), 0);
      std::fill(crop.wanted.begin() + begin, crop.wanted.begin() + end, 1);
    }
    return trainer->Judge(crops).all;
  };
  EXPECT_GT(judged_on(2, 17), 2 * judged_on(17, 32));
}

}  // namespace
}  // namespace antiphon::inference
