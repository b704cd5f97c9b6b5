// SPDX-License-Identifier: Apache-2.0
//
// The two-way map between musical time and the monotonic clock, and the table
// of bars on it. Play position: ticks that grow without a jump while an epoch
// lasts (a loop of the host moves bar_index, never the play position).
// Piecewise linear through the anchors, extrapolated before the first and after
// the last; TicksAt and TimeAt are inverses of each other to within a tick.
//
// A plain value of fixed size: the conductor writes it, playback reads copies
// through LatestValue. Oldest anchors and bars fall out at the limits.
// Real-time safe.
#ifndef ANTIPHON_COMMON_MUSIC_TIMELINE_H_
#define ANTIPHON_COMMON_MUSIC_TIMELINE_H_

#include <array>
#include <cstdint>
#include <optional>

#include "common/music/meter.h"
#include "common/music/ticks.h"
#include "common/time/mono_time.h"

namespace antiphon {

// One bar as played.
struct BarSpan {
  PlaySeq play_seq = 0;
  BarIndex bar_index = 0;
  Ticks begin;  // play position of its line
  Ticks end;    // of the next line
  Meter meter;
  bool pickup = false;  // a short bar 0: context only

  Ticks length() const { return end - begin; }
};

class Timeline {
 public:
  static constexpr int kMaxAnchors = 48;  // two quarter notes of pulses
  static constexpr int kMaxBars = 8;

  // ---- Writer ----
  // Forgets everything: a new epoch that is not running.
  void Reset(Epoch epoch);
  void set_running(bool running) { running_ = running; }
  // Anchors that are not before it, in ticks and in time, were mistaken and are
  // dropped. `nanos_per_tick` (> 0) holds after it.
  void AddAnchor(Ticks at, MonoTime time, double nanos_per_tick);
  // Bars in order of play_seq; a bar with a known play_seq replaces it and
  // drops what follows it.
  void SetBar(const BarSpan& bar);

  // ---- Reader ----
  Epoch epoch() const { return epoch_; }
  bool running() const { return running_; }
  bool has_time() const { return anchor_count_ > 0; }
  MonoTime TimeAt(Ticks position) const;
  Ticks TicksAt(MonoTime time) const;  // rounded to the nearest tick
  double quarters_per_minute() const;
  std::optional<BarSpan> Bar(PlaySeq play_seq) const;
  // The newest bar that begins at or before `position`.
  std::optional<BarSpan> BarAt(Ticks position) const;
  std::optional<BarSpan> LastBar() const;

 private:
  struct Anchor {
    Ticks at;
    MonoTime time;
  };

  // Index of the anchor whose segment holds the argument; 0 before the first.
  int SegmentOf(Ticks position) const;
  int SegmentOf(MonoTime time) const;
  double SlopeOf(int segment) const;

  Epoch epoch_ = 0;
  bool running_ = false;
  int anchor_count_ = 0;
  int bar_count_ = 0;
  double nanos_per_tick_ = 500e6 / kTicksPerQuarter;
  std::array<Anchor, kMaxAnchors> anchors_{};
  std::array<BarSpan, kMaxBars> bars_{};
};

}  // namespace antiphon

#endif  // ANTIPHON_COMMON_MUSIC_TIMELINE_H_
