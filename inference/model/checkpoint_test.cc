// SPDX-License-Identifier: Apache-2.0
#include "inference/model/checkpoint.h"

#include <filesystem>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "inference/model/random_checkpoint.h"

namespace antiphon::inference {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

const fs::path kGolden = fs::path(ANTIPHON_SOURCE_DIR) / "tests/golden/model";

std::string ReadFile(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

void WriteFile(const fs::path& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

std::string FreshFolder(const std::string& name) {
  const fs::path folder =
      fs::path(ANTIPHON_BINARY_DIR) / "checkpoint_test" / name;
  fs::remove_all(folder);
  fs::create_directories(folder);
  return folder.string();
}

TEST(CheckpointTest, DamagedFilesAreRefusedAndIntactOnesAccepted) {
  const auto index =
      nlohmann::json::parse(ReadFile(kGolden / "robustness/index.json"));
  int refused = 0;
  for (const auto& entry : index["files"]) {
    const std::string name = entry["file"], expect = entry["expect"];
    SCOPED_TRACE(name);
    auto checkpoint =
        Checkpoint::Open((kGolden / "robustness" / name).string());
    if (expect == "accept") {
      EXPECT_TRUE(checkpoint.ok()) << checkpoint.status();
    } else if (expect == "reject") {
      EXPECT_FALSE(checkpoint.ok());
    }
    if (checkpoint.ok()) continue;
    ++refused;
    EXPECT_THAT(std::string(checkpoint.status().message()), HasSubstr(name));
    EXPECT_EQ(checkpoint.status().message().find('\n'), std::string::npos);
  }
  EXPECT_GT(refused, 50);
}

// Memory of this process that files back, in bytes.
int64_t FileBackedMemory() {
  std::ifstream status("/proc/self/status");
  std::string word;
  int64_t kilobytes = -1;
  while (status >> word && word != "RssFile:") {
  }
  status >> kilobytes;
  return kilobytes * 1024;
}

TEST(CheckpointTest, WhatWasReadStaysInMemoryNoLongerThanNeeded) {
  const std::string folder = FreshFolder("released");
  ASSERT_TRUE(WriteRandomCheckpoint({.size = "tiny", .folder = folder}).ok());
  const auto checkpoint = Checkpoint::Open(folder);
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
  const auto bytes = static_cast<int64_t>((*checkpoint)->file_bytes());
  ASSERT_GT(bytes, 16 << 20);
  const int64_t before = FileBackedMemory();
  ASSERT_GT(before, 0);
  EXPECT_TRUE((*checkpoint)->CheckFinite().ok());
  EXPECT_LT(FileBackedMemory() - before, bytes / 8);
  const std::string hash = (*checkpoint)->Sha256();
  EXPECT_LT(FileBackedMemory() - before, bytes / 8);
  // What was given back is read again.
  EXPECT_EQ((*checkpoint)->Sha256(), hash);
}

TEST(CheckpointTest, EachReasonNamesWhatIsWrong) {
  const std::pair<const char*, const char*> cases[] = {
      {"missing_lm_head", "'lm_head.weight' is missing"},
      {"missing_norm_bias", "norm2.bias' is missing"},
      {"extra_layer", "layers = 1, the tensors say 2"},
      {"wrong_shape_transposed", "[8,24], [24,8] is due"},
      {"wrong_dtype_i32", "is I32"},
      {"truncated_data_1byte", "outside the"},
      {"trailing_bytes", "ends at byte"},
      {"header_duplicate_key", "twice"},
      {"header_deep_nesting", "nests deeper"},
      {"hole_start", "holes and overlaps"},
      {"vocab_mismatch_config", "rows = 16, the tensors say 12"},
  };
  for (const auto& [name, message] : cases) {
    auto checkpoint = Checkpoint::Open(
        (kGolden / "robustness" / (std::string(name) + ".safetensors"))
            .string());
    ASSERT_FALSE(checkpoint.ok()) << name;
    EXPECT_THAT(std::string(checkpoint.status().message()), HasSubstr(message));
  }
}

TEST(CheckpointTest, FirstValuesOfEveryTensorAreThoseOfTheReference) {
  const auto index =
      nlohmann::json::parse(ReadFile(kGolden / "robustness/index.json"));
  for (const char* name : {"ok", "ok_unpadded_header", "ok_data_order",
                           "ok_header_order", "ok_escaped_names"}) {
    auto checkpoint = Checkpoint::Open(
        (kGolden / "robustness" / (std::string(name) + ".safetensors"))
            .string());
    ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
    for (const auto& [tensor_name, base] : index["base"].items()) {
      const StoredTensor& tensor = (*checkpoint)->Tensor(tensor_name);
      for (size_t i = 0; i < base["first"].size(); ++i) {
        float value = 0;
        std::memcpy(&value, tensor.bytes.data() + 4 * i, sizeof value);
        EXPECT_FLOAT_EQ(value, base["first"][i].get<float>()) << tensor_name;
      }
    }
  }
}

TEST(CheckpointTest, NanIsFound) {
  auto bad = Checkpoint::Open(
      (kGolden / "robustness/nan_weight.safetensors").string());
  ASSERT_TRUE(bad.ok()) << bad.status();
  EXPECT_THAT(std::string((*bad)->CheckFinite().message()),
              HasSubstr("mixed_qkv.weight' holds NaN"));
  for (const char* name : {"ok", "ok_bf16", "ok_f16", "ok_mixed_dtypes"}) {
    auto good = Checkpoint::Open(
        (kGolden / "robustness" / (std::string(name) + ".safetensors"))
            .string());
    ASSERT_TRUE(good.ok()) << good.status();
    EXPECT_TRUE((*good)->CheckFinite().ok()) << name;
  }
}

TEST(CheckpointTest, InfinityIsFound) {
  const std::string folder = FreshFolder("infinity");
  std::string bytes = ReadFile(kGolden / "robustness/ok.safetensors");
  const float infinity = -std::numeric_limits<float>::infinity();
  std::memcpy(bytes.data() + bytes.size() - 4, &infinity, sizeof infinity);
  WriteFile(folder + "/model.safetensors", bytes);
  fs::copy(kGolden / "robustness/config.json", folder);
  auto bad = Checkpoint::Open(folder);
  ASSERT_TRUE(bad.ok()) << bad.status();
  EXPECT_THAT(std::string((*bad)->CheckFinite().message()),
              HasSubstr("holds NaN or infinity"));
}

// Whatever byte of a small file is changed: a decision, never a crash, and
// what is accepted still has every tensor inside the file.
TEST(CheckpointTest, EveryFlippedHeaderByteIsDecidedCleanly) {
  const std::string intact = ReadFile(kGolden / "robustness/ok.safetensors");
  int refused = 0;
  for (size_t i = 0; i < 1240; ++i) {
    for (int bit : {0, 3, 5, 7}) {
      std::string damaged = intact;
      damaged[i] = static_cast<char>(damaged[i] ^ (1 << bit));
      auto parsed = ParseSafetensors(
          {reinterpret_cast<const uint8_t*>(damaged.data()), damaged.size()});
      refused += parsed.ok() ? 0 : 1;
    }
  }
  EXPECT_GT(refused, 1000);
}

TEST(CheckpointTest, FolderWithoutAModelFileSaysSo) {
  const std::string folder = FreshFolder("no_model");
  auto none = Checkpoint::Open(folder);
  EXPECT_THAT(std::string(none.status().message()),
              HasSubstr("no model.safetensors"));
  fs::copy(kGolden / "tiny/model.safetensors",
           folder + "/model-gen.safetensors");
  fs::copy(kGolden / "tiny/config.json", folder + "/config.json");
  auto one = Checkpoint::Open(folder);
  ASSERT_TRUE(one.ok()) << one.status();
  EXPECT_EQ((*one)->name(), "model-gen");
  EXPECT_EQ((*one)->shape().heads, 4);
  fs::copy(kGolden / "tiny/model.safetensors", folder + "/other.safetensors");
  EXPECT_THAT(std::string(Checkpoint::Open(folder).status().message()),
              HasSubstr("several others"));
  EXPECT_EQ(Checkpoint::Open(folder + "/absent").status().code(),
            absl::StatusCode::kNotFound);
}

TEST(CheckpointTest, WithoutACardHeadsAre64Wide) {
  const std::string folder = FreshFolder("no_card");
  fs::copy(kGolden / "tiny/model.safetensors", folder + "/model.safetensors");
  auto checkpoint = Checkpoint::Open(folder);
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
  EXPECT_EQ((*checkpoint)->shape().heads, 1);
  fs::copy(kGolden / "robustness/ok.safetensors", folder + "/ok.safetensors");
  EXPECT_THAT(
      std::string(
          Checkpoint::Open(folder + "/ok.safetensors").status().message()),
      HasSubstr("name n_heads"));
}

TEST(CheckpointTest, ACardThatContradictsItsTensorsIsRefused) {
  const std::string folder = FreshFolder("contradiction");
  fs::copy(kGolden / "tiny/model.safetensors", folder + "/model.safetensors");
  WriteFile(folder + "/model.json", R"({"model": {"d_model": 128}})");
  EXPECT_THAT(std::string(Checkpoint::Open(folder).status().message()),
              HasSubstr("says d_model = 128, the tensors say 64"));
  for (const auto& [size, said] :
       {std::pair{R"("n_layers": 3)", "says layers = 3, the tensors say 2"},
        std::pair{R"("d_ff": 64)", "says d_ff = 64, the tensors say 256"},
        std::pair{R"("vocabulary_rows": 2675)", "= 2675, the tensors say 512"},
        std::pair{R"("n_heads": 3)", "64 cannot have 3 heads"}}) {
    WriteFile(folder + "/model.json",
              R"({"model": {)" + std::string(size) + "}}");
    EXPECT_THAT(std::string(Checkpoint::Open(folder).status().message()),
                HasSubstr(said));
  }
  WriteFile(folder + "/model.json", R"({"vocabulary": "default"})");
  EXPECT_THAT(std::string(Checkpoint::Open(folder).status().message()),
              HasSubstr("= 17727, the tensors say 512"));
}

TEST(ModelCardTest, ReadsWhatItWrites) {
  ModelCard card;
  card.source = "card";
  card.name = "a name";
  card.sha256 = std::string(64, 'a');
  card.vocabulary = "demo26";
  card.heads = 4;
  card.time_base = TimeBase::kBar;
  card.segment_ms = 4800;
  card.temperature = 0.7;
  card.min_p = 0.05;
  auto read = ParseModelCard(SerializeModelCard(card), "card");
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->name, card.name);
  EXPECT_EQ(read->sha256, card.sha256);
  EXPECT_EQ(read->vocabulary, card.vocabulary);
  EXPECT_EQ(read->heads, card.heads);
  EXPECT_EQ(read->time_base, card.time_base);
  EXPECT_EQ(read->segment_ms, card.segment_ms);
  EXPECT_EQ(read->temperature, card.temperature);
  EXPECT_EQ(read->min_p, card.min_p);
  EXPECT_EQ(read->top_p, std::nullopt);
}

TEST(ModelCardTest, TheTimeBaseSaysHowLongSegmentsAre) {
  const auto segment = [](const char* text) {
    return ParseModelCard(text, "card")->SegmentMs();
  };
  EXPECT_EQ(segment("{}"), 5000);
  EXPECT_EQ(segment(R"({"time_base": "bar"})"), 4800);
  EXPECT_EQ(segment(R"({"time_base": "bar", "segment_ms": 2400})"), 2400);
}

TEST(ModelCardTest, ValuesOutOfRangeAreNamed) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"sampling": {"temperature": 3}})", "'temperature' is 3"},
      {R"({"sampling": {"top_p": "x"}})", "'top_p' is \"x\""},
      {R"({"sampling": 1})", "'sampling' is 1"},
      {R"({"time_base": "beats"})", "'time_base' is \"beats\""},
      {R"({"segment_ms": 4805})", "'segment_ms' is 4805"},
      {R"({"segment_ms": 1e3})", "'segment_ms'"},
      {R"({"model": {"n_heads": 0}})", "'n_heads' is 0"},
      {R"({"model": {"n_heads": 99999999999999999999}})", "'n_heads'"},
      {R"({"vocabulary": "mine"})", "'vocabulary' is \"mine\""},
      {R"({"sha256": "AB"})", "'sha256'"},
      {R"([1])", "not a JSON object"},
      {R"({"a":)", "not a JSON object"},
  };
  for (const auto& [text, message] : cases) {
    auto card = ParseModelCard(text, "card.json");
    ASSERT_FALSE(card.ok()) << text;
    EXPECT_THAT(std::string(card.status().message()), HasSubstr(message));
    EXPECT_THAT(std::string(card.status().message()), HasSubstr("card.json"));
  }
  std::string deep(100000, '[');
  EXPECT_FALSE(ParseModelCard("{\"a\":" + deep, "card.json").ok());
}

