// SPDX-License-Identifier: Apache-2.0
#include "edge/port/file_performer.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"

namespace antiphon::edge {
namespace {

constexpr int kChannels = 16;
constexpr int kPitches = 128;
constexpr int kSustainPedal = 64;

bool IsPerformed(const MidiMessage& m) {
  return m.IsNoteOn() || m.IsNoteOff() ||
         (m.IsControlChange() && m.controller() == kSustainPedal);
}

absl::Status CheckTempo(double tempo, const char* where) {
  // Written so that NaN is refused too.
  if (tempo >= Performer::kMinTempo && tempo <= Performer::kMaxTempo) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat(
      where, " ", tempo, " is not in ", Performer::kMinTempo, "..",
      Performer::kMaxTempo, " quarter notes a minute; give one in that range"));
}

absl::StatusOr<TempoMap> TemposOf(const MidiFile& file,
                                  const FilePerformer::Options& options) {
  if (options.tempo.has_value()) {
    absl::Status check = CheckTempo(*options.tempo, "tempo");
    if (!check.ok()) return check;
    return TempoMap::Constant(*options.tempo);
  }
  for (const MidiFileTempo& tempo : file.tempos) {
    absl::Status check =
        CheckTempo(60e6 / tempo.us_per_quarter, "the file's tempo");
    if (!check.ok()) return check;
  }
  return TempoMap::OfFile(file);
}

absl::StatusOr<MeterMap> MetersOf(const MidiFile& file) {
  std::vector<MeterMap::Change> changes;
  for (const MidiFileMeter& m : file.meters) {
    const Meter meter{.numerator = m.numerator, .denominator = m.denominator};
    if (!meter.IsValid()) {
      return absl::InvalidArgumentError(
          absl::StrCat("the file's meter ", ToString(meter),
                       " is not supported: 1..64 over 1, 2, 4, 8, 16 or 32"));
    }
    const double quarters =
        static_cast<double>(m.tick) / file.ticks_per_quarter;
    changes.push_back(
        {Ticks::Of(std::llround(quarters * kTicksPerQuarter)), meter});
  }
  return MeterMap(std::move(changes));
}

// What a host ends by itself when it stops.
class SoundingKeys {
 public:
  void On(const MidiMessage& m) {
    const auto channel = static_cast<size_t>(m.channel());
    if (m.IsControlChange()) {
      pedal_[channel] = m.value() >= 64;
      return;
    }
    int& count = keys_[channel * kPitches + static_cast<size_t>(m.pitch())];
    count = m.IsNoteOn() ? count + 1 : std::max(0, count - 1);
  }

  std::vector<MidiMessage> Release() const {
    std::vector<MidiMessage> out;
    for (int channel = 0; channel < kChannels; ++channel) {
      const auto first = static_cast<size_t>(channel) * kPitches;
      for (int pitch = 0; pitch < kPitches; ++pitch) {
        const int count = keys_[first + static_cast<size_t>(pitch)];
        out.insert(out.end(), static_cast<size_t>(count),
                   MidiMessage::NoteOff(channel, pitch));
      }
      if (pedal_[static_cast<size_t>(channel)]) {
        out.push_back(MidiMessage::ControlChange(channel, kSustainPedal, 0));
      }
    }
    return out;
  }

 private:
  std::array<int, size_t{kChannels} * kPitches> keys_{};
  std::array<bool, kChannels> pedal_{};
};

}  // namespace

