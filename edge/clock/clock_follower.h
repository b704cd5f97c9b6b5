// SPDX-License-Identifier: Apache-2.0
//
// The host's clock as a Timeline: counts pulses (Transport), steadies them
// (PulseFilter), lays bars over them (MeterMap), decides between a loop, which
// breaks nothing, and a break, which starts a new epoch.
//
// A loop: running before and after, leaving within kLoopPulses of a bar line
// and landing on one. Leaving early ends the bar there; leaving late starts the
// bar just begun again under the same play_seq.
//
// The clock counts as lost when from the first missing pulse none has come for
// max(250 ms, 3 periods): the epoch ends. Until then time goes on by the last
// tempo. A clock that comes back goes on from where time stopped, once its
// pulses come one by one: a burst of those that were held up is counted first.
//
// A clock that already runs when it is first heard, with no START, is attached
// to: from the first song position on, or with its line at the player's first
// note-on. Conductor thread.
#ifndef ANTIPHON_EDGE_CLOCK_CLOCK_FOLLOWER_H_
#define ANTIPHON_EDGE_CLOCK_CLOCK_FOLLOWER_H_

#include <cstdint>
#include <optional>
#include <utility>

#include "common/midi/message.h"
#include "common/music/meter.h"
#include "common/music/timeline.h"
#include "edge/clock/pulse_filter.h"
#include "edge/clock/transport.h"

namespace antiphon::edge {

class ClockFollower {
 public:
  static constexpr int kLoopPulses = 2;
  static constexpr int kBarsAhead = 3;

  enum class Change {
    kNone,   // nothing that matters to bars
    kPulse,  // time went on
    kStart,  // a new epoch runs
    kLoop,   // same epoch, bar_index moved; bars may have been cut or begun
             // again
    kStop,   // the epoch is over, nothing runs
  };

  struct Options {
    Options() = default;
    // Implicit, because meters are all that most need.
    Options(MeterMap m)
        : meters(std::move(m)) {}  // NOLINT(google-explicit-constructor)
    MeterMap meters;
    // Constant; positive: the pulses were meant later than they come.
    absl::Duration clock_offset;
  };

  explicit ClockFollower(Options options);

  // Clock, transport and, until attached, note-ons; others change nothing.
  Change OnMessage(const TimedMessage& m);
  // The instant at which OnDue must be called if nothing comes before, if any.
  std::optional<MonoTime> NextDue() const;
  Change OnDue(MonoTime at);

  // A bar has begun, perhaps while the clock was freewheeling: its number is
  // used up, and kBarsAhead more are foreseen from it.
  void OnBarBegun(PlaySeq bar);

  const Timeline& timeline() const { return timeline_; }
  // Play position of the last pulse.
  Ticks position() const { return position_; }
  // Bar of the epoch's start, and whether its line was seen.
  PlaySeq first_bar() const { return first_bar_; }
  bool first_bar_whole() const { return first_bar_whole_; }
  // What it believes of the clock.
  bool locked() const { return filter_.locked(); }
  PulseFilter::Gear gear() const { return filter_.gear(); }
  absl::Duration jitter() const { return filter_.jitter(); }
  double quarters_per_minute() const {
    return 60e9 / (24 * filter_.period_nanos());
  }
  bool clock_lost() const { return clock_lost_; }
  // What it has counted.
  uint64_t pulses() const { return pulses_; }
  uint64_t losses() const { return losses_; }  // of the whole clock
  const PulseFilter::Counts& counts() const { return filter_.counts(); }
  // How many clocks came, or were lost, before the line of the host's bar 0:
  // pulse number minus song position. Negative where the host began behind it.
  int64_t anchor_pulse() const {
    return static_cast<int64_t>(pulses_ + counts().lost - counts().revised) -
           1 - transport_.position();
  }

 private:
  Change OnClock(MonoTime at);
  bool IsBack(bool burst);
  Change AttachAt(MonoTime downbeat);
  bool IsAlive(MonoTime at) const;
  Change StartEpoch();
  Change EndEpoch();
  void LeaveBars();
  Change Move();
  void Anchor();
  void ExtendBars();
  std::optional<MonoTime> LossDue() const;

  // Clocks after a loss that may still be one burst.
  static constexpr int kMaxBurst = 96;

  const Options options_;
  Transport transport_;
  PulseFilter filter_;
  Timeline timeline_;
  Epoch epochs_ = 0;
  PlaySeq next_seq_ = 0;  // of the first bar of the next epoch
  PlaySeq first_bar_ = 0;
  PlaySeq begun_ = 0;  // the newest bar that has begun
  bool first_bar_whole_ = true;
  bool clock_lost_ = false;
  int burst_left_ = 0;  // > 0: lost, and not yet back
  Ticks position_;      // play position of the last pulse
  Ticks shift_;         // song position - play position, of the newest bar
  uint64_t pulses_ = 0;
  uint64_t losses_ = 0;
  MonoTime last_pulse_;
};

}  // namespace antiphon::edge

#endif  // ANTIPHON_EDGE_CLOCK_CLOCK_FOLLOWER_H_
