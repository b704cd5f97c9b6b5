// SPDX-License-Identifier: Apache-2.0
#include "inference/train/training_piece.h"

#include <algorithm>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <tuple>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/midi/midi_file.h"
#include "inference/aria/piece.h"
#include "inference/engine/time_map.h"

namespace antiphon::inference {
namespace {

namespace fs = std::filesystem;

Roles RoleOf(std::string_view track) {
  if (track == "MELODY") return kMelody;
  if (track == "RH") return kRightHand;
  if (track == "LH") return kLeftHand;
  return kWhole;
}

// Bars up to and with the one that holds `last_onset`.
absl::StatusOr<std::vector<HostBar>> BarsUpTo(const MeterMap& meters,
                                              Ticks last_onset) {
  if (meters.BarAt(last_onset).index >= kMaxTrainingBars) {
    return absl::InvalidArgumentError(absl::StrCat(
        "has more than ", kMaxTrainingBars, " bars; cut what is no music"));
  }
  std::vector<HostBar> bars = {meters.BarAt(Ticks())};
  while (bars.back().end() <= last_onset) {
    bars.push_back(meters.BarAt(bars.back().end()));
  }
  return bars;
}

// What still sounds after the last bar keeps that bar's pace.
TimeMap MapOf(const std::vector<HostBar>& bars) {
  std::vector<Ticks> lines;
  for (const HostBar& bar : bars) lines.push_back(bar.begin);
  lines.push_back(bars.back().end());
  return TimeMap::Bars(lines, bars.front().meter.BarLength());
}

bool IsMidi(const fs::path& path) {
  const std::string ending = absl::AsciiStrToLower(path.extension().string());
  return ending == ".mid" || ending == ".midi";
}

absl::StatusOr<std::vector<std::string>> MidiFilesBelow(
    const std::string& folder) {
  std::error_code error;
  fs::recursive_directory_iterator entry(
      folder, fs::directory_options::skip_permission_denied, error);
  std::vector<std::string> paths;
  for (; !error && entry != fs::end(entry); entry.increment(error)) {
    std::error_code unknown;
    if (IsMidi(entry->path()) && !entry->is_directory(unknown)) {
      paths.push_back(entry->path().generic_string());
    }
  }
  if (error) {
    return absl::NotFoundError(
        absl::StrCat(folder, " cannot be read as a folder: ", error.message()));
  }
  if (paths.empty()) {
    return absl::NotFoundError(absl::StrCat(
        folder, " has no .mid or .midi file; name a folder with MIDI files"));
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

}  // namespace

absl::StatusOr<TrainingPiece> ReadTrainingPiece(const std::string& path) {
  const absl::StatusOr<MidiFile> file = ReadMidiFile(path);
  if (!file.ok()) {
    absl::string_view reason = file.status().message();
    absl::ConsumePrefix(&reason, absl::StrCat(path, ": "));
    return absl::Status(file.status().code(), reason);
  }
  const absl::StatusOr<Piece> piece = PieceOf(*file);
  if (!piece.ok()) return piece.status();
  const auto bars = BarsUpTo(piece->meters, piece->notes.back().tick);
  if (!bars.ok()) return bars.status();
  const TimeMap time = MapOf(*bars);
  TrainingPiece result{path, {}, {}};
  for (size_t i = 0; i < piece->notes.size(); ++i) {
    result.notes.push_back({time.Timed(piece->notes[i]),
                            RoleOf(file->tracks[piece->tracks[i]].name)});
  }
  ByOnsetAndPitch(result.notes);
  for (const HostBar& bar : *bars) result.meters.push_back(bar.meter);
  return result;
}

absl::StatusOr<TrainingFolder> ReadFolder(
    const std::string& folder,
    absl::FunctionRef<void(size_t done, size_t total)> progress) {
  const auto paths = MidiFilesBelow(folder);
  if (!paths.ok()) return paths.status();
  TrainingFolder result;
  for (size_t i = 0; i < paths->size(); ++i) {
    const std::string& path = (*paths)[i];
    auto piece = ReadTrainingPiece(path);
    if (piece.ok()) {
      result.pieces.push_back(*std::move(piece));
    } else {
      result.skipped.push_back({path, std::string(piece.status().message())});
    }
    progress(i + 1, paths->size());
  }
  if (!result.pieces.empty()) return result;
  return absl::InvalidArgumentError(absl::StrCat(
      folder, " has ", paths->size(), " MIDI files, none of them usable; ",
      result.skipped.front().name, " ", result.skipped.front().reason));
}

}  // namespace antiphon::inference
