// SPDX-License-Identifier: Apache-2.0
//
// The reference's numbers: rotary tables, logits of every position, greedy
// continuations, keys and values, and the conditioning vector of demo26.
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "inference/model/aria_network.h"
#include "inference/model/attention.h"
#include "inference/model/test_models.h"

namespace antiphon::inference {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

constexpr float kTolerance = 5e-5f;  // that of the vectors

TokenId Argmax(absl::Span<const float> row) {
  return static_cast<TokenId>(std::max_element(row.begin(), row.end()) -
                              row.begin());
}

TEST(RopeTableTest, RowsAreThoseOfTheReference) {
  const Json vectors = ReadJson(kGolden / "tiny/vectors.json");
  for (const auto& [key, width] :
       {std::pair{"rope", 16}, std::pair{"rope_dhead64", 64}}) {
    const RopeTable table(8192, width);
    for (const Json& row : vectors[key]) {
      const int position = row["pos"];
      for (int i = 0; i < width / 2; ++i) {
        const size_t at = static_cast<size_t>(i);
        EXPECT_NEAR(table.Cosines(position)[i], row["cos"][at].get<float>(),
                    1e-6f)
            << key << " position " << position << " pair " << i;
        EXPECT_NEAR(table.Sines(position)[i], row["sin"][at].get<float>(),
                    1e-6f);
      }
    }
  }
}

class GoldenVectors : public ::testing::TestWithParam<const char*> {
 protected:
  const Json vectors_ = ReadJson(kGolden / GetParam() / "vectors.json");
  const std::unique_ptr<TorchModel> model_ =
      Open((kGolden / GetParam()).string());
  const size_t rows_ = static_cast<size_t>(model_->info().vocabulary_rows);
};

// The argmax at each of `ids`; all logits into `logits`.
std::vector<TokenId> ReadAll(TorchModel& model, const std::vector<TokenId>& ids,
                             std::vector<float>& logits) {
  const size_t rows = static_cast<size_t>(model.info().vocabulary_rows);
  logits.resize(ids.size() * rows);
  model.Rewind(0, 0);
  EXPECT_TRUE(model.PrefillAll(0, ids, absl::MakeSpan(logits)).ok());
  std::vector<TokenId> argmax;
  for (size_t i = 0; i < ids.size(); ++i) {
    argmax.push_back(Argmax({logits.data() + i * rows, rows}));
  }
  return argmax;
}

TEST_P(GoldenVectors, LogitsOfEveryPositionAreThoseOfTheReference) {
  for (const Json& prompt : vectors_["prompts"]) {
    std::vector<float> logits;
    EXPECT_EQ(ReadAll(*model_, prompt["ids"], logits),
              prompt["argmax"].get<std::vector<TokenId>>());
    for (const Json& row : prompt["logits"]) {
      const size_t position = row["pos"];
      for (size_t i = 0; i < rows_; ++i) {
        ASSERT_NEAR(logits[position * rows_ + i], row["values"][i].get<float>(),
                    kTolerance)
            << prompt["name"] << " position " << position << " id " << i;
      }
    }
  }
}

// As a branch behind a trunk that holds what came before `row`.
void ExpectGreedy(TorchModel& model, std::vector<float> row,
                  const Json& prompt) {
  model.StartBranch(0);
  for (size_t step = 0; step < prompt["greedy"].size(); ++step) {
    const TokenId token = Argmax(row);
    EXPECT_EQ(token, prompt["greedy"][step].get<TokenId>()) << step;
    if (prompt.contains("greedy_step_max_logit")) {
      EXPECT_NEAR(row[static_cast<size_t>(token)],
                  prompt["greedy_step_max_logit"][step].get<float>(),
                  kTolerance);
    }
    if (prompt.contains("greedy_step_logits_first8")) {
      const Json& first = prompt["greedy_step_logits_first8"][step];
      for (size_t i = 0; i < first.size(); ++i) {
        EXPECT_NEAR(row[i], first[i].get<float>(), kTolerance);
      }
    }
    ASSERT_TRUE(model.DecodeStep({{0, token}}, absl::MakeSpan(row)).ok());
  }
}

TEST_P(GoldenVectors, GreedyContinuationIsThatOfTheReference) {
  for (const Json& prompt : vectors_["prompts"]) {
    const auto ids = prompt["ids"].get<std::vector<TokenId>>();
    ExpectGreedy(*model_, OneShot(*model_, ids), prompt);
  }
}

INSTANTIATE_TEST_SUITE_P(Models, GoldenVectors,
                         ::testing::Values("tiny", "demo26"));

// All heads of one position, one after the other.
std::vector<float> AllHeads(const AriaNetwork& network, bool keys,
                            size_t position) {
  const KvCache::Shape& shape = network.cache().shape();
  std::vector<float> values;
  for (int head = 0; head < shape.heads; ++head) {
    const KvCache::Head trunk = network.cache().Trunk(0, 0, head);
    const auto width = static_cast<size_t>(shape.head_width);
    const float* from = (keys ? trunk.keys : trunk.values) + position * width;
    values.insert(values.end(), from, from + width);
  }
  return values;
}

void ExpectStartAndNorm(const std::vector<float>& values, const Json& wanted) {
  double squares = 0;
  for (const float value : values) squares += double{value} * double{value};
  EXPECT_NEAR(std::sqrt(squares), wanted["l2"].get<double>(), kTolerance);
  for (size_t i = 0; i < wanted["first8"].size(); ++i) {
    EXPECT_NEAR(values[i], wanted["first8"][i].get<float>(), kTolerance);
  }
}

KvCache::Shape OneSlotOf(const ModelShape& shape) {
  KvCache::Shape cache;
  cache.layers = shape.layers;
  cache.slots = 1;
  cache.heads = shape.heads;
  cache.head_width = shape.head_width();
  cache.trunk_positions = 64;
  cache.branch_positions = 1;
  return cache;
}

TEST(GoldenActivations, FirstKeysAndValuesAreThoseOfTheReference) {
  const auto checkpoint = Checkpoint::Open((kGolden / "demo26").string());
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
  const Json vectors = ReadJson(kGolden / "demo26/vectors.json");
  AriaNetwork network(**checkpoint, OneSlotOf((*checkpoint)->shape()),
                      ComputeType::kF32, Device::kCpu);
  std::vector<NetworkRow> rows;
  for (const Json& id : vectors["activations_ids"]) {
    const int visible = static_cast<int>(rows.size()) + 1;
    rows.push_back({0, id.get<TokenId>(), visible, 0, nullptr});
  }
  network.Forward(absl::MakeSpan(rows).first(16), Products::kMany, {});
  network.Forward(absl::MakeSpan(rows).subspan(16), Products::kMany, {});
  const Json& inner = vectors["activations"];
  for (size_t i = 0; i < rows.size(); ++i) {
    SCOPED_TRACE(i);
    ExpectStartAndNorm(AllHeads(network, true, i),
                       inner["layer0.k_after_rope"][i]);
    ExpectStartAndNorm(AllHeads(network, false, i), inner["layer0.v"][i]);
  }
}

struct TensorFile {
  Json header;
  std::string data;
};

TensorFile ReadTensors(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string all(std::istreambuf_iterator<char>(file), {});
  uint64_t length = 0;
  std::memcpy(&length, all.data(), sizeof length);
  return {Json::parse(all.substr(8, length)), all.substr(8 + length)};
}

// The golden model with its adapter, in one file as they are released.
std::string ConditionedCheckpoint(const std::string& name) {
  TensorFile whole = ReadTensors(kGolden / "demo26/model.safetensors");
  const TensorFile more = ReadTensors(kGolden / "demo26/adapter.safetensors");
  Json adapter = more.header["embedding_adapter.weight"];
  for (Json& offset : adapter["data_offsets"]) {
    offset = offset.get<size_t>() + whole.data.size();
  }
  whole.header["embedding_adapter.weight"] = adapter;
  const fs::path folder =
      fs::path(ANTIPHON_BINARY_DIR) / "golden_vectors_test" / name;
  fs::remove_all(folder);
  fs::create_directories(folder);
  fs::copy(kGolden / "demo26/config.json", folder);
  const std::string header = whole.header.dump();
  const uint64_t length = header.size();
  std::ofstream file(folder / "model.safetensors", std::ios::binary);
  file.write(reinterpret_cast<const char*>(&length), sizeof length);
  file << header << whole.data << more.data;
  return folder.string();
}

std::vector<float> EmbeddingOf(const Json& vectors) {
  return vectors["embedding"].get<std::vector<float>>();
}

TEST(ConditionedModel, LogitsAreThoseOfTheReference) {
  const std::string folder = ConditionedCheckpoint("logits");
  const Json cases = ReadJson(kGolden / "demo26/vectors_cond.json")["cases"];
  for (const Json& vectors : cases) {
    SCOPED_TRACE(vectors["name"]);
    TorchModel::Options options;
    options.slots = 2;
    // Free play is zeros, without saying so.
    if (vectors["name"] != "zero") options.embedding = EmbeddingOf(vectors);
    auto model = Open(folder, options);
    EXPECT_EQ(model->info().max_position, 255);
    std::vector<float> logits;
    EXPECT_EQ(ReadAll(*model, vectors["ids"], logits),
              vectors["argmax"].get<std::vector<TokenId>>());
    const std::vector<float> last(logits.end() - 2675, logits.end());
    double squares = 0;
    for (const float value : last) squares += double{value} * double{value};
    EXPECT_NEAR(std::sqrt(squares), vectors["logits_last_l2"].get<double>(),
                1e-3);
    for (size_t i = 0; i < 64; ++i) {
      EXPECT_NEAR(last[i], vectors["logits_last_first64"][i].get<float>(),
                  kTolerance);
    }
    ExpectGreedy(*model, last, vectors);
    // Every slot has the vector, and rewinding leaves it there.
    model->Rewind(0, 0);
    const auto ids = vectors["ids"].get<std::vector<TokenId>>();
    std::vector<float> row(2675);
    for (const SlotId slot : {0, 1}) {
      ASSERT_TRUE(model->Prefill(slot, ids, absl::MakeSpan(row)).ok());
      EXPECT_EQ(row, last);
    }
  }
}

TEST(ConditionedModel, PositionZeroHoldsTheReferencesKeysAndValues) {
  const auto checkpoint = Checkpoint::Open(ConditionedCheckpoint("slot0"));
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
  const Json cases = ReadJson(kGolden / "demo26/vectors_cond.json")["cases"];
  AriaNetwork network(**checkpoint, OneSlotOf((*checkpoint)->shape()),
                      ComputeType::kF32, Device::kCpu);
  for (const Json& vectors : cases) {
    SCOPED_TRACE(vectors["name"]);
    network.Condition(**checkpoint, EmbeddingOf(vectors));
    for (const bool keys : {true, false}) {
      const Json& wanted = vectors[keys ? "layer0_slot0_key_per_head"
                                        : "layer0_slot0_value_per_head"];
      const std::vector<float> found = AllHeads(network, keys, 0);
      for (size_t i = 0; i < found.size(); ++i) {
        EXPECT_NEAR(found[i], wanted[i / 16][i % 16].get<float>(), kTolerance);
      }
    }
  }
}

TEST(ConditionedModel, AnEmbeddingOfAnotherWidthIsRefused) {
  TorchModel::Options options;
  options.embedding.resize(3);
  for (const auto& [path, due] :
       {std::pair{ConditionedCheckpoint("width"),
                  "of 3 values for an adapter "
                  "of 32"},
        std::pair{(kGolden / "demo26").string(), "of 0"}}) {
    const auto checkpoint = Checkpoint::Open(path);
    ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
    EXPECT_THAT(
        std::string(
            TorchModel::Create(**checkpoint, options).status().message()),
        HasSubstr(due));
  }
}

}  // namespace
}  // namespace antiphon::inference
