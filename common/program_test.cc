// SPDX-License-Identifier: Apache-2.0
#include "common/program.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/flags/flag.h"

ABSL_FLAG(std::string, tune, "", "a text");
ABSL_FLAG(int, verse_count, 1, "a number");
ABSL_FLAG(bool, loud, false, "a switch");

namespace antiphon {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

absl::StatusOr<CommandLine> Parse(std::vector<std::string> words) {
  words.insert(words.begin(), "program");
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  return ParseFlags(static_cast<int>(argv.size()), argv.data());
}

std::string WhatIsWrong(const std::vector<std::string>& words) {
  return std::string(Parse(words).status().message());
}

TEST(Flags, AreSetAndToldInTheWordsOfTheUser) {
  const auto line =
      Parse({"--tune=waltz", "a", "--verse-count", "3", "--loud"});
  ASSERT_TRUE(line.ok()) << line.status();
  EXPECT_THAT(line->arguments, ElementsAre("a"));
  EXPECT_THAT(line->given,
              ElementsAre(Pair("loud", "--loud"), Pair("tune", "--tune=waltz"),
                          Pair("verse_count", "--verse-count=3")));
  EXPECT_EQ(absl::GetFlag(FLAGS_tune), "waltz");
  EXPECT_EQ(absl::GetFlag(FLAGS_verse_count), 3);
  EXPECT_TRUE(absl::GetFlag(FLAGS_loud));
  EXPECT_TRUE(Parse({"--noloud", "--tune="}).ok());
  EXPECT_FALSE(absl::GetFlag(FLAGS_loud));
  EXPECT_EQ(absl::GetFlag(FLAGS_tune), "");
}

TEST(Flags, WhatIsWrongIsNamed) {
  EXPECT_EQ(WhatIsWrong({"--tone=1"}),
            "unknown flag --tone=1; --help lists the flags");
  EXPECT_EQ(
      WhatIsWrong({"--verse_count=x"}),
      "--verse_count=x is not a value that it takes; want a whole number");
  EXPECT_EQ(WhatIsWrong({"--loud", "--noloud"}),
            "--noloud is given after --loud; give it once");
  EXPECT_EQ(WhatIsWrong({"--tune"}), "--tune needs a value");
}

TEST(Program, ExitCodesTellWrongInputFromFailedWork) {
  EXPECT_EQ(ExitCode(absl::OkStatus()), 0);
  EXPECT_EQ(ExitCode(absl::InvalidArgumentError("x")), 2);
  EXPECT_EQ(ExitCode(absl::NotFoundError("x")), 2);
  EXPECT_EQ(ExitCode(absl::UnavailableError("x")), 2);  // address in use
  EXPECT_EQ(ExitCode(absl::DataLossError("x")), 1);     // disk full
  EXPECT_EQ(ExitCode(absl::ResourceExhaustedError("x")), 1);
  EXPECT_EQ(ExitCode(absl::InternalError("x")), 1);
}

TEST(Program, AnErrorIsOneLineWhateverItHolds) {
  char name[] = "program";
  char* argv[] = {name, nullptr};
  ::testing::internal::CaptureStderr();
  const int code = RunProgram({.name = "fiddle", .version = "1", .help = ""}, 1,
                              argv, [](const CommandLine& line) {
                                EXPECT_THAT(line.given, IsEmpty());
                                return absl::NotFoundError("no port \"a\nb\"");
                              });
  EXPECT_EQ(::testing::internal::GetCapturedStderr(),
            "fiddle: no port \"a?b\"\n");
  EXPECT_EQ(code, 2);
}

}  // namespace
}  // namespace antiphon
