// SPDX-License-Identifier: Apache-2.0
//
// What a host and a player do, written down before it is played: MIDI messages
// with their instants, and what each clock means to whoever wrote it. The
// script is the truth that a run is judged by; it knows nothing of the edge.
//
// The host's own place in the song is next_song(): messages move it, clocks
// count it on. Clock and transport go out through one port, in order, each as
// late as the jitter says; the player's keys are stamped as they are struck.
#ifndef ANTIPHON_TESTS_SIM_HOST_SCRIPT_H_
#define ANTIPHON_TESTS_SIM_HOST_SCRIPT_H_

#include <array>
#include <cstdint>
#include <random>
#include <vector>

#include "common/midi/message.h"
#include "common/music/meter.h"
#include "common/time/mono_time.h"
#include "tests/sim/jitter.h"

namespace antiphon::sim {

// One clock as the host means it.
struct HostPulse {
  enum class Kind {
    kIdle,   // while stopped
    kFirst,  // of a run: after START, CONTINUE, or a clock that was lost
    kNext,   // running on
    kMoved,  // running on, at another place of the song
  };
  Kind kind = Kind::kIdle;
  MonoTime at;      // as sent
  MonoTime steady;  // without jitter, but with its mean
  int64_t song = 0;
  absl::Duration period;  // to the next one, at the host's tempo
  bool lost = false;      // on its way: it never arrives
  bool back = false;      // the first one after clocks were silent for too long
  bool located = false;   // START or a song position says where it is
};

// From `from` on nothing may begin to sound, until `to`. `told` is when the
// host said so: what sounds is over 100 ms after it.
struct Stopped {
  MonoTime told;
  MonoTime from;
  MonoTime to = MonoTime::Max();
};

class HostScript {
 public:
  struct Options {
    uint64_t seed = 1;
    MeterMap meters = MeterMap();
    double quarters_per_minute = 120;
    Jitter jitter = {};
  };

  explicit HostScript(const Options& options);

  // ---- The host, one message each ----
  void Start();
  void Stop();
  void Continue();
  void Locate(int sixteenths);
  void Clocks(int64_t count);
  // So many clocks are lost on their way.
  void Lose(int64_t count);
  // Time passes without a clock. While running: for less than half a pulse, or
  // for so long that the clock counts as lost.
  void Wait(absl::Duration duration);
  void set_tempo(double quarters_per_minute);
  // What leaves from here on is held up for so long and then comes at once.
  void HoldUp(absl::Duration duration);
  // All sound off and all notes off, on every channel.
  void SilenceAll();

  // ---- The player ----
  void Key(MonoTime on, MonoTime off, int pitch, int velocity);
  void Pedal(MonoTime down, MonoTime up);

  // ---- Both ----
  // `pulses` clocks with `notes` random notes among them.
  void Play(int64_t pulses, int notes);
  // From here to the next bar line.
  void PlayBar(int notes);
  void PlayBars(int bars, int notes);

  // ---- What it comes to ----
  // Everything sent, by time.
  std::vector<TimedMessage> Messages() const;
  const std::vector<TimedMessage>& keys() const { return keys_; }
  const std::vector<HostPulse>& pulses() const { return pulses_; }
  // The last one where the script ends: by a stop, or because no clock comes.
  std::vector<Stopped> StoppedTimes() const;
  const MeterMap& meters() const { return options_.meters; }
  const Jitter& jitter() const { return options_.jitter; }
  MonoTime now() const { return now_; }
  double tempo() const { return quarters_per_minute_; }
  absl::Duration period() const;  // from clock to clock
  int64_t next_song() const { return next_song_; }
  int64_t PulsesToLine() const;
  // Whether its last word was to play; whether no stop has acted since the
  // last clock.
  bool playing() const { return will_run_; }
  bool goes_on() const { return ran_; }
  // Where the present run, or the last one, began, in sixteenths.
  int began_at() const;
  std::mt19937_64& random() { return random_; }
  // 0 .. below - 1.
  int Random(int below);

 private:
  // When a clock counts as lost that is not followed by another.
  MonoTime LossBy(absl::Duration period) const;
  // The longest that the edge can have taken the period for.
  absl::Duration LongestPeriod() const;
  MonoTime Emit(const MidiMessage& message);
  void Clock();
  void Count(HostPulse pulse);
  void NoteStop(MonoTime told, MonoTime from);
  void EndStop(MonoTime at);
  void Improvise(int64_t pulses, int notes);
  absl::Duration Early() const;
  absl::Duration Guard() const;
  bool IsDoubtful(absl::Duration onset) const;
  bool IsSuddenLine() const;
  int FreeKey(MonoTime from);

  Options options_;
  std::mt19937_64 random_;
  double quarters_per_minute_;
  MonoTime now_ = MonoTime::FromNanos(1'000'000'000);
  MonoTime last_sent_ = MonoTime::Min();

  bool ran_ = false;       // at the last clock, and no stop has acted since
  bool will_run_ = false;  // as the messages since then leave it
  int64_t song_ = 0;       // of the last clock that counted
  int64_t next_song_ = 0;
  bool located_ = false;  // next_song_ was said, not counted
  MonoTime stop_at_;
  MonoTime heard_;  // the last clock that was not lost
  int even_ = 0;    // clocks since the last thing that put them out of step

  std::vector<TimedMessage> host_;
  std::vector<TimedMessage> keys_;
  std::vector<HostPulse> pulses_;
  std::vector<Stopped> stopped_;
  std::array<MonoTime, 128> key_free_;
};

}  // namespace antiphon::sim

#endif  // ANTIPHON_TESTS_SIM_HOST_SCRIPT_H_
