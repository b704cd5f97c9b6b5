// SPDX-License-Identifier: Apache-2.0
//
// Aria's tokens back to notes, and questions about the time they cover, with
// the reference's treatment of streams that break the grammar: what is no
// complete event is skipped, <T> always moves time, an instrument without a
// prefix is silent, and the last two tokens begin no event. So a drum or pedal
// at the very end is lost, and what follows <E> is read: cut there first.
// For whole sequences; Grammar reads a stream token by token. Pure functions;
// any thread.
#ifndef ANTIPHON_INFERENCE_ARIA_DETOKENIZER_H_
#define ANTIPHON_INFERENCE_ARIA_DETOKENIZER_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "common/midi/midi_file.h"
#include "inference/aria/note_list.h"
#include "inference/aria/vocabulary.h"

namespace antiphon::inference {

// Ticks of the result are milliseconds. Instruments get channels in the order
// of their prefixes. Errors: an id that is none of the vocabulary's; a
// vocabulary with pedal tokens and other prefixes than exactly one, the piano.
absl::StatusOr<NoteList> Detokenize(const Vocabulary& vocabulary,
                                    absl::Span<const TokenId> tokens,
                                    int segment_ms = kMaxSegmentMs);

// A playable file: a tick is a millisecond. Where a key is struck again while
// it sounds, the earlier note ends. On one tick note-offs come first, then
// note-ons from soft to loud, then pedals and programs.
MidiFile ToMidi(const NoteList& list);

// Where the last note stops sounding, from the start of the sequence; drums and
// pedals do not count. As in the reference the search goes backwards and ends
// at a note that begins more than 5 s before what was found. A dur that follows
// no onset, which the reference cannot read, counts for nothing.
int64_t LengthMs(const Vocabulary& vocabulary, absl::Span<const TokenId> tokens,
                 int segment_ms = kMaxSegmentMs);
// Onset of the note that stands last; 0 without one.
int64_t LastOnsetMs(const Vocabulary& vocabulary,
                    absl::Span<const TokenId> tokens,
                    int segment_ms = kMaxSegmentMs);

// The front part that ends before the first event with an onset after limit_ms.
absl::Span<const TokenId> TruncateByTime(const Vocabulary& vocabulary,
                                         absl::Span<const TokenId> tokens,
                                         int64_t limit_ms,
                                         int segment_ms = kMaxSegmentMs);

}  // namespace antiphon::inference

#endif  // ANTIPHON_INFERENCE_ARIA_DETOKENIZER_H_
