// SPDX-License-Identifier: Apache-2.0
//
// JACK's transport as a host drives it, in 2/4 at one tempo: start, stop,
// locate, and the timebase master that says which bar, beat and tick each frame
// is, so that masters of MIDI clock can tell a song position.
#ifndef ANTIPHON_TESTS_INTEGRATION_JACK_TRANSPORT_H_
#define ANTIPHON_TESTS_INTEGRATION_JACK_TRANSPORT_H_

#include <jack/jack.h>
#include <jack/transport.h>

#include <cstdint>
#include <memory>

#include "absl/status/statusor.h"

namespace antiphon::testing {

class JackTransport {
 public:
  static absl::StatusOr<std::unique_ptr<JackTransport>> Create(double tempo);
  ~JackTransport();
  JackTransport(const JackTransport&) = delete;
  JackTransport& operator=(const JackTransport&) = delete;

  void Start();
  void Stop();
  // To a MIDI clock pulse of the song, 24 to the quarter note. Keeps rolling
  // where it rolls.
  void Locate(int64_t pulse);

  double frames_per_pulse() const { return frames_per_pulse_; }

 private:
  JackTransport(jack_client_t* client, double tempo);
  static void OnTimebase(jack_transport_state_t state, jack_nframes_t frames,
                         jack_position_t* position, int is_new, void* self);

  jack_client_t* const client_;
  const double tempo_;
  const double frames_per_pulse_;
};

}  // namespace antiphon::testing

#endif  // ANTIPHON_TESTS_INTEGRATION_JACK_TRANSPORT_H_
