// SPDX-License-Identifier: Apache-2.0
//
// Runs antiphon-model train as a musician does who has files of their own.
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "inference/model/checkpoint.h"
#include "tests/execute.h"

namespace antiphon::inference {
namespace {

namespace fs = std::filesystem;
using antiphon::testing::Execute;
using antiphon::testing::Executed;
using antiphon::testing::ExpectRefused;
using ::testing::HasSubstr;
using ::testing::Not;

const std::string kTool =
    std::string(ANTIPHON_BINARY_DIR) + "/bin/antiphon-model";
const fs::path kSource = ANTIPHON_SOURCE_DIR;
const std::string kStarter = kSource / "models" / "starter";

class TrainToolTest : public ::testing::Test {
 protected:
  TrainToolTest() {
    if (!ANTIPHON_HAS_TORCH) return;
    const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
    folder_ = fs::path(ANTIPHON_BINARY_DIR) / "train_tool_test" / test->name();
    fs::remove_all(folder_);
    fs::create_directories(folder_ / "midi");
    fs::copy(kSource / "examples" / "waltz_3_4.mid", folder_ / "midi");
    std::ofstream(folder_ / "midi" / "broken.mid") << "no music";
  }

  // A musician's files, to `out`.
  std::vector<std::string> Flags(const std::string& out) const {
    return {"train", absl::StrCat("--midi=", (folder_ / "midi").string()),
            absl::StrCat("--out=", (folder_ / out).string()), "--sequences=1"};
  }
  static std::vector<std::string> With(std::vector<std::string> flags,
                                       const std::string& more) {
    flags.push_back(more);
    return flags;
  }
  // Stopped before its first step or a little later.
  static Executed Begin(const std::vector<std::string>& flags) {
    return Execute(kTool, flags,
                   {.stop_at = "M parameters", .max_seconds = 100});
  }

  fs::path folder_;
};

TEST_F(TrainToolTest, TheStarterIsTrainedOnAndStaysWhatItIs) {
  if (!ANTIPHON_HAS_TORCH) GTEST_SKIP() << "built without libtorch";
  const auto flags = With(Flags("mine/"), "--init-from=" + kStarter);
  const Executed first = Begin(flags);
  EXPECT_EQ(first.status, 0) << first.err;
  EXPECT_THAT(first.err, HasSubstr("skipped"));
  EXPECT_THAT(first.err, HasSubstr("broken.mid: MIDI file, byte 0"));
  EXPECT_THAT(first.out, HasSubstr("the same command goes on there"));
  EXPECT_THAT(first.out, HasSubstr("antiphon-inference --model="));
  EXPECT_EQ(Begin(flags).status, 0);

  const auto mine = Checkpoint::Open(folder_ / "mine");
  ASSERT_TRUE(mine.ok()) << mine.status();
  const auto starter = Checkpoint::Open(kStarter).value();
  EXPECT_EQ((*mine)->shape().layers, starter->shape().layers);
  EXPECT_EQ((*mine)->name(), "mine");
  EXPECT_EQ((*mine)->card().licence, starter->card().licence);
  EXPECT_TRUE(fs::exists(folder_ / "mine" / "NOTICE"));
  // The state of the training is no model.
  const Executed info = Execute(kTool, {"info", (folder_ / "mine").string()});
  EXPECT_EQ(info.status, 0) << info.err;
  EXPECT_THAT(info.out, Not(HasSubstr("cannot be used")));

  const Executed other = Begin(With(flags, "--seed=2"));
  EXPECT_EQ(other.status, 2);
  EXPECT_THAT(other.err, HasSubstr("is of another run"));
}

TEST_F(TrainToolTest, WhatCannotBeTrainedOnIsRefused) {
  if (!ANTIPHON_HAS_TORCH) GTEST_SKIP() << "built without libtorch";
  ExpectRefused(
      kTool, With(With(Flags("x"), "--init-from=" + kStarter), "--config=tiny"),
      "6 layers of width 384; leave --config out");
  ExpectRefused(kTool, With(Flags("x"), "--init-from=/no/such"),
                "--init-from=/no/such: there is nothing of that name");
  const std::string aria = kSource / "tests/golden/model/tiny";
  ExpectRefused(kTool, With(Flags("x"), "--init-from=" + aria),
                "was not trained by antiphon-model train");
}

}  // namespace
}  // namespace antiphon::inference
