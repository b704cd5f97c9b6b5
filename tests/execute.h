// SPDX-License-Identifier: Apache-2.0
//
// Runs one of the programs as a person does and keeps what it said. Every run
// ends: a program that goes on for too long gets SIGALRM.
#ifndef ANTIPHON_TESTS_EXECUTE_H_
#define ANTIPHON_TESTS_EXECUTE_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace antiphon::testing {

struct Executed {
  int status = -1;  // exit code; 128 and more: ended by that signal
  std::string out;
  std::string err;
  int64_t peak_resident_bytes = 0;
};

struct ExecuteOptions {
  // SIGTERM is sent once stderr holds this; "": never.
  std::string stop_at{};
  // Called in the child before the program: limits and the like.
  std::function<void()> in_child{};
  // Then it is ended.
  unsigned max_seconds = 20;
};

// `program` is a path.
Executed Execute(const std::string& program,
                 const std::vector<std::string>& arguments,
                 const ExecuteOptions& options = {});

// Exit code 2, nothing on stdout, and on stderr one line that begins with the
// program's name and holds `named`.
void ExpectRefused(const std::string& program,
                   const std::vector<std::string>& arguments,
                   const std::string& named);

}  // namespace antiphon::testing

#endif  // ANTIPHON_TESTS_EXECUTE_H_
