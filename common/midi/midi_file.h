// SPDX-License-Identifier: Apache-2.0
//
// Standard MIDI files (MIDI 1.0, "Standard MIDI Files 1.0", RP-001): reading
// formats 0 and 1, writing format 1. Everything keeps file order, because
// Aria's tokenizer depends on it. Ticks here are the file's own
// (ticks_per_quarter), not Antiphon's.
//
// Errors name the byte offset and what was expected; a file is never partly
// accepted. Limits: kMaxMidiFileBytes, kMaxMidiTracks. Any thread.
#ifndef ANTIPHON_COMMON_MIDI_MIDI_FILE_H_
#define ANTIPHON_COMMON_MIDI_MIDI_FILE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace antiphon {

inline constexpr size_t kMaxMidiFileBytes = size_t{16} << 20;
inline constexpr size_t kMaxMidiTracks = 1024;

// One channel message (status 0x80..0xEF), running status already expanded.
struct MidiFileEvent {
  int64_t tick = 0;  // from the start of the file, in file ticks
  uint8_t size = 0;  // 2 or 3
  std::array<uint8_t, 3> bytes{};

  friend bool operator==(const MidiFileEvent&, const MidiFileEvent&) = default;
};

struct MidiFileTempo {
  int64_t tick = 0;
  uint32_t us_per_quarter = 500'000;  // 1..0xFFFFFF

  friend bool operator==(const MidiFileTempo&, const MidiFileTempo&) = default;
};

struct MidiFileMeter {
  int64_t tick = 0;
  int numerator = 4;    // 1..255
  int denominator = 4;  // a power of two, 1..64

  friend bool operator==(const MidiFileMeter&, const MidiFileMeter&) = default;
};

struct MidiFileTrack {
  std::string name;                   // meta event 3, "" where there is none
  std::vector<MidiFileEvent> events;  // file order, ticks never decrease
  int64_t end_tick = 0;               // of the End of Track event

  friend bool operator==(const MidiFileTrack&, const MidiFileTrack&) = default;
};

struct MidiFile {
  int ticks_per_quarter = 480;        // 1..32767; SMPTE divisions are refused
  std::vector<MidiFileTempo> tempos;  // of all tracks, stable-sorted by tick
  std::vector<MidiFileMeter> meters;  // likewise
  std::vector<MidiFileTrack> tracks;

  friend bool operator==(const MidiFile&, const MidiFile&) = default;
};

absl::StatusOr<MidiFile> ParseMidiFile(absl::Span<const uint8_t> bytes);
// Of a regular file; what is none (a pipe, a folder) is refused unread.
absl::StatusOr<MidiFile> ReadMidiFile(const std::string& path);

// Format 1: tempos and meters go to a track of their own at the front. Reading
// the result back gives the same tempos, meters and tracks (after that front
// track).
std::string SerializeMidiFile(const MidiFile& file);
// Atomic: written beside `path`, then renamed. kDataLoss where that failed.
absl::Status WriteMidiFile(const MidiFile& file, const std::string& path);

}  // namespace antiphon

#endif  // ANTIPHON_COMMON_MIDI_MIDI_FILE_H_
