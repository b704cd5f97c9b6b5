// SPDX-License-Identifier: Apache-2.0
//
// Sends planned notes at their time. Owns the schedule of what will sound and
// the set of what is sounding, so that every note-on it sends gets exactly one
// note-off: at its tick, or at once when the epoch changes, time stops, or
// Silence() is called; then CC64 = 0 and CC123 follow on every channel that was
// used, for what an instrument may have missed. At one instant note-offs go
// before note-ons; a late off never cuts a re-struck key.
//
// Logic without a thread: Tick(now) does what is due and says when to call
// again. Playback thread only, real-time safe: no allocation, lock, log, wait
// or system call but those of MidiOutput (tests/nonblocking ends the process at
// the first). Its rings must be emptied by TryPop alone. Limits:
// kMaxScheduled notes (more are dropped and counted), kMaxSounding.
#ifndef ANTIPHON_EDGE_PLAYBACK_PLAYBACK_H_
#define ANTIPHON_EDGE_PLAYBACK_PLAYBACK_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "absl/types/span.h"
#include "common/midi/message.h"
#include "common/music/ticks.h"
#include "common/music/timeline.h"
#include "common/rt/latest_value.h"
#include "common/rt/spsc_ring.h"
#include "common/time/mono_time.h"
#include "edge/playback/output_latency.h"
#include "edge/port/midi_port.h"

namespace antiphon::edge {

// From the conductor: one note. Positions are ticks from the line of bar
// `play_seq`; the newest timeline says where that line is, and where the bar
// ends: a note that would begin later is dropped, and in a bar that became
// shorter than what the note was made for, it ends there at the latest.
struct PlaybackCommand {
  Epoch epoch = 0;
  PlaySeq play_seq = 0;
  uint32_t note =
      0;  // number of the note in its bar's plan; unique in (play_seq)
  Ticks tick{};
  Ticks duration{};  // >= 1
  Ticks made_for{};  // length of the bar that it was made for
  uint8_t channel = 0;
  uint8_t pitch = 0;
  uint8_t velocity = 0;
};

// To the conductor: what happened, for history, session files and metrics.
struct Telemetry {
  enum class Kind : uint8_t {
    kNoteOn,     // sent
    kNoteOff,    // sent
    kLate,       // note-on dropped: its time had passed by more than the grace
    kDropped,    // note dropped: epoch over, bar ended, or schedule full
    kSendError,  // the port refused
  };
  Kind kind = Kind::kNoteOn;
  Epoch epoch = 0;
  PlaySeq play_seq = 0;
  uint32_t note = 0;
  uint8_t channel = 0;
  uint8_t pitch = 0;
  uint8_t velocity = 0;
  MonoTime due{};   // ideal instant
  MonoTime sent{};  // instant of the call to the port
};

class Playback {
 public:
  static constexpr int kMaxScheduled = 2048;
  static constexpr int kMaxSounding = 256;

  struct Options {
    // A note-on later than this is dropped and counted; its note-off never is.
    absl::Duration late_grace = absl::Milliseconds(20);
    OutputLatency latency{};
  };

  // All outlive the playback.
  Playback(const Options& options, SpscRing<PlaybackCommand>* commands,
           LatestValue<Timeline>* timeline, MidiOutput* output,
           SpscRing<Telemetry>* telemetry);
  Playback(const Playback&) = delete;
  Playback& operator=(const Playback&) = delete;

  // Takes new commands and the newest timeline, sends what is due at `now`,
  // returns the instant of the next event (MonoTime::Max() where none is
  // known).
  MonoTime Tick(MonoTime now) noexcept;

  // Note-offs for everything that sounds, and nothing further until a newer
  // epoch.
  void Silence(MonoTime now) noexcept;

  // What Tick touches beside its stack: to be locked before the first one.
  std::array<absl::Span<const std::byte>, 6> Memory() const;

  // Any thread; as of the last Tick.
  int sounding() const {
    return shown_sounding_.load(std::memory_order_relaxed);
  }

 private:
  struct Sounding {
    PlaybackCommand note;
    Ticks off;  // play position
  };
  struct Next {
    MonoTime due = MonoTime::Max();
    Ticks at;  // play position
    int index = -1;
    bool is_off = false;
  };

  void TakeCommands(MonoTime now);
  void KeepEpoch(const Timeline& timeline, MonoTime now);
  MonoTime SendDue(const Timeline& timeline, MonoTime now);
  Next Earliest(const Timeline& timeline) const;
  void StartNote(const Next& next, MonoTime now);
  void StopNote(int index, MonoTime due, MonoTime now);
  void Forget(int index, Telemetry::Kind why, MonoTime due, MonoTime now);
  void SilenceAll(MonoTime now);
  void ClearChannels();
  void Tell(Telemetry::Kind kind, const PlaybackCommand& note, MonoTime due,
            MonoTime now);

  const Options options_;
  SpscRing<PlaybackCommand>* const commands_;
  LatestValue<Timeline>* const timeline_;
  MidiOutput* const output_;
  SpscRing<Telemetry>* const telemetry_;

  Epoch silenced_epoch_ = 0;    // nothing of it sounds any more
  Epoch epoch_ = 0;             // of the timeline last seen
  uint16_t channels_used_ = 0;  // a bit each, since they were last cleared
  int scheduled_count_ = 0;
  int sounding_count_ = 0;
  std::atomic<int> shown_sounding_{0};
  std::array<PlaybackCommand, kMaxScheduled> scheduled_{};
  std::array<Sounding, kMaxSounding> sounding_{};
};

}  // namespace antiphon::edge

#endif  // ANTIPHON_EDGE_PLAYBACK_PLAYBACK_H_
