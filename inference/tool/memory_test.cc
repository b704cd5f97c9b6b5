// SPDX-License-Identifier: Apache-2.0
//
// Memory of antiphon-model: what a folder's checkpoints need, what cannot fit
// is refused, and a model in use takes no more than was said.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "inference/model/memory_need.h"
#include "tests/execute.h"
#include "tests/giant_checkpoint.h"

namespace antiphon::inference {
namespace {

namespace fs = std::filesystem;
using ::antiphon::testing::Executed;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

const std::string kProgram =
    std::string(ANTIPHON_BINARY_DIR) + "/bin/antiphon-model";
const fs::path kGolden = fs::path(ANTIPHON_SOURCE_DIR) / "tests/golden/model";

class ToolMemoryTest : public ::testing::Test {
 protected:
  ToolMemoryTest() {
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  ~ToolMemoryTest() override { fs::remove_all(folder_); }

  Executed Init(const std::string& size, const std::string& vocabulary,
                const std::string& name) const {
    Executed init = testing::Execute(
        kProgram, {"init", "--config=" + size, "--vocab=" + vocabulary,
                   "--out=" + (folder_ / name).string()});
    EXPECT_EQ(init.status, 0) << init.err;
    return init;
  }

  const fs::path folder_ =
      fs::path(ANTIPHON_BINARY_DIR) / "tool_memory_test" /
      ::testing::UnitTest::GetInstance()->current_test_info()->name();
};

TEST_F(ToolMemoryTest, InfoListsAFoldersCheckpointsByName) {
  Init("tiny", "demo26", "noise");
  fs::copy(kGolden / "robustness/ok_bf16.safetensors",
           folder_ / "b.safetensors");
  fs::copy(kGolden / "robustness/config.json", folder_);
  fs::copy(kGolden / "robustness/truncated_data.safetensors",
           folder_ / "a.safetensors");
  fs::create_directory(folder_ / "dir.safetensors");
  fs::create_directory(folder_ / "empty");
  testing::WriteGiantCheckpoint(folder_ / "noise/giant.safetensors");
  const Executed info = testing::Execute(kProgram, {"info", folder_.string()});
  EXPECT_EQ(info.status, 0) << info.err;
  const std::vector<std::string> lines = absl::StrSplit(info.out, '\n');
  ASSERT_EQ(lines.size(), 7u) << info.out;
  EXPECT_THAT(lines[0], AllOf(StartsWith("file "), HasSubstr(" vocabulary ")));
  EXPECT_THAT(lines[1],
              AllOf(StartsWith("a.safetensors "),
                    HasSubstr("  cannot be used: "), HasSubstr("outside the")));
  EXPECT_THAT(lines[2], AllOf(StartsWith("b.safetensors "),
                              HasSubstr("16 rows"), HasSubstr("1 x 8, 0.0 M"),
                              HasSubstr("BF16"), HasSubstr("300 MB, 300 MB")));
  EXPECT_THAT(lines[3], AllOf(StartsWith("dir.safetensors "),
                              HasSubstr("has no model.safetensors")));
  // Its card says another size.
  EXPECT_THAT(lines[4], AllOf(StartsWith("noise/giant.safetensors "),
                              HasSubstr("says d_model = 128")));
  EXPECT_THAT(lines[5],
              AllOf(StartsWith("noise/model.safetensors "),
                    HasSubstr("  demo26  "), HasSubstr("2 x 128, 1.3 M"),
                    HasSubstr("  F32  "), HasSubstr("308 MB, 306 MB")));
  fs::remove(folder_ / "noise/model.json");
  EXPECT_THAT(testing::Execute(kProgram, {"info", folder_.string()}).out,
              HasSubstr("4406.5 GB (too much), 2206.8 GB (too much)"));
}

TEST_F(ToolMemoryTest, InfoOfAFolderWithOneCheckpointSaysAllOfIt) {
  Init("tiny", "demo26", "noise");
  const Executed info =
      testing::Execute(kProgram, {"info", (folder_ / "noise").string()});
  EXPECT_THAT(
      info.out,
      HasSubstr("308 MB in fp32, 306 MB in bf16, 3 MB of it for 1024 tokens"));
}

#if ANTIPHON_HAS_TORCH

TEST_F(ToolMemoryTest, WhatCannotFitTheMachineIsRefusedBeforeLoading) {
  const std::string giant = (folder_ / "giant.safetensors").string();
  testing::WriteGiantCheckpoint(giant);
  const std::string tokens = (folder_ / "tokens.json").string();
  std::ofstream(tokens) << R"({"tokens":[1]})";
  const std::string example =
      std::string(ANTIPHON_SOURCE_DIR) + "/examples/waltz_3_4.mid";
  const std::string model = "--model=" + giant;
  testing::ExpectRefused(
      kProgram, {"generate", model, "--prompt=" + example, "--out=x"},
      "'" + giant + "' needs 4406.5 GB of memory (weights 4400.9 GB, contexts");
  testing::ExpectRefused(kProgram, {"logits", model, "--tokens=" + tokens},
                         ", this machine has ");
  testing::ExpectRefused(kProgram, {"bench", model, "--dtype=bf16"},
                         "needs 2218.6 GB of memory");
}

// Large enough that a second copy would show, by far.
TEST_F(ToolMemoryTest, AModelInUseTakesNoMoreThanWasSaid) {
  EXPECT_LT(Init("6x640", "default", "noise").peak_resident_bytes, 200'000'000);
  const std::string example =
      std::string(ANTIPHON_SOURCE_DIR) + "/examples/waltz_3_4.mid";
  ModelShape shape;
  shape.layers = 6, shape.d_model = 640, shape.d_ff = 4 * 640;
  shape.heads = 10, shape.vocabulary_rows = 17727;
  for (const auto& [dtype, compute] : {std::pair{"fp32", ComputeType::kF32},
                                       std::pair{"bf16", ComputeType::kBf16}}) {
    const MemoryNeed need = NeedOf(shape, compute, 1, 1024);
    const Executed run = testing::Execute(
        kProgram,
        {"generate", "--model=" + (folder_ / "noise").string(), "--bars=1",
         "--prompt=" + example, absl::StrCat("--dtype=", dtype),
         "--out=" + (folder_ / "out.mid").string()},
        {.max_seconds = 50});
    ASSERT_EQ(run.status, 0) << run.err;
    std::printf("%s: peak %s, weights %s, contexts %s\n", dtype,
                SizeText(run.peak_resident_bytes).c_str(),
                SizeText(need.weights).c_str(), SizeText(need.cache).c_str());
    EXPECT_LE(run.peak_resident_bytes, need.total());
    EXPECT_GT(run.peak_resident_bytes, need.weights);
  }
}

#endif

}  // namespace
}  // namespace antiphon::inference
