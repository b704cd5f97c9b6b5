// SPDX-License-Identifier: Apache-2.0
//
// A program that a test starts: found on the PATH where its name has no slash,
// with what it prints in a file. It ends with this object (SIGTERM, then
// SIGKILL), and with the test should that die.
#ifndef ANTIPHON_TESTS_INTEGRATION_CHILD_PROCESS_H_
#define ANTIPHON_TESTS_INTEGRATION_CHILD_PROCESS_H_

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace antiphon::testing {

class ChildProcess {
 public:
  static constexpr auto kExitPatience = std::chrono::seconds(3);

  // `words` are the program and its arguments. The file `log` is written anew
  // and is removed at the end.
  ChildProcess(std::vector<std::string> words, std::string log);
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  // To its standard input.
  void Say(const std::string& text);
  void Signal(int number);
  pid_t id() const { return pid_; }
  // Exit status, or 128 + the signal that ended it; none while it runs.
  std::optional<int> ExitStatus();
  std::optional<int> WaitForExit(std::chrono::milliseconds patience);
  // What it has printed.
  std::string Log() const;

 private:
  const std::string log_path_;
  pid_t pid_ = -1;
  int input_ = -1;  // our end of its standard input
  std::optional<int> status_;
};

}  // namespace antiphon::testing

#endif  // ANTIPHON_TESTS_INTEGRATION_CHILD_PROCESS_H_
