// SPDX-License-Identifier: Apache-2.0
//
// Runs antiphon-model evaluate as people do, over windows of the examples.
#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/execute.h"

namespace {

namespace fs = std::filesystem;
using antiphon::testing::Execute;
using antiphon::testing::Executed;
using antiphon::testing::ExpectRefused;
using Json = nlohmann::json;
using ::testing::HasSubstr;

const std::string kTool =
    std::string(ANTIPHON_BINARY_DIR) + "/bin/antiphon-model";
const std::string kExamples = std::string(ANTIPHON_SOURCE_DIR) + "/examples";

// Two calls in 4/4 and one in 3/4, and a long one.
constexpr char kWindows[] =
    "file,task,ticks_per_bar,call_start_tick,response_start_tick,end_tick\n"
    "evening_4_4.mid,call_response_2_2,1920,0,3840,7680\n"
    "hurry_tempo_changes.mid,call_response_2_2,1920,7680,11520,15360\n"
    "waltz_3_4.mid,call_response_2_2,1440,2880,5760,8640\n"
    "evening_4_4.mid,continuation_8_8,1920,0,15360,30720\n";

// Each test has a folder of its own: tests run side by side.
fs::path Scratch() {
  const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
  const fs::path folder =
      fs::path(ANTIPHON_BINARY_DIR) / "evaluate_tool_test" / test->name();
  fs::create_directories(folder);
  return folder;
}

std::string Write(const std::string& name, const std::string& text) {
  const fs::path path = Scratch() / name;
  std::ofstream(path, std::ios::binary) << text;
  return path.string();
}

std::vector<std::string> Evaluate(std::vector<std::string> flags,
                                  const std::string& windows = kWindows) {
  flags.insert(flags.begin(), {"evaluate", "--midi=" + kExamples,
                               "--windows=" + Write("windows.csv", windows)});
  return flags;
}

TEST(EvaluateTest, BaselinesNeedNoModel) {
  const Executed run = Execute(kTool, Evaluate({}));
  ASSERT_EQ(run.status, 0) << run.err;
  for (const char* part :
       {"2 + 2 bars, 3 windows", "8 + 8 bars, 1 windows", "| human |",
        "| repeat the call | 1.000 (+", "| Markov-2 (interval, gap) |",
        "no 4-gram row", "no model rows"}) {
    EXPECT_THAT(run.out, HasSubstr(part));
  }
}

TEST(EvaluateTest, TheFourGramLearnsFromAFolder) {
  const Executed run =
      Execute(kTool, Evaluate({"--json", "--train=" + kExamples}));
  ASSERT_EQ(run.status, 0) << run.err;
  const Json json = Json::parse(run.out);
  // It has seen these very pieces, and without them knows nothing.
  EXPECT_GT(json["four_gram_nats_per_note"], 1);
  EXPECT_LT(json["four_gram_nats_per_note"], 12);
  EXPECT_EQ(json["rows"]["four_gram"]["answers"], 9);
  EXPECT_GT(json["rows"]["four_gram"]["in_key"], 0.5);
  EXPECT_THAT(json["remarks"].dump(), HasSubstr("learnt from 6 files"));
}

TEST(EvaluateTest, ALimitLeavesWindowsOut) {
  const Executed run = Execute(kTool, Evaluate({"--json", "--limit=2"}));
  ASSERT_EQ(run.status, 0) << run.err;
  const Json json = Json::parse(run.out);
  EXPECT_EQ(json["windows"], 2);
  EXPECT_EQ(json["windows_8_8"], 1);
  EXPECT_TRUE(json["nats_per_note"].is_null());
}

TEST(EvaluateTest, WhatCannotBeEvaluatedIsRefused) {
  ExpectRefused(kTool, {"evaluate", "--midi=x"}, "--windows is missing");
  ExpectRefused(kTool, {"evaluate", "--midi=x", "--windows=absent.csv"},
                "--windows=absent.csv: ");
  for (const auto& [flag, named] :
       {std::pair{"--samples=0", "--samples=0 is not within 1 to 100"},
        {"--bars=2", "--bars=2 is no flag of evaluate"},
        {"--train=absent", "--train=absent cannot be read"},
        {"--model=absent", ANTIPHON_HAS_TORCH ? "absent" : "libtorch"}}) {
    ExpectRefused(kTool, Evaluate({flag}), named);
  }
  const fs::path empty = Scratch() / "empty";
  fs::create_directories(empty);
  ExpectRefused(kTool, Evaluate({"--train=" + empty.string()}),
                "holds no MIDI file");
}

TEST(EvaluateTest, WindowsOfOtherMusicAreRefused) {
  std::string header = kWindows;
  header.resize(header.find('\n') + 1);
  const auto refused = [](const std::string& windows,
                          const std::string& named) {
    ExpectRefused(kTool, Evaluate({}, windows), named);
  };
  refused("a,b\n", "windows.csv: line 1: no column named file");
  refused(header + "absent.mid,call_response_2_2,1920,0,3840,7680\n",
          "absent.mid");
  refused(
      header + "waltz_3_4.mid,call_response_2_2,1440,960000,962880,965760\n",
      "window of waltz_3_4.mid at tick 960000 has no notes");
}

#if ANTIPHON_HAS_TORCH

TEST(EvaluateTest, AModelIsReadPairedAndPlayed) {
  const fs::path folder = Scratch() / "noise";
  fs::remove_all(folder);
  const Executed init =
      Execute(kTool, {"init", "--config=tiny", "--vocab=demo26", "--seed=5",
                      "--out=" + folder.string()});
  ASSERT_EQ(init.status, 0) << init.err;
  const std::vector<std::string> command = Evaluate(
      {"--json", "--samples=1", "--model=" + folder.string(), "--limit=3"});
  const Executed run = Execute(kTool, command);
  ASSERT_EQ(run.status, 0) << run.err;
  const Json json = Json::parse(run.out);
  // Noise expects any of 2675 tokens, three a note and the <T>s.
  EXPECT_NEAR(json["nats_per_note"].get<double>(), 3.1 * std::log(2675), 2);
  EXPECT_EQ(json["by_source"].size(), 1u);
  EXPECT_NEAR(json["by_class"]["onset"].get<double>(), std::log(2675), 0.5);
  EXPECT_EQ(json["pairs"], 2);  // the waltz is alone in its meter
  for (const char* row : {"model", "model_jittered"}) {
    EXPECT_EQ(json["rows"][row]["answers"], 3) << row;
    EXPECT_LT(json["rows"][row]["copy"], 0.1) << row;
    EXPECT_EQ(json["rows_8_8"][row]["answers"], 1) << row;
  }
  EXPECT_NE(json["rows"]["model"], json["rows"]["model_jittered"]);
  EXPECT_EQ(Execute(kTool, command).out, run.out);
}

#endif

}  // namespace
