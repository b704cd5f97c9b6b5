// SPDX-License-Identifier: Apache-2.0
#include "edge/clock/clock_follower.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace antiphon::edge {

ClockFollower::ClockFollower(Options options) : options_(std::move(options)) {}

ClockFollower::Change ClockFollower::OnMessage(const TimedMessage& m) {
  if (m.message.IsClock()) return OnClock(m.at);
  if (m.message.IsNoteOn()) return AttachAt(m.at);
  const bool attach =
      m.message.IsSongPosition() && transport_.may_attach() && IsAlive(m.at);
  transport_.OnMessage(m);
  if (attach) transport_.Attach();
  if (m.message.IsStart() || m.message.IsContinue() || m.message.IsStop()) {
    burst_left_ = 0;
  }
  return Change::kNone;
}

std::optional<MonoTime> ClockFollower::NextDue() const {
  const std::optional<MonoTime> stop = transport_.StopDue();
  const std::optional<MonoTime> loss = LossDue();
  if (stop && loss) return std::min(*stop, *loss);
  return stop ? stop : loss;
}

ClockFollower::Change ClockFollower::OnDue(MonoTime at) {
  const std::optional<MonoTime> stop = transport_.StopDue();
  if (stop && *stop <= at) {
    transport_.OnStopDue();
    return EndEpoch();
  }
  const std::optional<MonoTime> loss = LossDue();
  if (loss && *loss <= at) {
    transport_.OnClockLost();
    filter_.ForgetPhase();
    clock_lost_ = true;
    ++losses_;
    burst_left_ = kMaxBurst;
    return EndEpoch();
  }
  return Change::kNone;
}

void ClockFollower::OnBarBegun(PlaySeq bar) {
  next_seq_ = std::max(next_seq_, bar + 1);
  begun_ = bar;
  ExtendBars();
}

ClockFollower::Change ClockFollower::OnClock(MonoTime at) {
  const bool burst = at - last_pulse_ < filter_.period() / 2;
  ++pulses_;
  last_pulse_ = at;
  clock_lost_ = false;
  // A host that was told to go somewhere may have begun a new grid.
  const bool jumped = transport_.will_jump() && filter_.IsOff(at);
  if (jumped) filter_.ForgetPhase();
  const PulseFilter::Heard heard = filter_.OnPulse(at);
  if (burst_left_ > 0 && !IsBack(burst)) return Change::kNone;
  if (transport_.running()) {
    if (heard.extra) return Change::kNone;
    transport_.Lose(heard.lost);
    position_ += Ticks::FromPulses(heard.lost);
  }
  switch (transport_.OnClock()) {
    case Transport::Pulse::kIdle:
      return Change::kNone;
    case Transport::Pulse::kStop:
      return EndEpoch();
    case Transport::Pulse::kStart:
      return StartEpoch();
    case Transport::Pulse::kMove:
      return Move();
    case Transport::Pulse::kNext:
      position_ += Ticks::FromPulses(1);
      Anchor();
      return Change::kPulse;
  }
  return Change::kNone;
}

// The first clock after a loss may lead a burst.
bool ClockFollower::IsBack(bool burst) {
  const bool first = burst_left_-- == kMaxBurst;
  if (first || (burst && burst_left_ > 0)) {
    transport_.Pass();
    return false;
  }
  burst_left_ = 0;
  return true;
}

bool ClockFollower::IsAlive(MonoTime at) const {
  return pulses_ > 1 && at - last_pulse_ <= filter_.SilenceLimit();
}

ClockFollower::Change ClockFollower::AttachAt(MonoTime downbeat) {
  if (!transport_.may_attach() || !filter_.locked() || !IsAlive(downbeat)) {
    return Change::kNone;
  }
  const absl::Duration since =
      downbeat - (filter_.phase() + options_.clock_offset);
  transport_.AttachAt(
      -std::llround(absl::FDivDuration(since, filter_.period())));
  const Change change = StartEpoch();
  first_bar_whole_ = false;
  return change;
}

ClockFollower::Change ClockFollower::StartEpoch() {
  const Ticks song = Ticks::FromPulses(transport_.position());
  const HostBar bar = options_.meters.BarAt(std::max(song, Ticks()));
  LeaveBars();
  timeline_.Reset(++epochs_);
  timeline_.set_running(true);
  position_ = song;
  shift_ = Ticks();
  first_bar_ = begun_ = next_seq_;
  first_bar_whole_ = bar.begin == song;
  timeline_.SetBar(
      {first_bar_, bar.index, bar.begin, bar.end(), bar.meter, bar.pickup});
  Anchor();
  return Change::kStart;
}

ClockFollower::Change ClockFollower::EndEpoch() {
  LeaveBars();
  timeline_.Reset(++epochs_);
  return Change::kStop;
}

// A bar that clocks have reached and that has not begun yet never will: its
// number is free.
void ClockFollower::LeaveBars() {
  if (timeline_.running()) next_seq_ = std::max(next_seq_, begun_ + 1);
}

ClockFollower::Change ClockFollower::Move() {
  const Ticks here = position_ + Ticks::FromPulses(1);
  const Ticks song = Ticks::FromPulses(transport_.position());
  const HostBar landing = options_.meters.BarAt(song);
  const std::optional<BarSpan> bar = timeline_.BarAt(here);
  const Ticks reach = Ticks::FromPulses(kLoopPulses);
  if (!bar || landing.begin != song) return StartEpoch();
  const bool late = here - bar->begin <= reach;
  const bool early = bar->end - here <= reach;
  if (!late && !early) return StartEpoch();

  BarSpan next{bar->play_seq,         landing.index, here,
               here + landing.length, landing.meter, landing.pickup};
  if (!late) {
    BarSpan cut = *bar;
    cut.end = here;
    timeline_.SetBar(cut);
    next.play_seq = bar->play_seq + 1;
  }
  timeline_.SetBar(next);
  shift_ = song - here;
  position_ = here;
  Anchor();
  return Change::kLoop;
}

void ClockFollower::Anchor() {
  timeline_.AddAnchor(position_, filter_.phase() + options_.clock_offset,
                      filter_.period_nanos() / kTicksPerPulse);
  ExtendBars();
}

void ClockFollower::ExtendBars() {
  const std::optional<BarSpan> current = timeline_.BarAt(position_);
  std::optional<BarSpan> last = timeline_.LastBar();
  if (!last) return;
  const PlaySeq newest = current ? std::max(begun_, current->play_seq) : begun_;
  while (last->play_seq < newest + kBarsAhead) {
    const HostBar host = options_.meters.BarAt(last->end + shift_);
    last = BarSpan{last->play_seq + 1,      host.index, last->end,
                   last->end + host.length, host.meter, host.pickup};
    timeline_.SetBar(*last);
  }
}

std::optional<MonoTime> ClockFollower::LossDue() const {
  if (!transport_.running()) return std::nullopt;
  return last_pulse_ + filter_.SilenceLimit();
}

}  // namespace antiphon::edge
