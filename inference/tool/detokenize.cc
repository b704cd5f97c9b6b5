// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdio>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/midi/midi_file.h"
#include "inference/aria/detokenizer.h"
#include "inference/tool/command.h"
#include "inference/tool/token_file.h"

namespace antiphon::inference {
namespace {

// Index of the first token that is none of the vocabulary's, or whose id and
// text contradict each other; the number of tokens if there is none.
size_t FirstForeign(const Vocabulary& vocabulary, const TokenFile& file) {
  for (size_t i = 0; i < std::max(file.ids.size(), file.texts.size()); ++i) {
    if (file.texts.empty()) {
      if (file.ids[i] >= vocabulary.size()) return i;
      continue;
    }
    const std::string& text = file.texts[i];
    const TokenId id = vocabulary.IdOf(text);
    const bool known =
        id != kUnknownToken || text == "<U>" || absl::StartsWith(text, "drum:");
    if (!known || (!file.ids.empty() && file.ids[i] != id)) return i;
  }
  return std::max(file.ids.size(), file.texts.size());
}

std::string Complaint(const Vocabulary& vocabulary, const TokenFile& file,
                      size_t at) {
  const std::string name(vocabulary.name());
  if (file.texts.empty()) {
    return absl::StrCat("token ", at, " is id ", file.ids[at],
                        ", the vocabulary ", name, " has 0 to ",
                        vocabulary.size() - 1, "; correct it or --vocab");
  }
  // Texts come from outside: only the index is sure to be printable.
  const TokenId id = vocabulary.IdOf(file.texts[at]);
  if (file.ids.empty() || id == kUnknownToken) {
    return absl::StrCat("the text of token ", at, " is none of the vocabulary ",
                        name, "; correct it or --vocab");
  }
  return absl::StrCat("token ", at, " is id ", file.ids[at],
                      ", but by its text, ", vocabulary.TextOf(id), ", id ", id,
                      " of the vocabulary ", name,
                      "; correct one of them or --vocab");
}

// The named vocabulary, or where none is named the first one that all tokens
// belong to.
absl::StatusOr<Vocabulary> VocabularyOf(const TokenFile& file,
                                        const std::string& label,
                                        const std::string& name) {
  std::vector<Vocabulary> candidates;
  if (!name.empty()) {
    absl::StatusOr<Vocabulary> named = NamedVocabulary(name);
    if (!named.ok()) return named.status();
    candidates.push_back(*named);
  } else if (file.texts.empty()) {
    candidates.emplace_back(VocabularyKind::kDefault);
  } else {
    candidates.emplace_back(VocabularyKind::kDefault);
    candidates.emplace_back(VocabularyKind::kDemo25);
    candidates.emplace_back(VocabularyKind::kDemo26);
  }
  const auto best =
      std::max_element(candidates.begin(), candidates.end(),
                       [&file](const Vocabulary& a, const Vocabulary& b) {
                         return FirstForeign(a, file) < FirstForeign(b, file);
                       });
  const size_t foreign = FirstForeign(*best, file);
  if (foreign == std::max(file.ids.size(), file.texts.size())) return *best;
  return absl::InvalidArgumentError(
      absl::StrCat(label, ": ", Complaint(*best, file, foreign)));
}

}  // namespace

absl::Status RunDetokenize(const DetokenizeOptions& options) {
  const std::string label = absl::StrCat("'", options.file, "'");
  absl::StatusOr<TokenFile> file = ReadTokenFile(label, options.file);
  if (!file.ok()) return file.status();
  absl::StatusOr<Vocabulary> vocabulary =
      VocabularyOf(*file, label, options.vocabulary);
  if (!vocabulary.ok()) return vocabulary.status();
  std::vector<TokenId> ids = std::move(file->ids);
  if (ids.empty()) {
    for (const std::string& text : file->texts) {
      ids.push_back(vocabulary->IdOf(text));
    }
  }
  absl::StatusOr<NoteList> list = Detokenize(*vocabulary, ids);
  if (!list.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat(label, ": ", list.status().message()));
  }
  absl::Status written = WriteMidiFile(ToMidi(*list), options.out);
  if (!written.ok()) return written;
  std::printf("%s: %zu notes, %zu pedal changes\n", options.out.c_str(),
              list->notes.size(), list->pedals.size());
  return absl::OkStatus();
}

}  // namespace antiphon::inference
