// SPDX-License-Identifier: Apache-2.0
#include "edge/playback/playback.h"

#include <algorithm>
#include <optional>

namespace antiphon::edge {
namespace {

constexpr int kSustainPedal = 64;
constexpr int kAllNotesOff = 123;

template <typename T>
absl::Span<const std::byte> BytesOf(const T* first, size_t count = 1) {
  return {reinterpret_cast<const std::byte*>(first), count * sizeof(T)};
}

}  // namespace

Playback::Playback(const Options& options, SpscRing<PlaybackCommand>* commands,
                   LatestValue<Timeline>* timeline, MidiOutput* output,
                   SpscRing<Telemetry>* telemetry)
    : options_(options),
      commands_(commands),
      timeline_(timeline),
      output_(output),
      telemetry_(telemetry) {}

MonoTime Playback::Tick(MonoTime now) noexcept {
  output_->Tend(now);
  TakeCommands(now);
  // Read after the commands: never older than what they speak of. Once: to read
  // again would give this one back to its writer.
  const Timeline& timeline = timeline_->Read();
  KeepEpoch(timeline, now);
  const MonoTime next =
      timeline.running() ? SendDue(timeline, now) : MonoTime::Max();
  shown_sounding_.store(sounding_count_, std::memory_order_relaxed);
  return next;
}

MonoTime Playback::SendDue(const Timeline& timeline, MonoTime now) {
  // Every turn sends or forgets one event, so the loop is bounded.
  while (true) {
    const Next next = Earliest(timeline);
    if (next.due > now) return next.due;
    if (next.is_off) {
      StopNote(next.index, next.due, now);
    } else if (now - next.due > options_.late_grace) {
      Forget(next.index, Telemetry::Kind::kLate, next.due, now);
    } else {
      StartNote(next, now);
    }
  }
}

void Playback::Silence(MonoTime now) noexcept {
  TakeCommands(now);
  SilenceAll(now);
  silenced_epoch_ = timeline_->Read().epoch();
  while (scheduled_count_ > 0) {
    Forget(scheduled_count_ - 1, Telemetry::Kind::kDropped, now, now);
  }
  shown_sounding_.store(sounding_count_, std::memory_order_relaxed);
}

std::array<absl::Span<const std::byte>, 6> Playback::Memory() const {
  const auto commands = commands_->cells();
  const auto telemetry = telemetry_->cells();
  return {BytesOf(this),
          BytesOf(timeline_),
          BytesOf(commands_),
          BytesOf(telemetry_),
          BytesOf(commands.data(), commands.size()),
          BytesOf(telemetry.data(), telemetry.size())};
}

void Playback::TakeCommands(MonoTime now) {
  PlaybackCommand command;
  for (size_t i = 0; i < commands_->capacity(); ++i) {
    if (!commands_->TryPop(command)) return;
    if (scheduled_count_ == kMaxScheduled || command.epoch == silenced_epoch_) {
      Tell(Telemetry::Kind::kDropped, command, now, now);
    } else {
      scheduled_[static_cast<size_t>(scheduled_count_++)] = command;
    }
  }
}

void Playback::KeepEpoch(const Timeline& timeline, MonoTime now) {
  const bool silent =
      !timeline.running() || timeline.epoch() == silenced_epoch_;
  const bool broken = silent || timeline.epoch() != epoch_;
  epoch_ = timeline.epoch();
  for (int i = sounding_count_; i-- > 0;) {
    if (silent ||
        sounding_[static_cast<size_t>(i)].note.epoch != timeline.epoch()) {
      StopNote(i, now, now);
    }
  }
  if (broken) ClearChannels();
  const std::optional<BarSpan> last = timeline.LastBar();
  for (int i = scheduled_count_; i-- > 0;) {
    const PlaybackCommand& note = scheduled_[static_cast<size_t>(i)];
    const std::optional<BarSpan> bar = timeline.Bar(note.play_seq);
    const bool over =
        bar && note.tick >= bar->length() && timeline.TimeAt(bar->end) <= now;
    const bool history =
        timeline.running() && last && note.play_seq < last->play_seq && !bar;
    // Epochs only grow.
    if (over || history || note.epoch < timeline.epoch()) {
      Forget(i, Telemetry::Kind::kDropped, now, now);
    }
  }
}

Playback::Next Playback::Earliest(const Timeline& timeline) const {
  Next next;
  // At one instant note-offs go first, then notes in the order of their plan:
  // of a key struck twice the last sounds on.
  const auto goes_first = [&](int index, bool is_off) {
    if (is_off || next.is_off) return is_off && !next.is_off;
    return scheduled_[static_cast<size_t>(index)].note <
           scheduled_[static_cast<size_t>(next.index)].note;
  };
  const auto consider = [&](Ticks at, uint8_t velocity, int index,
                            bool is_off) {
    const MonoTime due = timeline.TimeAt(at) - options_.latency.At(velocity);
    if (due < next.due || (due == next.due && goes_first(index, is_off))) {
      next = {due, at, index, is_off};
    }
  };
  for (int i = 0; i < sounding_count_; ++i) {
    const Sounding& sounding = sounding_[static_cast<size_t>(i)];
    const auto bar = timeline.Bar(sounding.note.play_seq);
    const bool cut = bar && bar->length() < sounding.note.made_for;
    consider(cut ? std::min(sounding.off, bar->end) : sounding.off,
             sounding.note.velocity, i, true);
  }
  for (int i = scheduled_count_; i-- > 0;) {
    const PlaybackCommand& note = scheduled_[static_cast<size_t>(i)];
    // A bar that is not known yet has no time.
    const auto bar = timeline.Bar(note.play_seq);
    if (bar && note.tick < bar->length()) {
      consider(bar->begin + note.tick, note.velocity, i, false);
    }
  }
  return next;
}

void Playback::StartNote(const Next& next, MonoTime now) {
  const auto at = static_cast<size_t>(next.index);
  const PlaybackCommand note = scheduled_[at];
  for (int i = sounding_count_; i-- > 0;) {
    const PlaybackCommand& other = sounding_[static_cast<size_t>(i)].note;
    if (other.channel == note.channel && other.pitch == note.pitch) {
      StopNote(i, next.due, now);
    }
  }
  if (sounding_count_ == kMaxSounding) {
    return Forget(next.index, Telemetry::Kind::kDropped, next.due, now);
  }
  scheduled_[at] = scheduled_[static_cast<size_t>(--scheduled_count_)];
  const bool sent = output_->Send(
      MidiMessage::NoteOn(note.channel, note.pitch, note.velocity));
  channels_used_ |= static_cast<uint16_t>(1u << note.channel);
  // Kept as sounding even where the port refused: its off is tried all the
  // same.
  sounding_[static_cast<size_t>(sounding_count_++)] = {note,
                                                       next.at + note.duration};
  Tell(sent ? Telemetry::Kind::kNoteOn : Telemetry::Kind::kSendError, note,
       next.due, now);
}

void Playback::StopNote(int index, MonoTime due, MonoTime now) {
  const PlaybackCommand note = sounding_[static_cast<size_t>(index)].note;
  sounding_[static_cast<size_t>(index)] =
      sounding_[static_cast<size_t>(--sounding_count_)];
  const bool sent =
      output_->Send(MidiMessage::NoteOff(note.channel, note.pitch));
  Tell(sent ? Telemetry::Kind::kNoteOff : Telemetry::Kind::kSendError, note,
       due, now);
}

void Playback::Forget(int index, Telemetry::Kind why, MonoTime due,
                      MonoTime now) {
  Tell(why, scheduled_[static_cast<size_t>(index)], due, now);
  scheduled_[static_cast<size_t>(index)] =
      scheduled_[static_cast<size_t>(--scheduled_count_)];
}

void Playback::SilenceAll(MonoTime now) {
  while (sounding_count_ > 0) StopNote(sounding_count_ - 1, now, now);
  ClearChannels();
}

void Playback::ClearChannels() {
  for (int channel = 0; channels_used_ != 0; ++channel) {
    const auto bit = static_cast<uint16_t>(1u << channel);
    if ((channels_used_ & bit) == 0) continue;
    channels_used_ &= static_cast<uint16_t>(~bit);
    output_->Send(MidiMessage::ControlChange(channel, kSustainPedal, 0));
    output_->Send(MidiMessage::ControlChange(channel, kAllNotesOff, 0));
  }
}

void Playback::Tell(Telemetry::Kind kind, const PlaybackCommand& note,
                    MonoTime due, MonoTime now) {
  telemetry_->TryPush({.kind = kind,
                       .epoch = note.epoch,
                       .play_seq = note.play_seq,
                       .note = note.note,
                       .channel = note.channel,
                       .pitch = note.pitch,
                       .velocity = note.velocity,
                       .due = due,
                       .sent = now});
}

}  // namespace antiphon::edge
