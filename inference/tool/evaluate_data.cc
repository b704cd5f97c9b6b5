// SPDX-License-Identifier: Apache-2.0
#include "inference/tool/evaluate_data.h"

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <filesystem>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/file.h"
#include "common/midi/midi_file.h"
#include "inference/evaluate/progress.h"
#include "inference/evaluate/window_file.h"

namespace antiphon::inference {
namespace {

namespace fs = std::filesystem;

constexpr int kShortBars = 2;
constexpr int kLongBars = 8;
// Of a text that the 4-gram learns: far below the longest context.
constexpr int kPageBars = 64;

absl::StatusOr<std::vector<Window>> ReadWindows(const std::string& path) {
  const auto about_file = [&path](const absl::Status& status) {
    return absl::Status(status.code(), absl::StrCat("--windows=", path, ": ",
                                                    status.message()));
  };
  const absl::StatusOr<std::string> text = ReadFile(path, kMaxWindowFileBytes);
  if (!text.ok()) return about_file(text.status());
  absl::StatusOr<std::vector<Window>> windows = ParseWindows(*text);
  return windows.ok() ? windows : about_file(windows.status());
}

absl::StatusOr<Case> CaseOf(const Window& window, const Piece& piece) {
  const auto cut = [&](Ticks begin) {
    return PassageOf(piece.notes, begin, window.bar_length, window.bars);
  };
  Case one{window.file, cut(window.begin), cut(window.answer()),
           TemposFrom(piece.tempos, window.begin)};
  if (!one.call.notes.empty() && !one.human.notes.empty()) return one;
  return absl::InvalidArgumentError(absl::StrCat(
      "the window of ", window.file, " at tick ", window.begin.count(),
      " has no notes in its call or in its answer; are --windows and --midi of "
      "the same collection?"));
}

absl::StatusOr<std::vector<Case>> CasesOf(const std::vector<Window>& windows,
                                          const EvaluationData& data) {
  std::vector<Case> cases;
  for (const Window& window : windows) {
    absl::StatusOr<Case> one = CaseOf(window, data.pieces.at(window.file));
    if (!one.ok()) return one.status();
    cases.push_back(*std::move(one));
  }
  return cases;
}

absl::StatusOr<std::vector<std::string>> MidiFilesBelow(
    const std::string& folder) {
  std::vector<std::string> files;
  std::error_code error;
  fs::recursive_directory_iterator entry(folder, error);
  for (; !error && entry != fs::recursive_directory_iterator();
       entry.increment(error)) {
    const std::string suffix =
        absl::AsciiStrToLower(entry->path().extension().string());
    if (suffix == ".mid" || suffix == ".midi") {
      files.push_back(entry->path().string());
    }
  }
  if (error) {
    return absl::NotFoundError(
        absl::StrCat("--train=", folder, " cannot be read (", error.message(),
                     "); give a folder of MIDI files"));
  }
  std::sort(files.begin(), files.end());
  return files;
}

absl::StatusOr<std::vector<Text>> PagesIn(const std::string& path,
                                          const TokenFormat& format) {
  const absl::StatusOr<Piece> piece =
      ReadPiece(path, absl::StrCat("'", path, "'"));
  if (!piece.ok()) return piece.status();
  return PagesOf(format, *piece, kPageBars);
}

}  // namespace

absl::StatusOr<EvaluationData> ReadEvaluationData(
    const EvaluateOptions& options) {
  const absl::StatusOr<std::vector<Window>> windows =
      ReadWindows(options.windows);
  if (!windows.ok()) return windows.status();
  EvaluationData data;
  for (const Window& window : *windows) {
    if (data.pieces.contains(window.file)) continue;
    const std::string path = (fs::path(options.midi) / window.file).string();
    absl::StatusOr<Piece> piece = ReadPiece(path, absl::StrCat("'", path, "'"));
    if (absl::IsNotFound(piece.status())) {
      return absl::NotFoundError(
          absl::StrCat(piece.status().message(),
                       "; what --windows names is looked for below --midi"));
    }
    if (!piece.ok()) return piece.status();
    data.pieces.emplace(window.file, *std::move(piece));
  }
  const auto limit = static_cast<size_t>(options.limit);
  for (const auto& [bars, cases] : {std::pair{kShortBars, &data.cases},
                                    std::pair{kLongBars, &data.long_cases}}) {
    auto found = CasesOf(SpreadWindows(*windows, bars, limit), data);
    if (!found.ok()) return found.status();
    *cases = *std::move(found);
  }
  return data;
}

absl::StatusOr<int> LearnFolder(const std::string& folder,
                                const TokenFormat& format, Ngram& ngram) {
  const absl::StatusOr<std::vector<std::string>> files = MidiFilesBelow(folder);
  if (!files.ok()) return files.status();
  Progress progress("4-gram, files", files->size());
  int learnt = 0;
  for (const std::string& file : *files) {
    const absl::StatusOr<std::vector<Text>> pages = PagesIn(file, format);
    if (pages.ok()) {
      for (const Text& page : *pages) ngram.Add(page);
      ++learnt;
    } else {
      std::fprintf(stderr, "evaluate: skipped %s: %s\n", file.c_str(),
                   std::string(pages.status().message()).c_str());
    }
    progress.Step();
  }
  if (learnt == 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--train=", folder, " holds no MIDI file that can be read"));
  }
  ngram.Finish();
  return learnt;
}

}  // namespace antiphon::inference
