// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <bit>
#include <filesystem>
#include <fstream>
#include <string_view>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "common/midi/midi_file.h"

namespace antiphon {
namespace {

constexpr int64_t kMaxDelta = 0x0FFFFFFF;

void AppendBigEndian(std::string& out, uint32_t value, int bytes) {
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) {
    out.push_back(static_cast<char>(value >> shift & 0xFF));
  }
}

void AppendVariable(std::string& out, uint32_t value) {
  for (int shift = 21; shift > 0; shift -= 7) {
    if (value >> shift != 0) {
      out.push_back(static_cast<char>((value >> shift & 0x7F) | 0x80));
    }
  }
  out.push_back(static_cast<char>(value & 0x7F));
}

// Builds one track chunk from events given in time order.
class TrackWriter {
 public:
  void Meta(int64_t tick, uint8_t type, std::string_view body) {
    Advance(tick);
    AppendMeta(type, body);
  }

  void Channel(const MidiFileEvent& event) {
    Advance(event.tick);
    for (size_t i = 0; i < event.size; ++i) {
      body_.push_back(static_cast<char>(event.bytes[i]));
    }
  }

  void Finish(int64_t end_tick, std::string& out) {
    Meta(std::max(end_tick, tick_), 0x2F, "");
    out += "MTrk";
    AppendBigEndian(out, static_cast<uint32_t>(body_.size()), 4);
    out += body_;
  }

 private:
  // Delta times have 28 bits; a longer silence is bridged by empty text events.
  void Advance(int64_t tick) {
    for (; tick - tick_ > kMaxDelta; tick_ += kMaxDelta) {
      AppendVariable(body_, kMaxDelta);
      AppendMeta(0x01, "");
    }
    AppendVariable(body_, static_cast<uint32_t>(tick - tick_));
    tick_ = tick;
  }

  void AppendMeta(uint8_t type, std::string_view body) {
    body_.push_back(static_cast<char>(0xFF));
    body_.push_back(static_cast<char>(type));
    AppendVariable(body_, static_cast<uint32_t>(body.size()));
    body_ += body;
  }

