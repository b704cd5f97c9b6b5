// SPDX-License-Identifier: Apache-2.0
//
// A host outside the edge: a MIDI output port made with JACK's own API that
// plays a list of timed messages, each at its frame inside its period. What is
// already past when its period comes goes out at once.
#ifndef ANTIPHON_TESTS_INTEGRATION_JACK_SENDER_H_
#define ANTIPHON_TESTS_INTEGRATION_JACK_SENDER_H_

#include <jack/jack.h>

#include <atomic>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/midi/message.h"
#include "tests/integration/jack_clock.h"

namespace antiphon::testing {

class JackSender {
 public:
  // Its port is "NAME:out".
  static absl::StatusOr<std::unique_ptr<JackSender>> Create(
      const std::string& name);
  ~JackSender();
  JackSender(const JackSender&) = delete;
  JackSender& operator=(const JackSender&) = delete;

  // Connects this port to a MIDI input port, by its full name.
  absl::Status PlayTo(const std::string& port);

  // Sorted by time. Once per sender.
  void Play(std::vector<TimedMessage> messages);

  std::string port_name() const { return jack_port_name(port_); }
  size_t sent() const { return sent_.load(std::memory_order_acquire); }
  bool done() const { return ready_.load() && sent() == messages_.size(); }

 private:
  explicit JackSender(jack_client_t* client);
  static int OnPeriod(jack_nframes_t frames, void* self);

  jack_client_t* const client_;
  jack_port_t* const port_;
  const JackClock clock_;
  std::vector<TimedMessage> messages_;  // JACK's thread reads once ready_
  std::atomic<bool> ready_{false};
  std::atomic<size_t> sent_{0};
};

}  // namespace antiphon::testing

#endif  // ANTIPHON_TESTS_INTEGRATION_JACK_SENDER_H_
