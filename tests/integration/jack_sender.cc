// SPDX-License-Identifier: Apache-2.0
#include "tests/integration/jack_sender.h"

#include <jack/midiport.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tests/integration/jack_connect.h"

namespace antiphon::testing {

absl::StatusOr<std::unique_ptr<JackSender>> JackSender::Create(
    const std::string& name) {
  jack_client_t* client =
      jack_client_open(name.c_str(), JackNoStartServer, nullptr);
  if (client == nullptr) {
    return absl::UnavailableError(absl::StrCat("JACK client ", name));
  }
  auto sender = std::unique_ptr<JackSender>(new JackSender(client));
  if (sender->port_ == nullptr || jack_activate(client) != 0) {
    return absl::UnavailableError(absl::StrCat("JACK port ", name, ":out"));
  }
  return sender;
}

JackSender::JackSender(jack_client_t* client)
    : client_(client),
      port_(jack_port_register(client, "out", JACK_DEFAULT_MIDI_TYPE,
                               JackPortIsOutput, 0)),
      clock_(client) {
  jack_set_process_callback(client_, &JackSender::OnPeriod, this);
}

JackSender::~JackSender() { jack_client_close(client_); }

absl::Status JackSender::PlayTo(const std::string& port) {
  return ConnectJackPorts(client_, port_name(), port);
}

void JackSender::Play(std::vector<TimedMessage> messages) {
  messages_ = std::move(messages);
  ready_.store(true);
}

int JackSender::OnPeriod(jack_nframes_t frames, void* self) {
  auto* sender = static_cast<JackSender*>(self);
  void* buffer = jack_port_get_buffer(sender->port_, frames);
  jack_midi_clear_buffer(buffer);
  if (!sender->ready_.load()) return 0;
  const JackClock::Period period = sender->clock_.Present();
  size_t n = sender->sent_.load(std::memory_order_relaxed);
  for (; n < sender->messages_.size(); ++n) {
    const TimedMessage& m = sender->messages_[n];
    const double frame = period.FrameOf(m.at);
    if (frame >= frames) break;
    const auto at = static_cast<jack_nframes_t>(std::max(frame, 0.0));
    if (jack_midi_event_write(buffer, at, m.message.data(), m.message.size()) !=
        0) {
      break;
    }
  }
  sender->sent_.store(n, std::memory_order_release);
  return 0;
}

}  // namespace antiphon::testing
