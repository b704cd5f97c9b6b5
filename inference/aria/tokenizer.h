// SPDX-License-Identifier: Apache-2.0
//
// Notes to Aria's tokens, from a MIDI file or from a list of live notes.
// Both write `prefixes, <S>, events`, where <T> begins the next segment and an
// event is (note, onset, dur), (drum, onset) or (pedal, onset); onsets count
// from the start of their segment. There is no <D>, and silence after the last
// event is not represented. detokenizer.h is the way back. Pure functions; any
// thread.
#ifndef ANTIPHON_INFERENCE_ARIA_TOKENIZER_H_
#define ANTIPHON_INFERENCE_ARIA_TOKENIZER_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "common/midi/midi_file.h"
#include "inference/aria/timed_note.h"
#include "inference/aria/vocabulary.h"

namespace antiphon::inference {

// A live context longer than this is refused: it would be mostly <T>.
inline constexpr int64_t kMaxLiveContextMs = 30 * 60 * 1000;

struct LiveOptions {
  // This instant is position 0 of the first segment; silence between it and
  // the first note is kept.
  int64_t origin_ms = 0;
  // A multiple of 10, at most kMaxSegmentMs. 5000 = Aria's checkpoints (time
  // base `real`), 4800 = time base `bar`.
  int segment_ms = kMaxSegmentMs;
};

// `prefix piano, <S>, events`, no <E>. `notes` sorted by onset, none before the
// origin; notes with equal onsets keep their order. No notes: the first two
// tokens alone. `pedals`, by time and none before the origin either, stand
// between them where the vocabulary has pedal tokens, a note before the pedal
// of its millisecond; what a pedal holds is in the durations all the same.
// Errors name the note or the pedal that breaks these rules.
absl::StatusOr<std::vector<TokenId>> TokenizeLive(
    const Vocabulary& vocabulary, absl::Span<const TimedNote> notes,
    const LiveOptions& options = {}, absl::Span<const TimedPedal> pedals = {});

struct FileOptions {
  // Time zero is the start of the file instead of the first event.
  bool keep_silence = false;
  // Drops pedal presses that lengthen no note.
  bool remove_redundant_pedals = false;
  // Keeps what starts in the first N ms of the file, and writes no <E>.
  std::optional<int64_t> inference_prompt_ms;
  int segment_ms = kMaxSegmentMs;
};

// The reference's tokenizer, token for token where the file has one tempo;
// with several, a correct tempo map in place of the reference's (which
// lengthens or shortens notes after the last change). Ends with <E> unless it
// is a prompt. Errors: no notes are left; an instrument that the vocabulary
// cannot hold. `unknown`, where given, gets what each <U> stands for, in order:
// a drum that the vocabulary lacks, "drum:20".
absl::StatusOr<std::vector<TokenId>> TokenizeFile(
    const Vocabulary& vocabulary, const MidiFile& file,
    const FileOptions& options = {},
    std::vector<std::string>* unknown = nullptr);

// For training alone: announces the end of the piece with <D>, as the reference
// does with its random `offset`, -10..10: about 100 tokens before the end, in
// front of an event. A piece of at most 150 tokens stays without.
void InsertEnding(const Vocabulary& vocabulary, int offset,
                  std::vector<TokenId>& tokens);

}  // namespace antiphon::inference

#endif  // ANTIPHON_INFERENCE_ARIA_TOKENIZER_H_
