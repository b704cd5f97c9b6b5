// SPDX-License-Identifier: Apache-2.0
#include "edge/bars/bar_assembler.h"

#include <algorithm>
#include <array>
#include <utility>

namespace antiphon::edge {
namespace {

constexpr Ticks kEarly = Ticks::Of(kTicksPerWhole / 32);
constexpr Ticks kHalfPulse = Ticks::Of(kTicksPerPulse / 2);
constexpr uint8_t kSustainPedal = 64;
constexpr uint8_t kPedalDown = 64;

// What arrived in time may not stand in ticks: the tempo was corrected between
// two events. Nearly sorted, stable, without allocation.
template <typename T, size_t kSize>
void SortByTick(std::array<T, kSize>& items, int count) {
  for (size_t i = 1; i < static_cast<size_t>(count); ++i) {
    for (size_t j = i; j > 0 && items[j].tick < items[j - 1].tick; --j) {
      std::swap(items[j], items[j - 1]);
    }
  }
}

}  // namespace

void BarAssembler::OnMessage(const TimedMessage& m, const Timeline& timeline) {
  const Ticks at = timeline.TicksAt(m.at);
  if (m.message.IsNoteOn()) {
    OnNoteOn(m.message, at, timeline, m.at);
  } else if (m.message.IsNoteOff()) {
    OnNoteOff(m.message, at);
  } else if (m.message.IsControlChange() &&
             m.message.controller() == kSustainPedal) {
    OnPedal(m.message, at, timeline);
  }
}

void BarAssembler::MoveLine(PlaySeq bar, Ticks line) {
  for (Played& note : notes_) {
    if (note.bar != bar && note.on < line) continue;
    note.bar = bar;
    note.on = line;
  }
  for (Pedal& pedal : pedals_) {
    if (pedal.bar != bar && pedal.at < line) continue;
    pedal.bar = bar;
    pedal.at = std::max(pedal.at, line);
  }
}

void BarAssembler::Clear() {
  notes_.clear();
  pedals_.clear();
  pedal_down_.fill(false);
}

void BarAssembler::OnNoteOn(const MidiMessage& m, Ticks at,
                            const Timeline& timeline, MonoTime time) {
  OnNoteOff(m, at);  // a key struck twice without an off between
  std::optional<BarSpan> bar = timeline.BarAt(at);
  // The bar of an early downbeat; before the epoch's first line there is no
  // other.
  const auto next = timeline.BarAt(at + kEarly - Ticks::Of(1));
  if (next && at < next->begin &&
      timeline.TimeAt(next->begin) - time < absl::Milliseconds(40)) {
    bar = next;
    at = next->begin;
  }
  // The downbeat that the follower attached to, up to half a pulse before it.
  if (!bar && (bar = timeline.BarAt(at + kHalfPulse))) at = bar->begin;
  if (!bar) return;
  if (notes_.size() == kMaxNotes) {
    notes_.pop_front();
    ++forgotten_;
  }
  Played note;
  note.bar = bar->play_seq;
  note.on = at;
  note.channel = static_cast<uint8_t>(m.channel());
  note.pitch = static_cast<uint8_t>(m.pitch());
  note.velocity = static_cast<uint8_t>(m.velocity());
  notes_.push_back(note);
}

void BarAssembler::OnNoteOff(const MidiMessage& m, Ticks at) {
  for (Played& note : notes_) {
    if (note.held_by != HeldBy::kKey || note.pitch != m.pitch() ||
        note.channel != m.channel()) {
      continue;
    }
    note.held_by = pedal_down_[static_cast<size_t>(m.channel())]
                       ? HeldBy::kPedal
                       : HeldBy::kNone;
    note.off = at;
  }
}

void BarAssembler::OnPedal(const MidiMessage& m, Ticks at,
                           const Timeline& timeline) {
  const bool down = m.value() >= kPedalDown;
  bool& was_down = pedal_down_[static_cast<size_t>(m.channel())];
  if (down == was_down) return;
  const bool was_any_down = IsAnyPedalDown();
  was_down = down;
  if (IsAnyPedalDown() != was_any_down) {
    // Before the epoch's first line there is no bar: down at its origin.
    const std::optional<BarSpan> bar = timeline.BarAt(at);
    if (pedals_.size() == kMaxPedals) pedals_.pop_front();
    pedals_.push_back({bar ? bar->play_seq : PlaySeq{}, at, down});
  }
  if (down) return;
  for (Played& note : notes_) {
    if (note.held_by != HeldBy::kPedal || note.channel != m.channel()) continue;
    note.held_by = HeldBy::kNone;
    note.off = at;
  }
}

bool BarAssembler::IsAnyPedalDown() const {
  return std::any_of(pedal_down_.begin(), pedal_down_.end(),
                     [](bool down) { return down; });
}

bool BarAssembler::HasNoteOn(PlaySeq bar) const {
  return std::any_of(notes_.begin(), notes_.end(),
                     [bar](const Played& note) { return note.bar == bar; });
}

void BarAssembler::FillContext(PlaySeq origin, PlaySeq last, Ticks cut,
                               const Timeline& timeline,
                               Context& context) const {
  context.origin = origin;
  context.note_count = context.pedal_count = context.bar_count = 0;
  const std::optional<BarSpan> first = timeline.Bar(origin);
  if (!first) return;
  const Ticks zero = first->begin;
  for (PlaySeq seq = origin; seq <= last; ++seq) {
    const std::optional<BarSpan> bar = timeline.Bar(seq);
    if (!bar || context.bar_count == kMaxContextBars) break;
    context.bars[static_cast<size_t>(context.bar_count++)] = {bar->begin - zero,
                                                              bar->meter};
  }
  const Stretch stretch{origin, last, zero, cut};
  FillNotes(stretch, context);
  FillPedals(stretch, context);
}

void BarAssembler::FillNotes(const Stretch& stretch, Context& context) const {
  // The newest, where there are more than fit.
  int skip = -kMaxContextNotes;
  for (const Played& note : notes_) skip += stretch.Holds(note.bar, note.on);
  for (const Played& note : notes_) {
    if (!stretch.Holds(note.bar, note.on) || skip-- > 0) continue;
    const bool sounds = note.held_by != HeldBy::kNone || note.off > stretch.cut;
    const Ticks end = sounds ? stretch.cut : note.off;
    context.notes[static_cast<size_t>(context.note_count++)] = {
        .tick = note.on - stretch.zero,
        .duration = std::max(Ticks::Of(1), end - note.on),
        .pitch = note.pitch,
        .velocity = note.velocity,
        .source = NoteSource::kHuman,
        .held_by = note.held_by != HeldBy::kNone ? note.held_by
                   : sounds                      ? HeldBy::kKey
                                                 : HeldBy::kNone};
  }
  SortByTick(context.notes, context.note_count);
}

void BarAssembler::FillPedals(const Stretch& stretch, Context& context) const {
  // The newest, and one place for where the pedal is at the origin.
  int skip = 1 - kMaxContextPedals;
  bool down = false;
  for (const Pedal& pedal : pedals_) {
    if (pedal.at < stretch.zero) down = pedal.down;
    skip += stretch.Holds(pedal.bar, pedal.at);
  }
  const auto add = [&context](const PedalChange& change) {
    context.pedals[static_cast<size_t>(context.pedal_count++)] = change;
  };
  if (down) add({Ticks(), true});
  for (const Pedal& pedal : pedals_) {
    if (!stretch.Holds(pedal.bar, pedal.at) || skip-- > 0) continue;
    add({pedal.at - stretch.zero, pedal.down});
  }
  SortByTick(context.pedals, context.pedal_count);
}

}  // namespace antiphon::edge
