// SPDX-License-Identifier: Apache-2.0
//
// antiphon-inference as a program: wrong usage is one line on stderr that names
// the value, and exit status 2; SIGTERM ends it with 0.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/metrics/metrics.h"

namespace antiphon::inference {
namespace {

using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

struct Result {
  int status = -1;   // 128 and more: ended by a signal
  std::string text;  // stdout and stderr
};

// Runs the program. One that gets ready is sent SIGTERM; one that says nothing
// is ended by SIGALRM.
Result Start(std::vector<std::string> flags) {
  std::string program =
      std::string(ANTIPHON_BINARY_DIR) + "/bin/antiphon-inference";
  std::vector<char*> args = {program.data()};
  for (std::string& flag : flags) args.push_back(flag.data());
  args.push_back(nullptr);
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return {};
  const pid_t child = fork();
  if (child == 0) {
    dup2(ends[1], STDOUT_FILENO);
    dup2(ends[1], STDERR_FILENO);
    alarm(20);
    execv(args[0], args.data());
    _exit(127);
  }
  close(ends[1]);
  Result result;
  bool told = false;
  char buffer[4096];
  for (ssize_t n = 0; (n = read(ends[0], buffer, sizeof(buffer))) > 0;) {
    result.text.append(buffer, static_cast<size_t>(n));
    if (!told && result.text.find("ready on 127.") != std::string::npos) {
      told = true;
      kill(child, SIGTERM);
    }
  }
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  result.status =
      WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return result;
}

void ExpectWrong(const std::vector<std::string>& flags,
                 const std::string& named) {
  SCOPED_TRACE(named);
  const Result result = Start(flags);
  EXPECT_EQ(result.status, 2);
  EXPECT_THAT(result.text, AllOf(StartsWith("antiphon-inference: "),
                                 HasSubstr(named), EndsWith("\n")));
  EXPECT_EQ(std::count(result.text.begin(), result.text.end(), '\n'), 1)
      << result.text;
}

// With the mirror on a free port, without metrics, and these.
void ExpectWrongBesides(const std::string& flag, const std::string& named) {
  ExpectWrong({"--model=mirror", "--listen=127.0.0.1:0", "--metrics=", flag},
              named);
}

TEST(Program, HelpTeachesAndVersionIsOneLine) {
  const Result help = Start({"--help"});
  EXPECT_EQ(help.status, 0);
  EXPECT_THAT(help.text, AllOf(HasSubstr("--model=mirror"),
                               HasSubstr("--listen=127.0.0.1:50051")));
  const Result version = Start({"--version"});
  EXPECT_EQ(version.status, 0);
  EXPECT_THAT(version.text, StartsWith("antiphon-inference "));
}

TEST(Program, WrongFlagsAreNamed) {
  ExpectWrong({}, "--model is missing");
  ExpectWrongBesides("--lisen=1", "--lisen=1");
  ExpectWrongBesides("piano", "piano");
  ExpectWrongBesides("--device=abacus", "--device=abacus");
  ExpectWrongBesides("--threads=0", "--threads=0");
  ExpectWrongBesides("--context-tokens=7", "--context-tokens=7");
  ExpectWrongBesides("--context-tokens=many", "many");
  ExpectWrongBesides("--listen=127.0.0.1", "--listen=127.0.0.1 ");
  ExpectWrongBesides("--listen=127.0.0.1:99999", "99999");
  ExpectWrongBesides("--listen=0.0.0.0:0", "--insecure");
  ExpectWrongBesides("--metrics=here", "--metrics=here");
}

TEST(Program, AddressesInUseAreNamed) {
  Metrics metrics;
  const auto holder = Exporter::Create("127.0.0.1:0", &metrics);
  ASSERT_TRUE(holder.ok());
  const std::string address = absl::StrCat("127.0.0.1:", (*holder)->port());
  ExpectWrongBesides("--listen=" + address, address);
  ExpectWrongBesides("--metrics=" + address, address);
}

TEST(Program, CheckpointsThatCannotServeAreNamed) {
  const std::string golden =
      std::string(ANTIPHON_SOURCE_DIR) + "/tests/golden/model/robustness/";
  for (const char* file :
       {"nothing_here.safetensors", "empty_file.safetensors",
        "truncated_data.safetensors", "truncated_header.safetensors",
        "header_not_json.safetensors", "missing_tensor.safetensors"}) {
    ExpectWrongBesides(absl::StrCat("--model=", golden, file), file);
  }
}

TEST(Program, SaysReadyAndEndsWithZeroOnSigterm) {
  const Result result = Start(
      {"--model=mirror", "--listen=127.0.0.1:0", "--metrics=127.0.0.1:0"});
  EXPECT_EQ(result.status, 0) << result.text;
  EXPECT_THAT(result.text,
              AllOf(HasSubstr("ready on 127.0.0.1:"), HasSubstr("draining")));
}

}  // namespace
}  // namespace antiphon::inference
