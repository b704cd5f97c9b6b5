// SPDX-License-Identifier: Apache-2.0
#include "tests/integration/child_process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>
#include <utility>

namespace antiphon::testing {
namespace {

constexpr auto kPoll = std::chrono::milliseconds(2);

// Runs in the child: only calls that are safe after a fork.
[[noreturn]] void Become(char* const* arguments, int input,
                         const char* log_path) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  dup2(input, STDIN_FILENO);
  const int log =
      open(log_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (log >= 0) {
    dup2(log, STDOUT_FILENO);
    dup2(log, STDERR_FILENO);
  }
  execvp(arguments[0], arguments);
  _exit(127);
}

}  // namespace

ChildProcess::ChildProcess(std::vector<std::string> words, std::string log)
    : log_path_(std::move(log)) {
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  int ends[2];
  // Not a pipe: writing to a program that has ended must not end the test.
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return;
  input_ = ends[1];
  pid_ = fork();
  if (pid_ == 0) Become(arguments.data(), ends[0], log_path_.c_str());
  close(ends[0]);
}

ChildProcess::~ChildProcess() {
  Signal(SIGCONT);  // one that is stopped would not see the next
  Signal(SIGTERM);
  if (!WaitForExit(kExitPatience)) {
    Signal(SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  if (input_ >= 0) close(input_);
  std::error_code ignored;
  std::filesystem::remove(log_path_, ignored);
}

void ChildProcess::Say(const std::string& text) {
  size_t said = 0;
  while (said < text.size()) {
    const ssize_t n =
        send(input_, text.data() + said, text.size() - said, MSG_NOSIGNAL);
    if (n <= 0) return;
    said += static_cast<size_t>(n);
  }
}

void ChildProcess::Signal(int number) {
  if (!ExitStatus()) kill(pid_, number);
}

std::optional<int> ChildProcess::ExitStatus() {
  if (!status_ && pid_ <= 0) status_ = 127;
  int status = 0;
  if (!status_ && waitpid(pid_, &status, WNOHANG) != 0) {
    status_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
  return status_;
}

std::optional<int> ChildProcess::WaitForExit(
    std::chrono::milliseconds patience) {
  const auto give_up = std::chrono::steady_clock::now() + patience;
  while (!ExitStatus() && std::chrono::steady_clock::now() < give_up) {
    std::this_thread::sleep_for(kPoll);
  }
  return ExitStatus();
}

std::string ChildProcess::Log() const {
  std::ifstream in(log_path_);
  return std::string(std::istreambuf_iterator<char>(in), {});
}

}  // namespace antiphon::testing
