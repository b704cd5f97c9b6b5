// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <nlohmann/json.hpp>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/midi/midi_file.h"
#include "inference/aria/tokenizer.h"
#include "inference/tool/command.h"

namespace antiphon::inference {

absl::StatusOr<Vocabulary> NamedVocabulary(const std::string& name) {
  if (std::optional<Vocabulary> found = Vocabulary::FromName(name)) {
    return *found;
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "--vocab=", name, " is unknown; take default, demo25 or demo26"));
}

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
  FileOptions how;
  how.keep_silence = options.keep_silence;
  how.remove_redundant_pedals = options.remove_redundant_pedals;
  how.inference_prompt_ms = options.inference_prompt_ms;
  std::vector<std::string> unknown;
  absl::StatusOr<std::vector<TokenId>> ids =
      TokenizeFile(*vocabulary, *file, how, &unknown);
  if (!ids.ok()) return about_file(ids.status());
  nlohmann::ordered_json json = {{"tokens", nlohmann::json::array()},
                                 {"ids", *ids}};
  auto said = unknown.begin();  // by each <U>
  for (TokenId id : *ids) {
    json["tokens"].push_back(id == kUnknownToken ? *said++
                                                 : vocabulary->TextOf(id));
  }
  std::puts(json.dump().c_str());
  return absl::OkStatus();
}

}  // namespace antiphon::inference