TEST(RandomCheckpointTest, IsAValidCheckpointThatSaysItIsRandom) {
  RandomCheckpointOptions options;
  options.size = "tiny";
  options.vocabulary = VocabularyKind::kDemo26;
  options.folder = FreshFolder("random_a");
  ASSERT_TRUE(WriteRandomCheckpoint(options).ok());
  auto a = Checkpoint::Open(options.folder);
  ASSERT_TRUE(a.ok()) << a.status();
  EXPECT_THAT((*a)->name(), HasSubstr("random weights"));
  EXPECT_EQ((*a)->shape().vocabulary_rows, 2675);
  EXPECT_EQ((*a)->Sha256(), (*a)->card().sha256);
  EXPECT_TRUE((*a)->CheckFinite().ok());
  EXPECT_EQ(WriteRandomCheckpoint(options).code(),
            absl::StatusCode::kAlreadyExists);

  options.folder = FreshFolder("random_b");
  ASSERT_TRUE(WriteRandomCheckpoint(options).ok());
  EXPECT_EQ(ReadFile(options.folder + "/model.safetensors"),
            ReadFile((*a)->path()));
  options.folder = FreshFolder("random_c");
  options.seed = 2;
  ASSERT_TRUE(WriteRandomCheckpoint(options).ok());
  EXPECT_NE(ReadFile(options.folder + "/model.safetensors"),
            ReadFile((*a)->path()));
}

TEST(RandomCheckpointTest, AriasOwnSizeHasItsParameters) {
  ModelShape shape = *NamedShape("medium");
  shape.vocabulary_rows = 17727;
  EXPECT_EQ(shape.parameters(), 658538496);
  const ModelShape any = *NamedShape("8x512");
  EXPECT_EQ(any.layers, 8);
  EXPECT_EQ(any.heads, 8);
  EXPECT_EQ(any.d_ff, 2048);
  for (const char* none : {"huge", "8x500", "8x0", "0x64", "x64", "8x", "8x64x",
                           "-1x64", "65x64", "1x8256", "8x9999999999"}) {
    EXPECT_FALSE(NamedShape(none).has_value()) << none;
  }
}

}  // namespace
}  // namespace antiphon::inference
