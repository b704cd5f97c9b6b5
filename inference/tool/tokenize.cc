// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/midi/midi_file.h"
#include "inference/aria/live_tokenizer.h"
#include "inference/aria/piece.h"
#include "inference/aria/tokenizer.h"
#include "inference/engine/time_map.h"
#include "inference/tool/command.h"

namespace antiphon::inference {

absl::StatusOr<Vocabulary> NamedVocabulary(const std::string& name) {
  if (std::optional<Vocabulary> found = Vocabulary::FromName(name)) {
    return *found;
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "--vocab=", name, " is unknown; take default, demo25 or demo26"));
}

namespace {

void PrintTokens(const Vocabulary& vocabulary, const std::vector<TokenId>& ids,
                 const std::vector<std::string>& unknown,
                 const nlohmann::ordered_json& more) {
  nlohmann::ordered_json json = {{"tokens", nlohmann::json::array()},
                                 {"ids", ids}};
  auto said = unknown.begin();  // by each <U>
  for (TokenId id : ids) {
    json["tokens"].push_back(id == kUnknownToken ? *said++
                                                 : vocabulary.TextOf(id));
  }
  json.update(more);
  std::puts(json.dump().c_str());
}

// What has been played up to cut_ms.
absl::Status TokenizeUpTo(int64_t cut_ms, const Vocabulary& vocabulary,
                          const MidiFile& file) {
  const absl::StatusOr<Piece> piece = PieceOf(file);
  absl::StatusOr<LiveTokenizer> live = LiveTokenizer::Create(vocabulary);
  if (!piece.ok()) return piece.status();
  if (!live.ok()) return live.status();
  const TimeMap time = TimeMap::Real(piece->tempos, Ticks());
  for (const Note& note : piece->notes) {
    const TimedNote timed = time.Timed(note);
    if (timed.onset_ms >= cut_ms) break;
    const absl::StatusOr<size_t> number =
        live->Begin(timed.onset_ms, timed.pitch, timed.velocity);
    if (!number.ok()) return number.status();
    const int64_t end_ms = timed.onset_ms + timed.duration_ms;
    if (end_ms > cut_ms) continue;
    if (auto status = live->End(*number, end_ms); !status.ok()) return status;
  }
  if (auto status = live->CutAt(cut_ms); !status.ok()) return status;
  PrintTokens(vocabulary, {live->tokens().begin(), live->tokens().end()}, {},
              {{"final", live->final_tokens()}});
  return absl::OkStatus();
}

}  // namespace

absl::Status RunTokenize(const TokenizeOptions& options) {
  absl::StatusOr<Vocabulary> vocabulary = NamedVocabulary(options.vocabulary);
  if (!vocabulary.ok()) return vocabulary.status();
  const auto about_file = [&options](const absl::Status& status) {
    if (absl::StrContains(status.message(), options.file)) return status;
    return absl::InvalidArgumentError(
        absl::StrCat("'", options.file, "': ", status.message()));
  };
  absl::StatusOr<MidiFile> file = ReadMidiFile(options.file);
  if (!file.ok()) return about_file(file.status());
  if (options.cut_ms) {
    const absl::Status told = TokenizeUpTo(*options.cut_ms, *vocabulary, *file);
    return told.ok() ? told : about_file(told);
  }
  FileOptions how;
  how.keep_silence = options.keep_silence;
  how.remove_redundant_pedals = options.remove_redundant_pedals;
  how.inference_prompt_ms = options.inference_prompt_ms;
  std::vector<std::string> unknown;
  absl::StatusOr<std::vector<TokenId>> ids =
      TokenizeFile(*vocabulary, *file, how, &unknown);
  if (!ids.ok()) return about_file(ids.status());
  PrintTokens(*vocabulary, *ids, unknown, nlohmann::ordered_json::object());
  return absl::OkStatus();
}

}  // namespace antiphon::inference
