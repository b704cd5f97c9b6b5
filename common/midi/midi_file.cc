// SPDX-License-Identifier: Apache-2.0
#include "common/midi/midi_file.h"

#include <algorithm>
#include <iterator>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/file.h"

namespace antiphon {
namespace {

constexpr uint8_t kMetaName = 0x03;
constexpr uint8_t kMetaEndOfTrack = 0x2F;
constexpr uint8_t kMetaTempo = 0x51;
constexpr uint8_t kMetaMeter = 0x58;
constexpr size_t kChunkHeadBytes = 8;

// One chunk of the file: its name, its body, and where the body begins.
struct Chunk {
  std::string_view name;
  absl::Span<const uint8_t> body;
  size_t offset = 0;
};

uint32_t BigEndian(absl::Span<const uint8_t> bytes) {
  uint32_t value = 0;
  for (uint8_t byte : bytes) value = value << 8 | byte;
  return value;
}

absl::Status Malformed(size_t offset, std::string_view what) {
  return absl::InvalidArgumentError(
      absl::StrCat("MIDI file, byte ", offset, ": ",
                   absl::string_view(what.data(), what.size())));
}

absl::StatusOr<Chunk> ReadChunk(absl::Span<const uint8_t> bytes,
                                size_t offset) {
  if (bytes.size() - offset < kChunkHeadBytes) {
    return Malformed(offset, "truncated, a chunk of at least 8 bytes expected");
  }
  const size_t length = BigEndian(bytes.subspan(offset + 4, 4));
  const size_t begin = offset + kChunkHeadBytes;
  if (length > bytes.size() - begin) {
    return Malformed(offset, absl::StrCat("chunk says ", length,
                                          " bytes but the file has only ",
                                          bytes.size() - begin, " left"));
  }
  const auto* name = reinterpret_cast<const char*>(bytes.data() + offset);
  return Chunk{std::string_view(name, 4), bytes.subspan(begin, length), begin};
}

// Reads one track chunk into `track`, tempos and meters into `file`.
class TrackReader {
 public:
  TrackReader(const Chunk& chunk, MidiFile* file, MidiFileTrack* track)
      : bytes_(chunk.body), base_(chunk.offset), file_(file), track_(track) {}

  absl::Status Read() {
    while (!ended_) {
      auto delta = ReadVariable("a delta time");
      if (!delta.ok()) return delta.status();
      tick_ += *delta;
      if (absl::Status event = ReadEvent(); !event.ok()) return event;
    }
    if (at_ == bytes_.size()) return absl::OkStatus();
    return Error("end of the track chunk expected after End of Track");
  }

 private:
  absl::Status Error(std::string_view what) const {
    return Malformed(base_ + at_, what);
  }

  absl::StatusOr<uint8_t> ReadByte(const char* what) {
    if (at_ == bytes_.size()) {
      return Error(absl::StrCat(
          "the track ends where ", what,
          " is expected (a track closes with an End of Track event)"));
    }
    return bytes_[at_++];
  }

  absl::StatusOr<uint32_t> ReadVariable(const char* what) {
    uint32_t value = 0;
    for (int i = 0; i < 4; ++i) {
      auto byte = ReadByte(what);
      if (!byte.ok()) return byte.status();
      value = value << 7 | (*byte & 0x7Fu);
      if (*byte < 0x80) return value;
    }
    return Error(absl::StrCat(what, " of at most 4 bytes expected"));
  }

  absl::StatusOr<absl::Span<const uint8_t>> ReadBlock(const char* what) {
    auto length = ReadVariable("a length");
    if (!length.ok()) return length.status();
    if (*length > bytes_.size() - at_) {
      return Error(absl::StrCat(what, " says ", *length,
                                " bytes but its track has only ",
                                bytes_.size() - at_, " left"));
    }
    auto block = bytes_.subspan(at_, *length);
    at_ += *length;
    return block;
  }

  absl::Status ReadEvent() {
    if (at_ == bytes_.size()) return ReadByte("an event").status();
    const uint8_t first = bytes_[at_];
    if (first < 0x80 && running_status_ == 0) {
      return Error(
          "status byte expected (meta events and SysEx end running status)");
    }
    if (first < 0xF0) return ReadChannelMessage(first);
    running_status_ = 0;
    ++at_;
    if (first == 0xFF) return ReadMeta();
    if (first == 0xF0 || first == 0xF7) return ReadBlock("SysEx").status();
    --at_;
    return Error(absl::StrFormat(
        "channel message, SysEx or meta event expected, found 0x%02X", first));
  }

  absl::Status ReadChannelMessage(uint8_t first) {
    if (first >= 0x80) {
      running_status_ = first;
      ++at_;
    }
    MidiFileEvent event;
    event.tick = tick_;
    event.bytes[0] = running_status_;
    const bool one_data_byte = (running_status_ & 0xE0) == 0xC0;
    event.size = one_data_byte ? 2 : 3;
    for (size_t i = 1; i < event.size; ++i) {
      auto data = ReadByte("a data byte");
      if (!data.ok()) return data.status();
      if (*data >= 0x80) {
        --at_;
        return Error(
            absl::StrFormat("data byte below 0x80 expected, found 0x%02X",
                            static_cast<unsigned>(*data)));
      }
      event.bytes[i] = *data;
    }
    track_->events.push_back(event);
    return absl::OkStatus();
  }

