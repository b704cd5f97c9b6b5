// SPDX-License-Identifier: Apache-2.0
#include "inference/aria/piece.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "inference/aria/note_list.h"

namespace antiphon::inference {
namespace {

constexpr double kUsPerMinute = 60e6;
constexpr Ticks kLongestPiece = Ticks::Of(int64_t{1} << 40);  // as on the wire
constexpr int64_t kForEver = std::numeric_limits<int64_t>::max();

// Presses of one channel's pedal, [down, up) in file ticks, in order.
using Presses = std::vector<std::pair<int64_t, int64_t>>;

std::array<Presses, kChannels> PressesOf(const NoteList& list) {
  std::array<Presses, kChannels> presses;
  for (const PedalChange& pedal : list.pedals) {
    Presses& own = presses[static_cast<size_t>(pedal.channel)];
    const bool is_down = !own.empty() && own.back().second == kForEver;
    if (pedal.down && !is_down) own.push_back({pedal.tick, kForEver});
    if (!pedal.down && is_down) own.back().second = pedal.tick;
  }
  // One that is never let go holds nothing for ever: as if it were not there.
  for (Presses& own : presses) {
    if (!own.empty() && own.back().second == kForEver) own.pop_back();
  }
  return presses;
}

int64_t SoundingEnd(const Presses& presses, int64_t end) {
  const auto after = std::upper_bound(
      presses.begin(), presses.end(), end,
      [](int64_t tick, const auto& press) { return tick <= press.first; });
  return after == presses.begin() ? end : std::max(end, (after - 1)->second);
}

Ticks TicksOf(const MidiFile& file, int64_t tick) {
  return Ticks::Of(std::llround(static_cast<double>(tick) * kTicksPerQuarter /
                                file.ticks_per_quarter));
}

absl::StatusOr<MeterMap> MetersOf(const MidiFile& file) {
  std::vector<MeterMap::Change> changes;
  for (const MidiFileMeter& change : file.meters) {
    const Meter meter{change.numerator, change.denominator};
    if (!meter.IsValid()) {
      return absl::InvalidArgumentError(
          absl::StrCat("has a bar of ", ToString(meter),
                       "; 1..64 over 1, 2, 4, 8, 16 or 32 is due"));
    }
    changes.push_back({TicksOf(file, change.tick), meter});
  }
  return MeterMap(std::move(changes));
}

}  // namespace

HostBar Piece::BarAfter() const {
  return meters.BarAt(meters.BarAt(notes.back().tick).end());
}

absl::StatusOr<Piece> PieceOf(const MidiFile& file) {
  Piece piece;
  auto meters = MetersOf(file);
  if (!meters.ok()) return meters.status();
  piece.meters = *std::move(meters);
  const auto ticks = [&file](int64_t tick) { return TicksOf(file, tick); };
  piece.tempos = {{Ticks(), 120}};
  for (const MidiFileTempo& tempo : file.tempos) {
    if (piece.tempos.back().tick == ticks(tempo.tick)) piece.tempos.pop_back();
    piece.tempos.push_back(
        {ticks(tempo.tick), kUsPerMinute / tempo.us_per_quarter});
  }
  const NoteList list = ReadNotes(file);
  if (!list.notes.empty() &&
      ticks(list.notes.back().start_tick) > kLongestPiece) {
    return absl::InvalidArgumentError("is longer than any piece; cut it");
  }
  const std::array<Presses, kChannels> presses = PressesOf(list);
  for (const FileNote& note : list.notes) {
    if (note.channel == kDrumChannel || note.velocity == 0) continue;
    const Ticks on = ticks(note.start_tick);
    const Ticks off = ticks(
        SoundingEnd(presses[static_cast<size_t>(note.channel)], note.end_tick));
    piece.notes.push_back({.tick = on,
                           .duration = std::max(Ticks::Of(1), off - on),
                           .pitch = static_cast<uint8_t>(note.pitch),
                           .velocity = static_cast<uint8_t>(note.velocity)});
    piece.tracks.push_back(note.track);
  }
  if (piece.notes.empty()) {
    return absl::InvalidArgumentError("has no note but drums; give a melody");
  }
  return piece;
}

absl::StatusOr<Piece> ReadPiece(const std::string& path,
                                const std::string& name) {
  const absl::StatusOr<MidiFile> file = ReadMidiFile(path);
  if (!file.ok()) return file.status();
  absl::StatusOr<Piece> piece = PieceOf(*file);
  if (piece.ok()) return piece;
  return absl::InvalidArgumentError(
      absl::StrCat(name, " ", piece.status().message()));
}

}  // namespace antiphon::inference
