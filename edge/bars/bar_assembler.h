// SPDX-License-Identifier: Apache-2.0
//
// What the player plays, bar by bar: note-ons and note-offs, the sustain pedal,
// keys held over the line. Positions are play positions of one epoch. From it
// the context of a job is cut.
//
// An onset less than min(1/32 note, 40 ms) before a bar line belongs to the bar
// after it, at tick 0. A note ends when neither key nor pedal holds it.
// Velocity-0 note-ons are note-offs; CC64 >= 64 is down, only transitions
// count. Each channel's pedal holds its own notes; a context, which knows no
// channels, tells one pedal, down while any of them is.
//
// Conductor thread. Limits: kMaxNotes and kMaxPedals of history, the oldest
// forgotten first; a context carries at most kMaxContextNotes, the newest, and
// fewer than kMaxContextPedals pedal changes, the newest. Where the pedal is
// down at the origin, the first change says so, at tick 0.
#ifndef ANTIPHON_EDGE_BARS_BAR_ASSEMBLER_H_
#define ANTIPHON_EDGE_BARS_BAR_ASSEMBLER_H_

#include <array>
#include <cstdint>
#include <deque>

#include "common/midi/message.h"
#include "common/music/note.h"
#include "common/music/timeline.h"
#include "edge/client/accompanist.h"

namespace antiphon::edge {

class BarAssembler {
 public:
  static constexpr size_t kMaxNotes = 2048;
  static constexpr size_t kMaxPedals = 1024;

  // Notes and CC64; anything else is ignored. `timeline` runs.
  void OnMessage(const TimedMessage& m, const Timeline& timeline);

  // The bar under way begins at `line` after all (a loop left early or late):
  // what was begun in it, or is not before that line, stands on it.
  void MoveLine(PlaySeq bar, Ticks line);

  // A break: history is empty, keys still held are forgotten.
  void Clear();

  // Whether a note began in the bar.
  bool HasNoteOn(PlaySeq bar) const;

  // Everything from the line of `origin` up to `cut` (play position; a bar line
  // at lag 1) of the bars up to `last`.
  void FillContext(PlaySeq origin, PlaySeq last, Ticks cut,
                   const Timeline& timeline, Context& context) const;

  uint64_t forgotten() const { return forgotten_; }

 private:
  struct Played {
    PlaySeq bar = 0;
    Ticks on;   // play position
    Ticks off;  // meaningless while it sounds
    HeldBy held_by = HeldBy::kKey;
    uint8_t channel = 0;
    uint8_t pitch = 0;
    uint8_t velocity = 0;
  };
  struct Pedal {
    PlaySeq bar = 0;
    Ticks at;
    bool down = false;
  };

  // Of what a context is made.
  struct Stretch {
    PlaySeq origin = 0;
    PlaySeq last = 0;
    Ticks zero;  // the origin's line
    Ticks cut;

    bool Holds(PlaySeq bar, Ticks at) const {
      return bar >= origin && bar <= last && at >= zero && at < cut;
    }
  };

  void OnNoteOn(const MidiMessage& m, Ticks at, const Timeline& timeline,
                MonoTime time);
  void OnNoteOff(const MidiMessage& m, Ticks at);
  void OnPedal(const MidiMessage& m, Ticks at, const Timeline& timeline);
  bool IsAnyPedalDown() const;
  void FillNotes(const Stretch& stretch, Context& context) const;
  void FillPedals(const Stretch& stretch, Context& context) const;

  std::deque<Played> notes_;           // by onset
  std::deque<Pedal> pedals_;           // of all channels as one
  std::array<bool, 16> pedal_down_{};  // by channel
  uint64_t forgotten_ = 0;
};

}  // namespace antiphon::edge

#endif  // ANTIPHON_EDGE_BARS_BAR_ASSEMBLER_H_
