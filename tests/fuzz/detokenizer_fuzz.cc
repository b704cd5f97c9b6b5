// SPDX-License-Identifier: Apache-2.0
//
// Any ids as a token sequence: named as wrong, or read into notes that lie in
// time order where the questions about time say, and that a MIDI file holds.
// The first byte names the vocabulary, two bytes each an id, seldom a wrong
// one.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "inference/aria/detokenizer.h"

namespace {

using namespace antiphon::inference;  // NOLINT

void Require(bool condition) {
  if (!condition) std::abort();
}

void CheckNotes(const NoteList& list, size_t tokens) {
  Require(list.notes.size() + list.pedals.size() <= tokens);
  int64_t before = 0;
  for (const FileNote& note : list.notes) {
    Require(note.start_tick >= before);
    before = note.start_tick;
    const int64_t length = note.end_tick - note.start_tick;
    Require(length >= 0 && length <= kMaxDurationMs);
    Require(note.channel >= 0 && note.channel < kChannels);
    Require(note.velocity >= 0 && note.velocity <= kMaxVelocityToken);
  }
}

void CheckTimes(const Vocabulary& vocabulary,
                const std::vector<TokenId>& tokens) {
  const int64_t segments =
      std::count(tokens.begin(), tokens.end(), kTimeStepToken);
  const int64_t end = (segments + 1) * kMaxSegmentMs;
  const int64_t last = LastOnsetMs(vocabulary, tokens);
  Require(last >= 0 && last < end);
  const int64_t length = LengthMs(vocabulary, tokens);
  Require(length >= last && length < end + kMaxDurationMs);
  size_t before = 0;
  for (const int64_t limit : {int64_t{0}, last, length, end}) {
    const size_t kept = TruncateByTime(vocabulary, tokens, limit).size();
    if (limit == end) Require(kept == tokens.size());
    Require(kept >= before);
    before = kept;
  }
}

void CheckMidi(const NoteList& list) {
  const antiphon::MidiFile file = ToMidi(list);
  const std::string bytes = antiphon::SerializeMidiFile(file);
  const auto back = antiphon::ParseMidiFile(absl::MakeConstSpan(
      reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()));
  Require(back.ok() && back->tracks.at(1) == file.tracks.at(0));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  constexpr VocabularyKind kKinds[] = {VocabularyKind::kDefault,
                                       VocabularyKind::kDemo25,
                                       VocabularyKind::kDemo26};
  const Vocabulary vocabulary(kKinds[data[0] % 3]);
  std::vector<TokenId> tokens;
  for (size_t i = 1; i + 1 < size; i += 2) {
    tokens.push_back((data[i] << 8 | data[i + 1]) % (vocabulary.size() + 1));
  }
  const auto list = Detokenize(vocabulary, tokens);
  const bool known = std::all_of(tokens.begin(), tokens.end(), [&](TokenId id) {
    return id < vocabulary.size();
  });
  if (!known) Require(!list.ok());
  if (!vocabulary.has_pedals()) Require(list.ok() == known);
  if (list.ok()) {
    CheckNotes(*list, tokens.size());
    CheckMidi(*list);
  }
  CheckTimes(vocabulary, tokens);
  return 0;
}
