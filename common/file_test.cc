// SPDX-License-Identifier: Apache-2.0
#include "common/file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"

namespace antiphon {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class ReadFileTest : public ::testing::Test {
 protected:
  ReadFileTest() {
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }

  std::string Write(const std::string& text) {
    const std::string path = folder_ / "file";
    std::ofstream(path, std::ios::binary) << text;
    return path;
  }
  static std::string ProblemOf(const std::string& path) {
    return std::string(ReadFile(path, 1000).status().message());
  }

  // One for each test: they run side by side.
  const fs::path folder_ =
      fs::path(testing::TempDir()) /
      absl::StrCat(
          "antiphon_read_file_",
          testing::UnitTest::GetInstance()->current_test_info()->name());
};

TEST_F(ReadFileTest, GivesEveryByteUpToTheLimit) {
  for (const int size : {0, 1, 999, 1000}) {
    const std::string text(static_cast<size_t>(size), '\0');
    EXPECT_EQ(*ReadFile(Write(text), 1000), text);
  }
  EXPECT_THAT(ProblemOf(Write(std::string(1001, 'x'))),
              HasSubstr("longer than 1000 bytes"));
  const std::string large(200'000, 'y');  // of several blocks
  EXPECT_EQ(*ReadFile(Write(large), large.size()), large);
}

TEST_F(ReadFileTest, WhatIsNoFileIsNamedAndNeverWaitedFor) {
  const std::string pipe = folder_ / "pipe";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_THAT(ProblemOf(pipe), HasSubstr("but a pipe"));
  EXPECT_THAT(ProblemOf(folder_), HasSubstr("but a folder"));
  EXPECT_THAT(ProblemOf("/dev/zero"), HasSubstr("but a device"));
  EXPECT_THAT(ProblemOf("/dev/null"), HasSubstr("but a device"));
  const auto absent = ReadFile(folder_ / "absent", 1000);
  EXPECT_TRUE(absl::IsNotFound(absent.status()));
}

}  // namespace
}  // namespace antiphon
