// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/sim_world.h"

#include <algorithm>

namespace antiphon::edge {
namespace {

// Finer than any of the edge's own decisions.
const absl::Duration kStep = absl::Microseconds(500);

}  // namespace

SimService::SimService() {
  Reply connected;
  connected.kind = Reply::Kind::kConnected;
  replies_.push_back(connected);
}

bool SimService::Post(const AccompanistCommand& command) {
  switch (command.kind) {
    case AccompanistCommand::Kind::kReport:
      reports.push_back(command.report);
      break;
    case AccompanistCommand::Kind::kCancel:
      ++cancels;
      std::erase_if(replies_, [&](const Reply& reply) {
        return reply.job_id == command.cancel;
      });
      break;
    case AccompanistCommand::Kind::kJob:
      jobs.push_back(command.job);
      Answer(command.job, fate(command.job));
      break;
  }
  return true;
}

void SimService::Answer(const Job& job, const Fate& how) {
  if (how.lost) return;
  Reply reply;
  reply.at = now_ + how.delay;
  reply.job_id = job.id;
  reply.epoch = job.epoch;
  reply.play_seq = job.play_seq;
  reply.bar_index = job.bar_index;
  const Context& context = job.context;
  const Ticks line =
      context.bars[static_cast<size_t>(context.bar_count - 1)].begin;
  const Ticks target = job.target_meter.BarLength();
  for (int i = 0; i < context.note_count; ++i) {
    Note note = context.notes[static_cast<size_t>(i)];
    note.tick -= line;
    if (note.tick < Ticks() || note.tick >= target) continue;
    const bool held = note.held_by != HeldBy::kNone;
    if (held || note.end() > target) note.duration = target - note.tick;
    if (reply.note_count == kMaxChunkNotes) break;
    const auto index = static_cast<uint32_t>(reply.note_count);
    reply.notes[static_cast<size_t>(reply.note_count++)] = {index, note};
  }
  reply.done = true;
  reply.end_reason =
      reply.note_count > 0 ? EndReason::kComplete : EndReason::kEmpty;
  for (int times = how.duplicated ? 2 : 1; times > 0; --times) {
    auto at = replies_.end();
    while (at != replies_.begin() && std::prev(at)->at > reply.at) --at;
    replies_.insert(at, reply);
  }
}

bool SimService::Poll(Reply& reply) {
  if (replies_.empty() || replies_.front().at > now_) return false;
  reply = replies_.front();
  replies_.pop_front();
  return true;
}

SimWorld::SimWorld(uint64_t seed, Meter bar_meter, PlaySeq length)
    : random(seed),
      meter(bar_meter),
      playback_({}, &commands_, &timeline_, &output_, &told_),
      conductor_({.meters = MeterMap(bar_meter),
                  .sampling = {},
                  .seed = seed,
                  .bars = length},
                 &service, &commands_, &timeline_, &told_, this) {}

bool SimWorld::Output::Send(const MidiMessage& message) noexcept {
  world_->sent.push_back({world_->now, message});
  return true;
}

void SimWorld::Send(const MidiMessage& message) {
  conductor_.Push({now, message});
}

absl::Duration SimWorld::Period() const {
  return absl::Nanoseconds(60e9 / quarters_per_minute / 24);
}

void SimWorld::Clocks(int count) {
  const MonoTime start = now;
  for (int i = 0; i < count; ++i) {
    Send(MidiMessage::Clock());
    AdvanceTo(start + (i + 1) * Period());
  }
}

void SimWorld::PlayBar(int notes) {
  const int64_t length = meter.BarLength().count();
  const double nanos_per_tick = 60e9 / quarters_per_minute / kTicksPerQuarter;
  const auto at = [&](int64_t tick) {
    return now + absl::Nanoseconds(static_cast<double>(tick) * nanos_per_tick);
  };
  for (int i = 0; i < notes; ++i) {
    // Away from the line, where an early downbeat would change bars.
    const auto tick =
        static_cast<int64_t>(random() % static_cast<uint64_t>(length - 240));
    const auto ticks = 20 + static_cast<int64_t>(random() % 200);
    // One pitch a slot, so that keys never overlap themselves.
    const int pitch = 30 + i;
    keys_.push_back(
        {at(tick),
         MidiMessage::NoteOn(0, pitch, 1 + static_cast<int>(random() % 127))});
    keys_.push_back({at(tick + ticks), MidiMessage::NoteOff(0, pitch)});
  }
  std::stable_sort(keys_.begin(), keys_.end(),
                   [](const Key& a, const Key& b) { return a.at < b.at; });
  Clocks(static_cast<int>(meter.BarLength().Pulses()));
}

void SimWorld::Wait(absl::Duration duration) { AdvanceTo(now + duration); }

void SimWorld::End() {
  AdvanceTo(now + absl::Milliseconds(500));
  playback_.Silence(now);
  conductor_.Finish(now + absl::Milliseconds(2));
}

void SimWorld::AdvanceTo(MonoTime until) {
  while (now < until) {
    now = std::min(until, now + kStep);
    while (!keys_.empty() && keys_.front().at <= now) {
      conductor_.Push({keys_.front().at, keys_.front().message});
      keys_.pop_front();
    }
    service.set_now(now);
    conductor_.AdvanceTo(now);
    playback_.Tick(now);
  }
}

}  // namespace antiphon::edge
