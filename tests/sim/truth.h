// SPDX-License-Identifier: Apache-2.0
//
// What was played, bar by bar, read from the host's script alone: where the
// lines fell, which bars nothing disturbed, which notes the player put into
// them, and what the mirror owes for them. The rules are the contract's (loops,
// early downbeats, held notes, mirror), written a second time and without the
// edge's code, so that the two can differ.
#ifndef ANTIPHON_TESTS_SIM_TRUTH_H_
#define ANTIPHON_TESTS_SIM_TRUTH_H_

#include <optional>
#include <vector>

#include "common/music/note.h"
#include "tests/sim/host_script.h"

namespace antiphon::sim {

struct TrueBar {
  int run = 0;       // bars of one run follow each other without a break
  size_t first = 0;  // its first pulse
  size_t end = 0;    // the pulse of the next line; 0: it never came
  Ticks offset;      // of the first pulse; above 0: its line was not seen
  Ticks length;      // as played: shorter than the meter's where left early
  Meter meter;
  BarIndex index = 0;
  // Its line came with the first clock after a silence, which waits for the
  // second: it may lead a burst.
  bool unseen = false;
  // Left late by a loop: the pulse at which it began for the first time.
  std::optional<size_t> began;
  bool restarted_twice = false;

  bool whole() const {
    return end > 0 && offset == Ticks() && !unseen && !restarted_twice;
  }
};

struct TrueNote {
  size_t bar = 0;
  double on = 0;              // ticks from the bar's line
  MonoTime off_at;            // neither key nor pedal holds it any more
  std::optional<double> off;  // likewise, ticks; none: held over the bar's end
  int pitch = 0;
  int velocity = 0;
};

// One note that must sound.
struct Owed {
  MonoTime on;
  MonoTime off;
  int pitch = 0;
  int velocity = 0;
  // It may sound so much earlier: the host had just left late.
  absl::Duration early = absl::ZeroDuration();
  // Let go so near the line that either side of it is right.
  bool off_open = false;
};

class Truth {
 public:
  explicit Truth(const HostScript& script);

  const std::vector<TrueBar>& bars() const { return bars_; }
  const std::vector<TrueNote>& notes() const { return notes_; }
  // A jump that is no loop, and the clocks after which time stood still.
  const std::vector<MonoTime>& breaks() const { return breaks_; }
  const std::vector<Stopped>& stopped() const { return stopped_; }
  // Whether the host came to the line at `at` by a jump or a change of tempo so
  // near that nobody could know it before.
  bool IsSudden(MonoTime at) const;
  bool IsJump(size_t pulse) const {
    return pulses_[pulse].kind == HostPulse::Kind::kMoved;
  }

  // When the clock of pulse `pulse` comes, without its jitter.
  MonoTime At(size_t pulse) const { return pulses_[pulse].steady; }
  MonoTime LineOf(const TrueBar& bar) const { return At(bar.first); }
  MonoTime EndOf(const TrueBar& bar) const { return At(bar.end); }
  // Where a note may have sounded first.
  MonoTime BeginOf(const TrueBar& bar) const {
    return At(bar.began.value_or(bar.first));
  }
  // No clock of (from, to] came out of step, nor did one before with
  // consequences until then.
  bool IsRegular(size_t from, size_t to) const;
  // Whether a clock has just come that nobody expected then.
  bool IsSurprised(MonoTime at) const;
  // The clocks have been even for so long before pulse `pulse`.
  absl::Duration EvenFor(size_t pulse) const;
  // They have been from the very first one on.
  bool WasAlwaysEven(size_t pulse) const {
    return uneven_.size() < 2 || uneven_[1].pulse > pulse;
  }
  // Whether the tempo changed by less than a step within (from, to], or within
  // two beats before.
  bool IsDrifting(size_t from, size_t to) const;
  bool IsDrifting(MonoTime at) const;
  // The meter of the bar after next, as it looks at the end of bar `human`.
  // None: a loop at that very line, or so soon after it that both may come in
  // one buffer, makes it a matter of nanoseconds.
  std::optional<Meter> ForeseenAfter(size_t human) const;

  // What the mirror owes in `target` for bar `human`, by onset, when asked for
  // a bar of meter `asked`.
  std::vector<Owed> AnswerTo(size_t human, size_t target, Meter asked) const;

 private:
  struct Place {
    size_t bar = 0;
    double tick = 0;
    absl::Duration period;  // of the pulses there
  };

  struct Uneven {  // a clock out of step
    size_t pulse = 0;
    double tempo = 1;    // of what it was before
    bool vague = false;  // late, or a clock was lost: who can tell
  };

  void ReadPulses();
  bool IsLocatedSince(size_t from, size_t to) const;
  void ReadBars();
  void Begin(size_t pulse);
  void Move(size_t pulse);
  struct Hands;
  void ReadNotes(std::vector<TimedMessage> keys);
  void Strike(const TimedMessage& m, Hands& hands);
  void Release(const TimedMessage& m, Hands& hands);
  void MovePedal(const TimedMessage& m, Hands& hands);
  void End(size_t note, MonoTime at);
  std::optional<Place> PlaceOf(MonoTime at) const;
  std::optional<Place> PlaceOfOnset(MonoTime at) const;
  Ticks Elapsed(size_t pulse) const;
  MonoTime TimeIn(const TrueBar& bar, double tick, bool first_begin) const;

  const MeterMap meters_;
  const std::vector<HostPulse> pulses_;
  const std::vector<Stopped> stopped_;
  std::vector<Uneven> uneven_;
  std::vector<size_t> drifts_;  // pulses that bring a slightly other tempo
  std::vector<size_t> jumps_;   // pulses
  std::vector<int> bar_of_;     // by pulse; -1: none
  std::vector<TrueBar> bars_;
  std::vector<TrueNote> notes_;
  std::vector<MonoTime> breaks_;
};

}  // namespace antiphon::sim

#endif  // ANTIPHON_TESTS_SIM_TRUTH_H_