  std::string body_;
  int64_t tick_ = 0;
};

void WriteTempo(const MidiFileTempo& tempo, TrackWriter& writer) {
  std::string body;
  AppendBigEndian(body, tempo.us_per_quarter, 3);
  writer.Meta(tempo.tick, 0x51, body);
}

void WriteMeter(const MidiFileMeter& meter, TrackWriter& writer) {
  constexpr char kClocksPerClick = 24;
  constexpr char kThirtySecondsPerQuarter = 8;
  const auto denominator = static_cast<unsigned>(meter.denominator);
  const char body[] = {static_cast<char>(meter.numerator),
                       static_cast<char>(std::countr_zero(denominator)),
                       kClocksPerClick, kThirtySecondsPerQuarter};
  writer.Meta(meter.tick, 0x58, std::string_view(body, sizeof(body)));
}

void WriteMapTrack(const MidiFile& file, std::string& out) {
  TrackWriter writer;
  auto tempo = file.tempos.begin();
  auto meter = file.meters.begin();
  while (tempo != file.tempos.end() || meter != file.meters.end()) {
    const bool meter_first =
        tempo == file.tempos.end() ||
        (meter != file.meters.end() && meter->tick <= tempo->tick);
    if (meter_first) {
      WriteMeter(*meter++, writer);
    } else {
      WriteTempo(*tempo++, writer);
    }
  }
  writer.Finish(0, out);
}

template <typename T>
bool InOrder(const std::vector<T>& items) {
  return (items.empty() || items.front().tick >= 0) &&
         std::is_sorted(items.begin(), items.end(),
                        [](const T& a, const T& b) { return a.tick < b.tick; });
}

bool IsChannelMessage(const MidiFileEvent& event) {
  const uint8_t status = event.bytes[0];
  if (status < 0x80 || status >= 0xF0) return false;
  const size_t size = (status & 0xE0) == 0xC0 ? 2 : 3;
  return event.size == size && event.bytes[1] < 0x80 &&
         (size == 2 || event.bytes[2] < 0x80);
}

absl::Status Unwritable(std::string_view what) {
  return absl::InvalidArgumentError(
      absl::StrCat("MIDI file cannot be written: ",
                   absl::string_view(what.data(), what.size())));
}

absl::Status CheckWritable(const MidiFile& file) {
  if (file.ticks_per_quarter < 1 || file.ticks_per_quarter > 0x7FFF) {
    return Unwritable(absl::StrCat("ticks_per_quarter ", file.ticks_per_quarter,
                                   " is not in 1..32767"));
  }
  if (file.tracks.size() >= kMaxMidiTracks) {
    return Unwritable(absl::StrCat(file.tracks.size(), " tracks, at most ",
                                   kMaxMidiTracks - 1, " fit"));
  }
  if (!InOrder(file.tempos) || !InOrder(file.meters)) {
    return Unwritable("tempos or meters are not in time order");
  }
  for (const MidiFileTempo& tempo : file.tempos) {
    if (tempo.us_per_quarter == 0 || tempo.us_per_quarter > 0xFFFFFF) {
      return Unwritable(absl::StrCat("tempo of ", tempo.us_per_quarter,
                                     " us per quarter is not in 1..16777215"));
    }
  }
  for (const MidiFileMeter& meter : file.meters) {
    const auto denominator = static_cast<unsigned>(meter.denominator);
    if (meter.numerator < 1 || meter.numerator > 255 || denominator > 64 ||
        !std::has_single_bit(denominator)) {
      return Unwritable(absl::StrCat("meter ", meter.numerator, "/",
                                     meter.denominator, " does not exist"));
    }
  }
  for (const MidiFileTrack& track : file.tracks) {
    if (!InOrder(track.events) ||
        !std::all_of(track.events.begin(), track.events.end(),
                     IsChannelMessage)) {
      return Unwritable(absl::StrCat(
          "track \"", track.name,
          "\" has events out of time order or that are no channel messages"));
    }
  }
  return absl::OkStatus();
}

}  // namespace

std::string SerializeMidiFile(const MidiFile& file) {
  std::string out = "MThd";
  AppendBigEndian(out, 6, 4);
  AppendBigEndian(out, 1, 2);
  AppendBigEndian(out, static_cast<uint32_t>(file.tracks.size() + 1), 2);
  AppendBigEndian(out, static_cast<uint32_t>(file.ticks_per_quarter), 2);
  WriteMapTrack(file, out);
  for (const MidiFileTrack& track : file.tracks) {
    TrackWriter writer;
    if (!track.name.empty()) writer.Meta(0, 0x03, track.name);
    for (const MidiFileEvent& event : track.events) writer.Channel(event);
    writer.Finish(track.end_tick, out);
  }
  return out;
}

absl::Status WriteMidiFile(const MidiFile& file, const std::string& path) {
  if (absl::Status check = CheckWritable(file); !check.ok()) return check;
  const std::string draft = path + ".draft";
  std::error_code failure;
  {
    std::ofstream out(draft, std::ios::binary | std::ios::trunc);
    out << SerializeMidiFile(file);
    out.close();
    if (out.fail()) {
      std::filesystem::remove(draft, failure);
      return absl::DataLossError(
          absl::StrCat(draft,
                       ": cannot be written; check that its folder exists, is "
                       "writable and has space left"));
    }
  }
  std::filesystem::rename(draft, path, failure);
  if (!failure) return absl::OkStatus();
  const std::string reason = failure.message();
  std::filesystem::remove(draft, failure);
  return absl::DataLossError(
      absl::StrCat(path, ": cannot be replaced: ", reason));
}

}  // namespace antiphon
