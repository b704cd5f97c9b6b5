// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/host_script.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "common/music/ticks.h"

namespace antiphon::sim {
namespace {

// Rules of transport and clock, from the contract.
const absl::Duration kStopActs = absl::Milliseconds(20);
const absl::Duration kFreewheel = absl::Milliseconds(250);
const absl::Duration kSlowestPulse = absl::Milliseconds(125);

// Two beats: then the edge knows the period.
constexpr int kKnown = 48;

constexpr int kLowestKey = 36;
constexpr int kKeys = 48;
// Two strokes of one key are no closer.
const absl::Duration kKeyRests = absl::Milliseconds(30);
const absl::Duration kGuard = absl::Milliseconds(12);

}  // namespace

HostScript::HostScript(const Options& options)
    : options_(options),
      random_(options.seed),
      quarters_per_minute_(options.quarters_per_minute) {
  key_free_.fill(MonoTime::Min());
}

// ---- The host ----

void HostScript::Start() {
  EndStop(Emit(MidiMessage::Start()));
  next_song_ = 0;
  located_ = true;
}

void HostScript::Stop() {
  const MonoTime at = Emit(MidiMessage::Stop());
  if (will_run_) stop_at_ = at;
  will_run_ = false;
}

void HostScript::Continue() { EndStop(Emit(MidiMessage::Continue())); }

void HostScript::Locate(int sixteenths) {
  Emit(MidiMessage::SongPosition(sixteenths));
  next_song_ = sixteenths * kPulsesPerSixteenth;
  located_ = true;
}

void HostScript::Clocks(int64_t count) {
  const MonoTime start = now_;
  for (int64_t i = 1; i <= count; ++i) {
    Clock();
    now_ = start + static_cast<double>(i) * period();
  }
}

void HostScript::Lose(int64_t count) {
  even_ = 0;
  for (; count > 0; --count) {
    if (ran_)
      Count({.at = now_, .steady = now_, .period = period(), .lost = true});
    now_ = now_ + period();
  }
}

void HostScript::Wait(absl::Duration duration) { now_ = now_ + duration; }

void HostScript::set_tempo(double quarters_per_minute) {
  even_ = 0;
  quarters_per_minute_ = quarters_per_minute;
}

void HostScript::HoldUp(absl::Duration duration) {
  even_ = 0;
  last_sent_ = std::max(last_sent_, now_ + duration);
}

void HostScript::SilenceAll() {
  for (int channel = 0; channel < 16; ++channel) {
    for (const int controller : {120, 123}) {
      Emit(MidiMessage::ControlChange(channel, controller, 0));
    }
  }
}

void HostScript::Clock() {
  const MonoTime at = Emit(MidiMessage::Clock());
  HostPulse pulse{
      .at = at, .steady = now_ + options_.jitter.Mean(), .period = period()};
  if (ran_ && !will_run_) {
    NoteStop(stop_at_, std::min(at, stop_at_ + kStopActs));
  }
  if (ran_ && at > LossBy(pulses_.back().period)) {
    NoteStop(LossBy(LongestPeriod()), LossBy(kSlowestPulse));
    pulse.back = true;
  }
  even_ = at > heard_ + 1.5 * period() ? 0 : even_ + 1;
  heard_ = at;
  Count(pulse);
}

// Where in the song the host means this clock to be.
void HostScript::Count(HostPulse pulse) {
  pulse.song = next_song_;
  if (will_run_) {
    pulse.kind = !ran_                     ? HostPulse::Kind::kFirst
                 : next_song_ == song_ + 1 ? HostPulse::Kind::kNext
                                           : HostPulse::Kind::kMoved;
    if (!ran_ && !stopped_.empty()) stopped_.back().to = pulse.at;
    ran_ = true;
    song_ = next_song_++;
    pulse.located = std::exchange(located_, false);
  }
  pulses_.push_back(pulse);
}

absl::Duration HostScript::period() const {
  return absl::Nanoseconds(60e9 / quarters_per_minute_ / 24);
}

// When the clock counts as lost, if none has come since the last one heard.
MonoTime HostScript::LossBy(absl::Duration period) const {
  return heard_ + period + std::max(kFreewheel, 3 * period);
}

absl::Duration HostScript::LongestPeriod() const {
  return even_ >= kKnown ? period() : kSlowestPulse;
}

MonoTime HostScript::Emit(const MidiMessage& message) {
  last_sent_ = std::max(last_sent_, now_ + options_.jitter.Draw(now_, random_));
  host_.push_back({last_sent_, message});
  return last_sent_;
}

// Time goes on at `at`. If a stop has acted before, that is another run.
void HostScript::EndStop(MonoTime at) {
  if (ran_ && !will_run_ && at > stop_at_ + kStopActs) {
    NoteStop(stop_at_, stop_at_ + kStopActs);
  }
  will_run_ = true;
}

void HostScript::NoteStop(MonoTime told, MonoTime from) {
  stopped_.push_back({told, from});
  ran_ = false;
}

// ---- The player ----

void HostScript::Key(MonoTime on, MonoTime off, int pitch, int velocity) {
  keys_.push_back({on, MidiMessage::NoteOn(0, pitch, velocity)});
  keys_.push_back({off, MidiMessage::NoteOff(0, pitch)});
  MonoTime& free = key_free_[static_cast<size_t>(pitch)];
  free = std::max(free, off + kKeyRests);
}

void HostScript::Pedal(MonoTime down, MonoTime up) {
  keys_.push_back({down, MidiMessage::ControlChange(0, 64, 127)});
  keys_.push_back({up, MidiMessage::ControlChange(0, 64, 0)});
}

void HostScript::Play(int64_t pulses, int notes) {
  Improvise(pulses, notes);
  Clocks(pulses);
}

void HostScript::PlayBar(int notes) { Play(PulsesToLine(), notes); }

void HostScript::PlayBars(int bars, int notes) {
  for (int i = 0; i < bars; ++i) PlayBar(notes);
}

int64_t HostScript::PulsesToLine() const {
  const Ticks here = Ticks::FromPulses(next_song_);
  return (options_.meters.BarAt(here).end() - here).Pulses();
}

int HostScript::began_at() const {
  for (auto pulse = pulses_.rbegin(); pulse != pulses_.rend(); ++pulse) {
    if (pulse->kind == HostPulse::Kind::kFirst) {
      return static_cast<int>(pulse->song / kPulsesPerSixteenth);
    }
  }
  return 0;
}

int HostScript::Random(int below) {
  return static_cast<int>(random_() % static_cast<uint64_t>(below));
}

// The next clock leaves a bar before its end. Where clocks are not exact,
// nobody can tell a note on this line from one before it.
bool HostScript::IsSuddenLine() const {
  const Ticks left = Ticks::FromPulses(song_ + 1);
  const bool exact = options_.jitter.Most() == absl::ZeroDuration() &&
                     quarters_per_minute_ == options_.quarters_per_minute;
  return !exact && next_song_ != song_ + 1 &&
         options_.meters.BarAt(left).begin != left;
}

int HostScript::FreeKey(MonoTime from) {
  for (int tries = 0; tries < 2 * kKeys; ++tries) {
    const int pitch = kLowestKey + Random(kKeys);
    if (key_free_[static_cast<size_t>(pitch)] <= from) return pitch;
  }
  return -1;
}

// Short notes and long ones, some over the line, some on it, some a little
// before it.
void HostScript::Improvise(int64_t pulses, int notes) {
  const absl::Duration length = static_cast<double>(pulses) * period();
  std::vector<absl::Duration> onsets;
  for (int i = 0; i < notes; ++i) {
    absl::Duration onset = Fraction(random_) * length;
    if (Random(12) == 0) onset = absl::ZeroDuration();
    if (Random(12) == 0) onset = length - Fraction(random_) * Early();
    if (IsDoubtful(onset)) onset -= 2 * Guard();
    if (IsSuddenLine() && onset < Guard()) onset = Guard();
    if (onset >= absl::ZeroDuration()) onsets.push_back(onset);
  }
  std::sort(onsets.begin(), onsets.end());
  for (const absl::Duration onset : onsets) {
    const MonoTime on = now_ + options_.jitter.Mean() + onset;
    const int pitch = FreeKey(on);
    if (pitch < 0) continue;
    const absl::Duration most = Random(3) > 0 ? 12 * period() : 2 * length;
    Key(on, on + absl::Milliseconds(2) + Fraction(random_) * most, pitch,
        1 + Random(127));
  }
  if (notes > 0 && Random(6) == 0) {
    const MonoTime down = now_ + Fraction(random_) * length;
    Pedal(down, down + Fraction(random_) * length);
  }
}

// An onset so much before a line is its downbeat.
absl::Duration HostScript::Early() const {
  return std::min(absl::Milliseconds(40), 3 * period());  // a 1/32 note
}

// No onset is so close to where a bar begins to take it as its downbeat that
// jitter decides.
absl::Duration HostScript::Guard() const {
  return std::max(kGuard, options_.jitter.Most() / 2);
}

// Whether jitter could decide which bar an onset belongs to.
bool HostScript::IsDoubtful(absl::Duration onset) const {
  const double pulses =
      absl::ToDoubleNanoseconds(onset) / absl::ToDoubleNanoseconds(period());
  const auto whole = static_cast<int64_t>(pulses);
  const Ticks here = Ticks::FromPulses(next_song_ + whole);
  const Ticks left = options_.meters.BarAt(here).end() - here;
  const absl::Duration before =
      (static_cast<double>(left.Pulses() + whole) - pulses) * period();
  return absl::AbsDuration(before - Early()) < Guard();
}

// ---- What it comes to ----

std::vector<TimedMessage> HostScript::Messages() const {
  std::vector<TimedMessage> all = host_;
  all.insert(all.end(), keys_.begin(), keys_.end());
  std::stable_sort(
      all.begin(), all.end(),
      [](const TimedMessage& a, const TimedMessage& b) { return a.at < b.at; });
  return all;
}

std::vector<Stopped> HostScript::StoppedTimes() const {
  std::vector<Stopped> all = stopped_;
  if (!ran_ || pulses_.empty()) return all;
  if (will_run_) {
    all.push_back({LossBy(LongestPeriod()), LossBy(kSlowestPulse)});
  } else {
    all.push_back({stop_at_, stop_at_ + kStopActs});
  }
  return all;
}

}  // namespace antiphon::sim
