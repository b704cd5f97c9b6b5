// SPDX-License-Identifier: Apache-2.0
//
// A musician who plays along with a MIDI clock: hears its bytes through a port
// made with JACK's own API, counts them as MIDI 1.0 says, and plays the same
// few notes in each bar of 2/4, each one period after the pulse that calls for
// it. Lets go of its keys at a STOP and where no clock comes any more; a clock
// that is back without a word goes on where it was lost. Shares no code with
// the edge. Keeps what it heard and played, so that it is the measure of
// whoever else follows that clock.
#ifndef ANTIPHON_TESTS_INTEGRATION_JACK_MUSICIAN_H_
#define ANTIPHON_TESTS_INTEGRATION_JACK_MUSICIAN_H_

#include <jack/jack.h>
#include <sys/types.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/time/mono_time.h"
#include "tests/integration/event_log.h"
#include "tests/integration/jack_clock.h"

namespace antiphon::testing {

inline constexpr uint8_t kSongPosition = 0xF2;
inline constexpr uint8_t kStart = 0xFA;
inline constexpr uint8_t kContinue = 0xFB;
inline constexpr uint8_t kStop = 0xFC;

// What is played in each bar, in pulses from its line. kLong sounds through
// most of the bar; kOver is held over the next line.
inline constexpr int kPulsesPerBar = 48;
struct BarNote {
  int on;
  int off;
};
inline constexpr std::array<BarNote, 7> kBarNotes = {
    {{0, 3}, {5, 8}, {10, 40}, {15, 18}, {22, 25}, {33, 36}, {42, 50}}};
inline constexpr int kLong = 2;
inline constexpr int kOver = 6;
// Comes again after five bars.
constexpr int PitchOf(int64_t bar, int note) {
  return 36 + 8 * static_cast<int>(bar % 5) + note;
}

class JackMusician {
 public:
  // A pulse that counted. `run` grows with each START, CONTINUE and jump, and
  // with a clock that is back; `frame` is JACK's transport at that instant,
  // negative where it stands.
  struct Pulse {
    int run = 0;
    int64_t song = 0;  // pulses from the song's start
    MonoTime at;
    double frame = 0;
  };
  struct Transport {
    uint8_t status;  // one of the above
    int run;         // the latest when it came
    MonoTime at;
  };
  struct Onset {
    int64_t song;
    int run;
    int note;  // of kBarNotes
    MonoTime at;
  };

  // A period of JACK that begins LeastStall() too late or more: JACK's time has
  // stood still, and a clock that follows it has moved without a warning.
  struct Stall {
    MonoTime at;  // JACK went on
    absl::Duration length;
  };
  static constexpr absl::Duration LeastStall() { return absl::Milliseconds(3); }

  // Its ports are "NAME:clock" and "NAME:notes".
  static absl::StatusOr<std::unique_ptr<JackMusician>> Create(
      const std::string& name);
  ~JackMusician();
  JackMusician(const JackMusician&) = delete;
  JackMusician& operator=(const JackMusician&) = delete;

  // Connect ports of others, by their full names.
  absl::Status Hear(const std::string& clock);
  absl::Status PlayTo(const std::string& input);

  // Stops the master (SIGSTOP) between its next pulse and the one after: JACK
  // plays the last period of a client that hangs again and again, and it must
  // not hold a pulse.
  void Freeze(pid_t master) { to_freeze_.store(master); }
  bool has_frozen() const { return to_freeze_.load() == 0; }

  const EventLog<Pulse>& pulses() const { return pulses_; }
  const EventLog<Transport>& transport() const { return transport_; }
  const EventLog<Onset>& onsets() const { return onsets_; }
  const EventLog<Stall>& stalls() const { return stalls_; }

 private:
  struct Stroke {
    jack_nframes_t frame;
    Onset onset;  // of the note, or of its end
    bool is_on;
  };

  explicit JackMusician(jack_client_t* client);
  static int OnPeriod(jack_nframes_t frames, void* self);
  void PlayDue(jack_nframes_t frames, const JackClock::Period& period);
  void OnByte(uint8_t byte, jack_nframes_t frame,
              const JackClock::Period& period);
  void OnPulse(jack_nframes_t frame, const JackClock::Period& period);
  void Stop(jack_nframes_t frame);
  void LetGo(jack_nframes_t frame);

  jack_client_t* const client_;
  jack_port_t* const clock_port_;
  jack_port_t* const note_port_;
  const JackClock clock_;
  EventLog<Pulse> pulses_{50'000};
  EventLog<Transport> transport_{1'000};
  EventLog<Onset> onsets_{10'000};
  EventLog<Stall> stalls_{10'000};
  // JACK's thread.
  std::vector<Stroke> due_;      // in the next period
  std::vector<Stroke> strokes_;  // in this one
  std::vector<Onset> keys_down_;
  double transport_frame_ = -1;            // at the period's beginning
  MonoTime period_end_ = MonoTime::Max();  // of the period before
  bool running_ = false;
  MonoTime last_pulse_;  // or the message that set it running
  std::atomic<pid_t> to_freeze_{0};
  bool pulsed_ = false;  // in the period before
  int run_ = 0;
  int64_t next_ = 0;       // song pulse of the next clock
  int64_t expected_ = -1;  // the same, if nothing had been said
  int spp_bytes_ = 0;      // that are still to come
  int spp_ = 0;
};

}  // namespace antiphon::testing

#endif  // ANTIPHON_TESTS_INTEGRATION_JACK_MUSICIAN_H_
