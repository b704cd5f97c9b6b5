// SPDX-License-Identifier: Apache-2.0
#include "common/config_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace antiphon {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// A file for each test: they run side by side.
std::string Path() {
  return ::testing::TempDir() + "antiphon_" +
         ::testing::UnitTest::GetInstance()->current_test_info()->name() +
         ".toml";
}

absl::StatusOr<std::vector<Setting>> Read(const std::string& text) {
  std::ofstream(Path(), std::ios::binary) << text;
  return ReadConfigFile(Path());
}

void ExpectBad(const std::string& text, const std::string& at,
               const std::string& what) {
  const absl::Status status = Read(text).status();
  EXPECT_TRUE(absl::IsInvalidArgument(status)) << text;
  EXPECT_THAT(std::string(status.message()), HasSubstr(Path() + at)) << text;
  EXPECT_THAT(std::string(status.message()), HasSubstr(what)) << text;
}

TEST(ConfigFile, GivesValuesAsFlagsTakeThem) {
  const auto settings = Read(
      "# the stage\n"
      "session-dir = \"/tmp/a b\"\n"
      "tempo = 97.3  # exact\n"
      "bars = 1_000\n"
      "insecure = true\n"
      "metrics = ''\n");
  ASSERT_TRUE(settings.ok()) << settings.status();
  std::vector<std::string> read;
  for (const Setting& s : *settings) read.push_back(s.name + "|" + s.value);
  EXPECT_THAT(read, ElementsAre("session-dir|/tmp/a b", "tempo|97.3",
                                "bars|1000", "insecure|true", "metrics|"));
  EXPECT_EQ(settings->front().words, Path() + ":2: session-dir = \"/tmp/a b\"");
  EXPECT_EQ(settings->at(1).kind, Setting::Kind::kNumber);
  EXPECT_EQ(settings->at(2).kind, Setting::Kind::kWhole);
  EXPECT_EQ(settings->at(3).kind, Setting::Kind::kTruth);
  EXPECT_TRUE(Read("")->empty());
}

TEST(ConfigFile, WhatIsNoSettingIsNamedWithItsLine) {
  ExpectBad("tempo = \n", ":1: ", "expected");
  ExpectBad("a = 1\ntempo 90\n", ":2: ", "");
  ExpectBad("a = 1\nb = 2\na = 3\n", ":3: ", "redefine");
  ExpectBad("a = \"open\n", ":1: ", "");
  ExpectBad("a = \"\xFF\"\n", ":1: ", "");
  ExpectBad("a = 99999999999999999999\n", ":1: ", "");
  ExpectBad("\n[edge]\ntempo = 90\n", ":2: edge", "table");
  ExpectBad("in = [\"a\", \"b\"]\n", ":1: in", "list");
  ExpectBad("when = 1979-05-27\n", ":1: when", "date");
  ExpectBad(std::string(size_t{1} << 21, '\n'), ": ", "larger than 1 MiB");
}

TEST(ConfigFile, WhatIsNoFileIsNamed) {
  std::filesystem::remove(Path());
  for (const std::string& path : {Path(), ::testing::TempDir(),
                                  std::string("/dev/zero"), std::string()}) {
    const absl::Status status = ReadConfigFile(path).status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << path;
    EXPECT_THAT(std::string(status.message()),
                HasSubstr(path + ": is no file; give"));
  }
}

}  // namespace
}  // namespace antiphon
