// SPDX-License-Identifier: Apache-2.0
//
// An independent ear: a MIDI input port made with JACK's own API, which shares
// no code with the edge. Every event is stamped to the frame inside its period,
// on CLOCK_MONOTONIC. Holds kMaxEvents; more are counted as lost.
#ifndef ANTIPHON_TESTS_INTEGRATION_JACK_LISTENER_H_
#define ANTIPHON_TESTS_INTEGRATION_JACK_LISTENER_H_

#include <jack/jack.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/time/mono_time.h"
#include "tests/integration/jack_clock.h"

namespace antiphon::testing {

struct HeardEvent {
  MonoTime at;
  std::vector<uint8_t> bytes;
};

class JackListener {
 public:
  static constexpr size_t kMaxEvents = 100'000;

  // Its port is "NAME:in", there for so long before its client is active.
  static absl::StatusOr<std::unique_ptr<JackListener>> Create(
      const std::string& name, absl::Duration inactive = absl::ZeroDuration());
  ~JackListener();
  JackListener(const JackListener&) = delete;
  JackListener& operator=(const JackListener&) = delete;

  // Connects a MIDI output port, by its full name, to this one.
  absl::Status Hear(const std::string& port);
  // Connects two ports of others.
  absl::Status Connect(const std::string& from, const std::string& to);

  std::string port_name() const { return jack_port_name(port_); }
  size_t count() const { return count_.load(std::memory_order_acquire); }
  size_t lost() const { return lost_.load(); }
  std::vector<HeardEvent> Events() const;

 private:
  struct Stored {
    MonoTime at;
    size_t size;
    uint8_t bytes[3];
  };

  explicit JackListener(jack_client_t* client);
  static int OnPeriod(jack_nframes_t frames, void* self);

  jack_client_t* const client_;
  jack_port_t* port_ = nullptr;
  const JackClock clock_;
  std::vector<Stored> stored_;  // written by JACK's thread up to count_
  std::atomic<size_t> count_{0};
  std::atomic<size_t> lost_{0};
};

}  // namespace antiphon::testing

#endif  // ANTIPHON_TESTS_INTEGRATION_JACK_LISTENER_H_