  absl::Status ReadMeta() {
    auto type = ReadByte("a meta event type");
    if (!type.ok()) return type.status();
    auto body = ReadBlock("meta event");
    if (!body.ok()) return body.status();
    switch (*type) {
      case kMetaName:
        if (track_->name.empty()) {
          track_->name.assign(body->begin(), body->end());
        }
        return absl::OkStatus();
      case kMetaEndOfTrack:
        track_->end_tick = tick_;
        ended_ = true;
        return absl::OkStatus();
      case kMetaTempo:
        return AddTempo(*body);
      case kMetaMeter:
        return AddMeter(*body);
      default:
        return absl::OkStatus();
    }
  }

  absl::Status AddTempo(absl::Span<const uint8_t> body) {
    const uint32_t us_per_quarter = body.size() == 3 ? BigEndian(body) : 0;
    if (us_per_quarter == 0) {
      return Error("tempo of 3 bytes and at least 1 us per quarter expected");
    }
    file_->tempos.push_back({tick_, us_per_quarter});
    return absl::OkStatus();
  }

  absl::Status AddMeter(absl::Span<const uint8_t> body) {
    if (body.size() < 2 || body[0] == 0 || body[1] > 6) {
      return Error(
          "meter expected: numerator 1 to 255, denominator 2^0 to 2^6");
    }
    file_->meters.push_back({tick_, body[0], 1 << body[1]});
    return absl::OkStatus();
  }

  const absl::Span<const uint8_t> bytes_;
  const size_t base_;
  MidiFile* const file_;
  MidiFileTrack* const track_;
  size_t at_ = 0;
  int64_t tick_ = 0;
  uint8_t running_status_ = 0;  // 0: none in force
  bool ended_ = false;
};

// Checks the header chunk; returns the number of tracks it announces.
absl::StatusOr<size_t> ReadHeader(const Chunk& header, MidiFile* file) {
  if (header.body.size() < 6) {
    return Malformed(header.offset, "header of at least 6 bytes expected");
  }
  const uint32_t format = BigEndian(header.body.subspan(0, 2));
  const uint32_t tracks = BigEndian(header.body.subspan(2, 2));
  const uint32_t division = BigEndian(header.body.subspan(4, 2));
  if (format > 1) {
    return Malformed(header.offset,
                     absl::StrCat("format 0 or 1 expected, found ", format));
  }
  if (tracks == 0 || tracks > kMaxMidiTracks) {
    return Malformed(header.offset + 2,
                     absl::StrCat("1 to ", kMaxMidiTracks,
                                  " tracks expected, found ", tracks));
  }
  if (division == 0 || division >= 0x8000) {
    return Malformed(header.offset + 4,
                     "ticks per quarter note of 1 to 32767 expected; convert a "
                     "file with SMPTE time to musical time first");
  }
  file->ticks_per_quarter = static_cast<int>(division);
  return tracks;
}

template <typename T>
void SortByTick(std::vector<T>& items) {
  std::stable_sort(items.begin(), items.end(),
                   [](const T& a, const T& b) { return a.tick < b.tick; });
}

}  // namespace

absl::StatusOr<MidiFile> ParseMidiFile(absl::Span<const uint8_t> bytes) {
  if (bytes.empty()) return Malformed(0, "the file is empty");
  if (bytes.size() > kMaxMidiFileBytes) {
    return Malformed(0, absl::StrCat("at most ", kMaxMidiFileBytes,
                                     " bytes accepted, found ", bytes.size()));
  }
  static constexpr uint8_t kMagic[] = {'M', 'T', 'h', 'd'};
  const size_t compared = std::min(bytes.size(), std::size(kMagic));
  if (!std::equal(bytes.begin(), bytes.begin() + compared, kMagic)) {
    return Malformed(0, "not a MIDI file, \"MThd\" expected");
  }
  auto header = ReadChunk(bytes, 0);
  if (!header.ok()) return header.status();
  MidiFile file;
  auto tracks = ReadHeader(*header, &file);
  if (!tracks.ok()) return tracks.status();

  size_t offset = header->offset + header->body.size();
  while (file.tracks.size() < *tracks) {
    auto chunk = ReadChunk(bytes, offset);
    if (!chunk.ok()) return chunk.status();
    offset = chunk->offset + chunk->body.size();
    if (chunk->name != "MTrk") continue;  // the standard asks to skip others
    MidiFileTrack track;
    absl::Status read = TrackReader(*chunk, &file, &track).Read();
    if (!read.ok()) return read;
    file.tracks.push_back(std::move(track));
  }
  SortByTick(file.tempos);
  SortByTick(file.meters);
  return file;
}

absl::StatusOr<MidiFile> ReadMidiFile(const std::string& path) {
  const absl::StatusOr<std::string> text = ReadFile(path, kMaxMidiFileBytes);
  if (!text.ok()) {
    return absl::Status(text.status().code(),
                        absl::StrCat(path, ": ", text.status().message()));
  }
  auto file = ParseMidiFile(
      {reinterpret_cast<const uint8_t*>(text->data()), text->size()});
  if (!file.ok()) {
    return absl::Status(file.status().code(),
                        absl::StrCat(path, ": ", file.status().message()));
  }
  return file;
}

}  // namespace antiphon
