// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/truth.h"

#include <algorithm>
#include <cmath>

namespace antiphon::sim {
namespace {

using Kind = HostPulse::Kind;

constexpr Ticks kLoopReach = Ticks::FromPulses(2);
constexpr double kEarlyTicks = kTicksPerWhole / 32.0;
const absl::Duration kEarly = absl::Milliseconds(40);
// So many pulses after a change of tempo it is still a surprise.
constexpr int kSuddenPulses = 6;
// A jump is known this much later.
const absl::Duration kReaction = absl::Milliseconds(3);
// What a clock is taken for before it is known: 120 BPM.
const absl::Duration kAtFirst = absl::Seconds(0.5 / 24);
// A clock so late, in periods, may also be the one after a lost one.
constexpr double kVague = 0.25;
// A lost clock is counted within a beat.
constexpr size_t kRepaired = 24 + 3;
constexpr size_t kTwoBeats = 48;
// So long a new tempo is strange.
const absl::Duration kStrange = absl::Milliseconds(250);
// A key let go, or a loop, this near the line counts as either side of it.
const absl::Duration kNear = absl::Milliseconds(15);
// A clock further off than this share of the period is out of step.
constexpr double kUneven = 1e-3;

double Ratio(absl::Duration a, absl::Duration b) {
  return absl::ToDoubleNanoseconds(a) / absl::ToDoubleNanoseconds(b);
}

}  // namespace

Truth::Truth(const HostScript& script)
    : meters_(script.meters()),
      pulses_(script.pulses()),
      stopped_(script.StoppedTimes()) {
  ReadPulses();
  ReadBars();
  ReadNotes(script.keys());
}

// ---- Clocks ----

void Truth::ReadPulses() {
  for (size_t i = 0; i < pulses_.size(); ++i) {
    const absl::Duration before = i > 0 ? pulses_[i - 1].period : kAtFirst;
    const absl::Duration late =
        i > 0 ? At(i) - At(i - 1) - before : absl::ZeroDuration();
    const double tempo = Ratio(before, pulses_[i].period);
    if (i == 0 || pulses_[i].lost || std::abs(Ratio(late, before)) > kUneven ||
        std::abs(tempo - 1) > kUneven) {
      const bool vague = i > 0 && !pulses_[i].lost &&
                         pulses_[i].kind == Kind::kNext &&
                         Ratio(late, before) > kVague;
      uneven_.push_back({i, tempo, vague});
    } else if (pulses_[i].period != before) {
      drifts_.push_back(i);
    }
  }
}

bool Truth::IsRegular(size_t from, size_t to) const {
  return std::none_of(
      uneven_.begin(), uneven_.end(), [&](const Uneven& uneven) {
        if (uneven.pulse > from) return uneven.pulse <= to;
        const HostPulse& pulse = pulses_[uneven.pulse];
        if (pulse.lost) return from < uneven.pulse + kRepaired;
        if (uneven.vague && !IsLocatedSince(uneven.pulse, from)) return true;
        // Between the first clocks of a tempo nothing is known of it.
        const bool same = uneven.tempo > 0.8 && uneven.tempo < 1.25;
        return (uneven.pulse < from || !same) &&
               At(from) < pulse.steady + kStrange;
      });
}

bool Truth::IsLocatedSince(size_t from, size_t to) const {
  for (size_t i = from + 1; i < to; ++i) {
    if (pulses_[i].located) return true;
  }
  return pulses_[to].located && pulses_[to].kind == Kind::kFirst;
}

bool Truth::IsSudden(MonoTime at) const {
  const bool jump =
      std::any_of(jumps_.begin(), jumps_.end(), [&](size_t jumped) {
        const HostPulse& pulse = pulses_[jumped];
        return absl::AbsDuration(at - pulse.at) < pulse.period / 2;
      });
  return jump ||
         std::any_of(uneven_.begin(), uneven_.end(), [&](const Uneven& uneven) {
           const HostPulse& pulse = pulses_[uneven.pulse];
           return at > pulse.at - pulse.period &&
                  at < pulse.at + kSuddenPulses * pulse.period;
         });
}

bool Truth::IsSurprised(MonoTime at) const {
  return std::any_of(uneven_.begin(), uneven_.end(), [&](const Uneven& uneven) {
    const HostPulse& pulse = pulses_[uneven.pulse];
    return at >= pulse.at && at < pulse.at + pulse.period + kReaction;
  });
}

bool Truth::IsDrifting(size_t from, size_t to) const {
  const size_t since = from > kTwoBeats ? from - kTwoBeats : 0;
  const auto next = std::upper_bound(drifts_.begin(), drifts_.end(), since);
  return next != drifts_.end() && *next <= to;
}

bool Truth::IsDrifting(MonoTime at) const {
  const auto after = std::upper_bound(
      pulses_.begin(), pulses_.end(), at,
      [](MonoTime t, const HostPulse& pulse) { return t < pulse.steady; });
  const auto pulse = static_cast<size_t>(after - pulses_.begin());
  return IsDrifting(pulse, pulse);
}

absl::Duration Truth::EvenFor(size_t pulse) const {
  const auto after = std::upper_bound(
      uneven_.begin(), uneven_.end(), pulse,
      [](size_t i, const Uneven& uneven) { return i < uneven.pulse; });
  return At(pulse) - At(std::prev(after)->pulse);
}

// ---- Bars ----

void Truth::ReadBars() {
  bar_of_.assign(pulses_.size(), -1);
  for (size_t i = 0; i < pulses_.size(); ++i) {
    switch (pulses_[i].kind) {
      case Kind::kIdle:
        continue;
      case Kind::kFirst:
        breaks_.push_back(pulses_[i].at);
        Begin(i);
        break;
      case Kind::kMoved:
        jumps_.push_back(i);
        Move(i);
        break;
      case Kind::kNext:
        if (Elapsed(i) == bars_.back().length) {
          bars_.back().end = i;
          Begin(i);
        }
    }
    bar_of_[i] = static_cast<int>(bars_.size()) - 1;
  }
  for (const Stopped& stop : stopped_) breaks_.push_back(stop.from);
  std::sort(breaks_.begin(), breaks_.end());
}

// Ticks since the line of the bar that is open.
Ticks Truth::Elapsed(size_t pulse) const {
  const TrueBar& bar = bars_.back();
  return bar.offset +
         Ticks::FromPulses(static_cast<int64_t>(pulse - bar.first));
}

void Truth::Begin(size_t pulse) {
  const Ticks song = Ticks::FromPulses(pulses_[pulse].song);
  const HostBar host = meters_.BarAt(song);
  TrueBar bar;
  const bool goes_on = !bars_.empty() && bars_.back().end == pulse;
  bar.run = bars_.empty() ? 0 : bars_.back().run + (goes_on ? 0 : 1);
  bar.first = pulse;
  bar.offset = song - host.begin;
  bar.length = host.meter.BarLength();
  bar.meter = host.meter;
  bar.index = host.index;
  bar.unseen = pulses_[pulse].back;
  bars_.push_back(bar);
}

// A loop leaves within two pulses of a line and lands on one; all else breaks.
void Truth::Move(size_t pulse) {
  const Ticks song = Ticks::FromPulses(pulses_[pulse].song);
  const bool on_a_line = meters_.BarAt(song).begin == song;
  TrueBar& open = bars_.back();
  const Ticks elapsed = Elapsed(pulse);
  if (!on_a_line ||
      (elapsed > kLoopReach && open.length - elapsed > kLoopReach)) {
    breaks_.push_back(pulses_[pulse].at);
    return Begin(pulse);
  }
  if (elapsed > kLoopReach || elapsed == open.length) {  // early, or on it
    open.length = elapsed;
    open.end = pulse;
    return Begin(pulse);
  }
  // Late: the bar just begun begins again. That its first line was not seen
  // stays true for a bar that began between lines.
  const TrueBar again = open;
  bars_.pop_back();
  Begin(pulse);
  bars_.back().run = again.run;
  bars_.back().began = again.began.value_or(again.first);
  bars_.back().restarted_twice =
      again.began.has_value() || again.offset > Ticks();
}

std::optional<Meter> Truth::ForeseenAfter(size_t human) const {
  const size_t line = bars_[human].end;
  const auto after_next = [&](int64_t song) {
    const HostBar next = meters_.BarAt(Ticks::FromPulses(song));
    return meters_.BarAt(next.end()).meter;
  };
  const Meter meter = after_next(pulses_[line].song);
  for (size_t i = line; i < pulses_.size(); ++i) {
    if (pulses_[i].at > At(line) + kNear) break;
    if (pulses_[i].kind == Kind::kMoved &&
        (after_next(pulses_[i].song) != meter ||
         after_next(pulses_[i - 1].song + 1) != meter)) {
      return std::nullopt;
    }
  }
  return meter;
}

// ---- Notes ----

std::optional<Truth::Place> Truth::PlaceOf(MonoTime at) const {
  const auto after = std::upper_bound(
      pulses_.begin(), pulses_.end(), at,
      [](MonoTime t, const HostPulse& pulse) { return t < pulse.steady; });
  if (after == pulses_.begin()) return std::nullopt;
  const auto pulse = static_cast<size_t>(after - pulses_.begin()) - 1;
  if (bar_of_[pulse] < 0) return std::nullopt;
  const auto bar = static_cast<size_t>(bar_of_[pulse]);
  const bool followed =
      pulse + 1 < pulses_.size() && bar_of_[pulse + 1] >= 0 &&
      bars_[static_cast<size_t>(bar_of_[pulse + 1])].run == bars_[bar].run;
  const absl::Duration period =
      followed ? At(pulse + 1) - At(pulse) : pulses_[pulse].period;
  if (pulse < bars_[bar].first) return Place{bar, 0, period};  // began again
  const double pulses = static_cast<double>(pulse - bars_[bar].first) +
                        Ratio(at - At(pulse), period);
  return Place{bar,
               static_cast<double>(bars_[bar].offset.count()) +
                   pulses * static_cast<double>(kTicksPerPulse),
               period};
}

// An onset shortly before the line is the next bar's downbeat.
std::optional<Truth::Place> Truth::PlaceOfOnset(MonoTime at) const {
  const std::optional<Place> place = PlaceOf(at);
  if (!place) return place;
  const TrueBar& bar = bars_[place->bar];
  // A run begins when its first clock is there.
  const bool first = place->bar == 0 || bars_[place->bar - 1].run != bar.run;
  if (first && at < pulses_[bar.began.value_or(bar.first)].at) {
    return std::nullopt;
  }
  const double left =
      static_cast<double>(bar.meter.BarLength().count()) - place->tick;
  const bool early =
      left < kEarlyTicks &&
      left / static_cast<double>(kTicksPerPulse) * place->period < kEarly;
  // In a bar left early: it rounds to the line.
  const bool rounds =
      place->tick > static_cast<double>(bar.length.count()) - 0.5;
  if (early || rounds) {
    const size_t next = place->bar + 1;
    if (next == bars_.size() || bars_[next].run != bar.run) return std::nullopt;
    return Place{next, 0, place->period};
  }
  return place;
}

// What holds notes at one moment.
struct Truth::Hands {
  std::vector<size_t> keys;   // notes whose key is down
  std::vector<size_t> pedal;  // notes that the pedal holds alone
  bool pedal_down = false;
};

void Truth::ReadNotes(std::vector<TimedMessage> keys) {
  Hands hands;
  size_t next_break = 0;
  std::stable_sort(
      keys.begin(), keys.end(),
      [](const TimedMessage& a, const TimedMessage& b) { return a.at < b.at; });
  for (const TimedMessage& m : keys) {
    for (; next_break < breaks_.size() && breaks_[next_break] <= m.at;
         ++next_break) {
      hands = {};
    }
    if (m.message.IsNoteOn()) {
      Strike(m, hands);
    } else if (m.message.IsNoteOff()) {
      Release(m, hands);
    } else if (m.message.IsControlChange() && PlaceOf(m.at)) {
      MovePedal(m, hands);
    }
  }
}

void Truth::Strike(const TimedMessage& m, Hands& hands) {
  const std::optional<Place> place = PlaceOfOnset(m.at);
  if (!place) return;
  hands.keys.push_back(notes_.size());
  notes_.push_back({.bar = place->bar,
                    .on = place->tick,
                    .off_at = MonoTime::Max(),
                    .off = std::nullopt,
                    .pitch = m.message.pitch(),
                    .velocity = m.message.velocity()});
}

void Truth::Release(const TimedMessage& m, Hands& hands) {
  std::erase_if(hands.keys, [&](size_t note) {
    if (notes_[note].pitch != m.message.pitch()) return false;
    if (hands.pedal_down) {
      hands.pedal.push_back(note);
    } else {
      End(note, m.at);
    }
    return true;
  });
}

void Truth::MovePedal(const TimedMessage& m, Hands& hands) {
  hands.pedal_down = m.message.value() >= 64;
  if (hands.pedal_down) return;
  for (const size_t note : hands.pedal) End(note, m.at);
  hands.pedal.clear();
}

void Truth::End(size_t note, MonoTime at) {
  notes_[note].off_at = at;
  const std::optional<Place> place = PlaceOf(at);
  const size_t bar = notes_[note].bar;
  if (place && place->bar <= bar) {
    notes_[note].off = place->bar < bar ? 0 : place->tick;
  }
}

// ---- What is owed ----

MonoTime Truth::TimeIn(const TrueBar& bar, double tick,
                       bool first_begin) const {
  const size_t zero = first_begin ? *bar.began : bar.first;
  const double pulses = tick / static_cast<double>(kTicksPerPulse);
  const auto whole = std::min(static_cast<size_t>(pulses), bar.end - zero);
  const size_t pulse = zero + whole;
  return At(pulse) +
         (pulses - static_cast<double>(whole)) * pulses_[pulse].period;
}

std::vector<Owed> Truth::AnswerTo(size_t human, size_t target,
                                  Meter asked_meter) const {
  const TrueBar& bar = bars_[target];
  const auto asked = static_cast<double>(asked_meter.BarLength().count());
  const auto length = std::min(asked, static_cast<double>(bar.length.count()));
  std::vector<Owed> owed;
  for (const TrueNote& note : notes_) {
    if (note.bar != human || std::round(note.on) >= length) continue;
    const double off = std::max(note.on + 1, note.off.value_or(asked));
    // What had sounded before the host left late is not struck again.
    const MonoTime at_first = TimeIn(bar, note.on, bar.began.has_value());
    const bool before = bar.began && at_first < LineOf(bar);
    const bool doubtful =
        bar.began && !before && at_first < LineOf(bar) + kReaction;
    // A bar that became shorter ends what lasts longer.
    MonoTime ends = TimeIn(bar, std::min(off, asked), before);
    if (length < asked) ends = std::min(ends, EndOf(bar));
    owed.push_back(
        {.on = TimeIn(bar, note.on, before),
         .off = ends,
         .pitch = note.pitch,
         .velocity = note.velocity,
         .early = doubtful ? LineOf(bar) - BeginOf(bar) : absl::ZeroDuration(),
         .off_open = note.off_at > EndOf(bars_[human]) - kNear &&
                     note.off_at < EndOf(bars_[human]) + kNear});
  }
  std::stable_sort(owed.begin(), owed.end(),
                   [](const Owed& a, const Owed& b) { return a.on < b.on; });
  for (size_t i = 0; i < owed.size(); ++i) {
    for (size_t j = i + 1; j < owed.size(); ++j) {
      if (owed[j].pitch != owed[i].pitch) continue;
      owed[i].off = std::min(owed[i].off, owed[j].on);  // struck again
      break;
    }
  }
  return owed;
}

}  // namespace antiphon::sim