absl::StatusOr<FilePerformer> FilePerformer::Create(const MidiFile& file,
                                                    const Options& options) {
  if (options.bars < 0 || options.bars > kMaxBars || options.tail_bars < 0 ||
      options.tail_bars > kMaxBars) {
    return absl::InvalidArgumentError(
        absl::StrCat("bars ", options.bars, " and tail bars ",
                     options.tail_bars, " must be in 0..", kMaxBars));
  }
  auto tempos = TemposOf(file, options);
  if (!tempos.ok()) return tempos.status();
  auto meters = MetersOf(file);
  if (!meters.ok()) return meters.status();
  FilePerformer performer(*std::move(tempos), *std::move(meters),
                          options.start);
  const std::vector<Event> events = EventsOf(file);
  if (std::none_of(events.begin(), events.end(),
                   [](const Event& e) { return e.message.IsNoteOn(); })) {
    return absl::InvalidArgumentError(
        "the MIDI file has no notes to play; choose another one");
  }
  const double last_quarters =
      static_cast<double>(events.back().tick) / file.ticks_per_quarter;
  absl::Status end = performer.FindEnd(last_quarters, options);
  if (!end.ok()) return end;
  performer.AddEvents(events, file.ticks_per_quarter);
  return performer;
}

std::vector<FilePerformer::Event> FilePerformer::EventsOf(
    const MidiFile& file) {
  std::vector<Event> events;
  for (const MidiFileTrack& track : file.tracks) {
    for (const MidiFileEvent& e : track.events) {
      const MidiMessage message =
          MidiMessage::FromBytes(e.bytes[0], e.bytes[1], e.bytes[2]);
      if (IsPerformed(message)) events.push_back({e.tick, message});
    }
  }
  std::stable_sort(
      events.begin(), events.end(),
      [](const Event& a, const Event& b) { return a.tick < b.tick; });
  return events;
}

absl::Status FilePerformer::FindEnd(double last_quarters,
                                    const Options& options) {
  const auto hours_at = [this](double quarters) {
    return tempos_.SecondsAt(quarters) / 3600;
  };
  auto too_long = absl::InvalidArgumentError(absl::StrCat(
      "the performance is longer than ", kMaxHours, " hours; play fewer bars"));
  Ticks last;
  if (options.bars == 0) {
    if (hours_at(last_quarters) > kMaxHours) return too_long;
    last = Ticks::Of(
        static_cast<int64_t>(std::ceil(last_quarters * kTicksPerQuarter)));
  }
  int more = options.bars > 0 ? options.bars : options.tail_bars;
  while (end_ < last || more > 0) {
    if (end_ >= last) --more;
    end_ = meters_.BarAt(end_).end();
    ++bars_;
  }
  return hours_at(EndQuarters()) > kMaxHours ? too_long : absl::OkStatus();
}

void FilePerformer::AddEvents(const std::vector<Event>& events,
                              int ticks_per_quarter) {
  const MonoTime lead = start_ - StartLead();
  messages_.push_back({lead, MidiMessage::SongPosition(0)});
  messages_.push_back({lead, MidiMessage::Start()});
  SoundingKeys sounding;
  for (const Event& event : events) {
    const double quarters = static_cast<double>(event.tick) / ticks_per_quarter;
    const bool begins = event.message.IsNoteOn();
    if (quarters > EndQuarters()) break;
    if (begins && quarters == EndQuarters()) continue;
    sounding.On(event.message);
    messages_.push_back({TimeAt(quarters), event.message});
    if (begins) ++note_count_;
  }
  for (const MidiMessage& m : sounding.Release()) {
    messages_.push_back({end(), m});
  }
  messages_.push_back({end(), MidiMessage::Stop()});
}

std::optional<TimedMessage> FilePerformer::Next() {
  const bool more_messages = given_ < messages_.size();
  if (next_pulse_ < end_.Pulses()) {
    const MonoTime clock_at = TimeAt(static_cast<double>(next_pulse_) / 24);
    if (!more_messages || clock_at <= messages_[given_].at) {
      ++next_pulse_;
      return TimedMessage{clock_at, MidiMessage::Clock()};
    }
  }
  if (!more_messages) return std::nullopt;
  return messages_[given_++];
}

double FilePerformer::EndQuarters() const {
  return static_cast<double>(end_.count()) / kTicksPerQuarter;
}

MonoTime FilePerformer::TimeAt(double quarters) const {
  return MonoTime::FromNanos(start_.nanos() +
                             std::llround(tempos_.SecondsAt(quarters) * 1e9));
}

}  // namespace antiphon::edge
