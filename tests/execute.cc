// SPDX-License-Identifier: Apache-2.0
#include "tests/execute.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "absl/strings/str_join.h"

namespace antiphon::testing {
namespace {

using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

// Appends what is there; false at the end.
bool ReadSome(int fd, std::string& text) {
  char buffer[4096];
  const ssize_t n = read(fd, buffer, sizeof(buffer));
  if (n > 0) text.append(buffer, static_cast<size_t>(n));
  return n > 0;
}

void Collect(int out, int err, pid_t child, const std::string& stop_at,
             Executed& result) {
  pollfd fds[] = {{out, POLLIN, 0}, {err, POLLIN, 0}};
  bool told = stop_at.empty();
  while (fds[0].fd >= 0 || fds[1].fd >= 0) {
    if (poll(fds, 2, -1) < 0) return;
    if (fds[0].revents != 0 && !ReadSome(out, result.out)) fds[0].fd = -1;
    if (fds[1].revents != 0 && !ReadSome(err, result.err)) fds[1].fd = -1;
    if (!told && result.err.find(stop_at) != std::string::npos) {
      told = true;
      kill(child, SIGTERM);
    }
  }
}

}  // namespace

Executed Execute(const std::string& program,
                 const std::vector<std::string>& arguments,
                 const ExecuteOptions& options) {
  std::vector<std::string> words = {program};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  int out[2], err[2];
  if (pipe2(out, O_CLOEXEC) != 0 || pipe2(err, O_CLOEXEC) != 0) return {};
  const pid_t child = fork();
  if (child == 0) {
    dup2(out[1], STDOUT_FILENO);
    dup2(err[1], STDERR_FILENO);
    alarm(options.max_seconds);
    if (options.in_child) options.in_child();
    execv(argv[0], argv.data());
    _exit(127);
  }
  close(out[1]);
  close(err[1]);
  Executed result;
  Collect(out[0], err[0], child, options.stop_at, result);
  close(out[0]);
  close(err[0]);
  int status = 0;
  rusage used{};
  wait4(child, &status, 0, &used);
  result.peak_resident_bytes = used.ru_maxrss * 1024;
  result.status =
      WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return result;
}

void ExpectRefused(const std::string& program,
                   const std::vector<std::string>& arguments,
                   const std::string& named) {
  SCOPED_TRACE(absl::StrJoin(arguments, " "));
  const Executed result = Execute(program, arguments);
  EXPECT_EQ(result.status, 2);
  EXPECT_EQ(result.out, "");
  const std::string name = std::filesystem::path(program).filename();
  EXPECT_THAT(result.err,
              AllOf(StartsWith(name + ": "), HasSubstr(named), EndsWith("\n")));
  EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1)
      << result.err;
}

}  // namespace antiphon::testing
