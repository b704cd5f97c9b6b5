// SPDX-License-Identifier: Apache-2.0
#include "tests/integration/jack_transport.h"

#include <cmath>

namespace antiphon::testing {
namespace {

constexpr int kBeatsPerBar = 2;
constexpr int kTicksPerBeat = 1920;

}  // namespace

absl::StatusOr<std::unique_ptr<JackTransport>> JackTransport::Create(
    double tempo) {
  jack_client_t* client =
      jack_client_open("transport", JackNoStartServer, nullptr);
  if (client == nullptr) return absl::UnavailableError("JACK client transport");
  auto transport =
      std::unique_ptr<JackTransport>(new JackTransport(client, tempo));
  if (jack_activate(client) != 0 ||
      jack_set_timebase_callback(client, 0, &JackTransport::OnTimebase,
                                 transport.get()) != 0) {
    return absl::UnavailableError("JACK timebase");
  }
  return transport;
}

JackTransport::JackTransport(jack_client_t* client, double tempo)
    : client_(client),
      tempo_(tempo),
      frames_per_pulse_(jack_get_sample_rate(client) * 60 / tempo / 24) {}

JackTransport::~JackTransport() { jack_client_close(client_); }

void JackTransport::Start() { jack_transport_start(client_); }

void JackTransport::Stop() { jack_transport_stop(client_); }

void JackTransport::Locate(int64_t pulse) {
  jack_transport_locate(client_,
                        static_cast<jack_nframes_t>(std::llround(
                            static_cast<double>(pulse) * frames_per_pulse_)));
}

void JackTransport::OnTimebase(jack_transport_state_t /*state*/,
                               jack_nframes_t /*frames*/,
                               jack_position_t* position, int /*is_new*/,
                               void* self) {
  const auto* transport = static_cast<const JackTransport*>(self);
  const double frames_per_tick =
      24 * transport->frames_per_pulse_ / kTicksPerBeat;
  // A frame on the very tick is that tick, whatever the division's rounding.
  const auto ticks = static_cast<int64_t>(
      std::floor(position->frame / frames_per_tick + 1e-6));
  const int64_t beats = ticks / kTicksPerBeat;
  position->valid = JackPositionBBT;
  position->bar = static_cast<int32_t>(beats / kBeatsPerBar) + 1;
  position->beat = static_cast<int32_t>(beats % kBeatsPerBar) + 1;
  position->tick = static_cast<int32_t>(ticks % kTicksPerBeat);
  position->bar_start_tick =
      static_cast<double>(beats / kBeatsPerBar * kBeatsPerBar * kTicksPerBeat);
  position->beats_per_bar = kBeatsPerBar;
  position->beat_type = 4;
  position->ticks_per_beat = kTicksPerBeat;
  position->beats_per_minute = transport->tempo_;
}

}  // namespace antiphon::testing
