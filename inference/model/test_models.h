// SPDX-License-Identifier: Apache-2.0
//
// For tests of TorchModel: golden files, and a checkpoint as a model.
#ifndef ANTIPHON_INFERENCE_MODEL_TEST_MODELS_H_
#define ANTIPHON_INFERENCE_MODEL_TEST_MODELS_H_

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "inference/model/torch_model.h"

namespace antiphon::inference {

using Json = nlohmann::json;

inline const std::filesystem::path kGolden =
    std::filesystem::path(ANTIPHON_SOURCE_DIR) / "tests/golden/model";

inline Json ReadJson(const std::filesystem::path& path) {
  std::ifstream file(path);
  return Json::parse(file);
}

// Where the models of the tests run. On a GPU where the environment names the
// plugin, as scripts/soak.sh does: ANTIPHON_TEST_CUDA_PLUGIN. In
// torch_model_test.cc.
Device TestDevice();

inline std::unique_ptr<TorchModel> Open(const std::string& path,
                                        TorchModel::Options options = {}) {
  options.device = TestDevice();
  auto checkpoint = Checkpoint::Open(path);
  EXPECT_TRUE(checkpoint.ok()) << checkpoint.status();
  auto model = TorchModel::Create(**checkpoint, options);
  EXPECT_TRUE(model.ok()) << model.status();
  return *std::move(model);
}

// The logits after the whole of `tokens`, in one call on a fresh slot.
inline std::vector<float> OneShot(TorchModel& model,
                                  absl::Span<const TokenId> tokens) {
  model.Rewind(0, 0);
  std::vector<float> row(static_cast<size_t>(model.info().vocabulary_rows));
  EXPECT_TRUE(model.Prefill(0, tokens, absl::MakeSpan(row)).ok());
  return row;
}

}  // namespace antiphon::inference

#endif  // ANTIPHON_INFERENCE_MODEL_TEST_MODELS_H_
