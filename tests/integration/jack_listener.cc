// SPDX-License-Identifier: Apache-2.0
#include "tests/integration/jack_listener.h"

#include <jack/midiport.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "tests/integration/jack_connect.h"

namespace antiphon::testing {

absl::StatusOr<std::unique_ptr<JackListener>> JackListener::Create(
    const std::string& name, absl::Duration inactive) {
  jack_client_t* client =
      jack_client_open(name.c_str(), JackNoStartServer, nullptr);
  if (client == nullptr) {
    return absl::UnavailableError(absl::StrCat("JACK client ", name));
  }
  auto listener = std::unique_ptr<JackListener>(new JackListener(client));
  rt::SleepUntil(rt::Now() + inactive);
  if (listener->port_ == nullptr || jack_activate(client) != 0) {
    return absl::UnavailableError(absl::StrCat("JACK port ", name, ":in"));
  }
  return listener;
}

JackListener::JackListener(jack_client_t* client)
    : client_(client),
      port_(jack_port_register(client, "in", JACK_DEFAULT_MIDI_TYPE,
                               JackPortIsInput, 0)),
      clock_(client),
      stored_(kMaxEvents) {
  jack_set_process_callback(client_, &JackListener::OnPeriod, this);
}

JackListener::~JackListener() { jack_client_close(client_); }

absl::Status JackListener::Hear(const std::string& port) {
  return Connect(port, port_name());
}

absl::Status JackListener::Connect(const std::string& from,
                                   const std::string& to) {
  return ConnectJackPorts(client_, from, to);
}

std::vector<HeardEvent> JackListener::Events() const {
  std::vector<HeardEvent> events;
  const size_t n = count();
  for (size_t i = 0; i < n; ++i) {
    const Stored& s = stored_[i];
    events.push_back({s.at, {s.bytes, s.bytes + s.size}});
  }
  return events;
}

int JackListener::OnPeriod(jack_nframes_t frames, void* self) {
  auto* listener = static_cast<JackListener*>(self);
  void* buffer = jack_port_get_buffer(listener->port_, frames);
  const JackClock::Period period = listener->clock_.Present();
  const uint32_t events = jack_midi_get_event_count(buffer);
  size_t n = listener->count_.load(std::memory_order_relaxed);
  for (uint32_t i = 0; i < events; ++i) {
    jack_midi_event_t event;
    if (jack_midi_event_get(&event, buffer, i) != 0) continue;
    if (n == kMaxEvents) {
      ++listener->lost_;
      continue;
    }
    Stored& stored = listener->stored_[n++];
    stored.at = period.TimeOf(event.time);
    stored.size = std::min(event.size, sizeof(stored.bytes));
    std::copy_n(event.buffer, stored.size, stored.bytes);
  }
  listener->count_.store(n, std::memory_order_release);
  return 0;
}

}  // namespace antiphon::testing
