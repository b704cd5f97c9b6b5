// SPDX-License-Identifier: Apache-2.0
#include "tests/integration/jack_server.h"

#include <fcntl.h>
#include <jack/jack.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"

namespace antiphon::testing {
namespace {

constexpr auto kReadyPatience = std::chrono::seconds(8);
constexpr auto kExitPatience = std::chrono::seconds(3);
constexpr auto kPoll = std::chrono::milliseconds(20);

std::string NewServerName() {
  static std::atomic<int> count{0};
  return absl::StrCat("antiphon-test-", getpid(), "-", count++);
}

// Runs in the child: only calls that are safe after a fork.
[[noreturn]] void BecomeJackd(char* const* arguments, const char* log_path) {
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  const int log = open(log_path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  if (log >= 0) {
    dup2(log, STDOUT_FILENO);
    dup2(log, STDERR_FILENO);
  }
  execvp(arguments[0], arguments);
  _exit(127);
}

std::string ReadAll(const std::string& path) {
  std::ifstream in(path);
  return std::string(std::istreambuf_iterator<char>(in), {});
}

void Ignore(const char* /*text*/) {}

}  // namespace

absl::StatusOr<std::unique_ptr<JackServer>> JackServer::Start() {
  absl::Status status;
  for (bool real_time : {true, false}) {
    auto server = std::unique_ptr<JackServer>(new JackServer(real_time));
    server->SetEnvironment();
    server->Launch();
    status = server->WaitUntilReady();
    if (status.ok()) return server;
  }
  return status;
}

JackServer::JackServer(bool real_time)
    : name_(NewServerName()),
      log_path_((std::filesystem::temp_directory_path() / (name_ + ".log"))),
      real_time_(real_time) {}

JackServer::~JackServer() {
  End(false);
  // A killed server's place is free again once one of its name has ended.
  if (holds_place_ && StartAgain().ok()) End(false);
  std::error_code ignored;
  std::filesystem::remove(log_path_, ignored);
}

void JackServer::End(bool killed) {
  if (pid_ <= 0) return;
  holds_place_ = killed;
  kill(pid_, killed ? SIGKILL : SIGTERM);
  const auto give_up = std::chrono::steady_clock::now() + kExitPatience;
  while (!HasExited()) {
    if (std::chrono::steady_clock::now() > give_up) {
      holds_place_ = true;
      kill(pid_, SIGKILL);
      waitpid(pid_, nullptr, 0);
      pid_ = -1;
      break;
    }
    std::this_thread::sleep_for(kPoll);
  }
}

absl::Status JackServer::StartAgain() {
  Launch();
  return WaitUntilReady();
}

void JackServer::Freeze(bool frozen) { kill(pid_, frozen ? SIGSTOP : SIGCONT); }

// Before any thread reads it.
void JackServer::SetEnvironment() {
  jack_set_error_function(Ignore);
  jack_set_info_function(Ignore);
  setenv("JACK_DEFAULT_SERVER", name_.c_str(), 1);
  setenv("JACK_NO_START_SERVER", "1", 1);
  setenv("JACK_NO_AUDIO_RESERVATION", "1", 1);
}

void JackServer::Launch() {
  // -S: a client that is late makes the period longer. Otherwise it would lose
  // the period's messages, which is no fault of the client under test.
  std::vector<std::string> words = {"jackd", "-S", "-n", name_};
  if (real_time_) {
    words.insert(words.end(), {"-R", "-P", "70"});
  } else {
    words.push_back("--no-realtime");
  }
  words.insert(words.end(), {"-d", "dummy", "-r", "48000", "-p", "64"});
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  pid_ = fork();
  if (pid_ == 0) BecomeJackd(arguments.data(), log_path_.c_str());
}

absl::Status JackServer::WaitUntilReady() {
  const auto give_up = std::chrono::steady_clock::now() + kReadyPatience;
  while (std::chrono::steady_clock::now() < give_up && !HasExited()) {
    jack_client_t* probe =
        jack_client_open("antiphon-probe", JackNoStartServer, nullptr);
    if (probe != nullptr) {
      jack_client_close(probe);
      return absl::OkStatus();
    }
    std::this_thread::sleep_for(kPoll);
  }
  return absl::UnavailableError(absl::StrCat(
      "jackd (Debian package jackd2) does not start: ", ReadAll(log_path_)));
}

bool JackServer::HasExited() {
  if (pid_ <= 0) return true;
  if (waitpid(pid_, nullptr, WNOHANG) == 0) return false;
  pid_ = -1;
  return true;
}

}  // namespace antiphon::testing
