// SPDX-License-Identifier: Apache-2.0
//
// A JACK server of one test's own: jackd with the dummy driver, 64 frames at
// 48 kHz (1.33 ms), under a name that no other server has. While it lives,
// every JACK client of this process, RtMidi's too, finds it and only it. It
// ends with this object, and with the process should the test die, and leaves
// its place in JACK's register, which has eight for all programs.
#ifndef ANTIPHON_TESTS_INTEGRATION_JACK_SERVER_H_
#define ANTIPHON_TESTS_INTEGRATION_JACK_SERVER_H_

#include <sys/types.h>

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace antiphon::testing {

class JackServer {
 public:
  // With real-time priority where the system grants it, else without. Returns
  // when clients can connect; the error says what jackd said.
  static absl::StatusOr<std::unique_ptr<JackServer>> Start();
  ~JackServer();
  JackServer(const JackServer&) = delete;
  JackServer& operator=(const JackServer&) = delete;

  // Ends the server under its clients, by SIGTERM or, where `killed`, SIGKILL.
  // StartAgain() brings it back under the same name. The clients of this
  // process have to be closed in between.
  void End(bool killed);
  absl::Status StartAgain();
  // Stops it in its tracks (SIGSTOP), and lets it go on.
  void Freeze(bool frozen);

  const std::string& name() const { return name_; }
  bool real_time() const { return real_time_; }

 private:
  explicit JackServer(bool real_time);

  void SetEnvironment();
  void Launch();
  absl::Status WaitUntilReady();
  bool HasExited();

  std::string name_;
  std::string log_path_;
  const bool real_time_;
  pid_t pid_ = -1;
  bool holds_place_ = false;  // was killed: see the destructor
};

}  // namespace antiphon::testing

#endif  // ANTIPHON_TESTS_INTEGRATION_JACK_SERVER_H_
