// SPDX-License-Identifier: Apache-2.0
//
// What the batch and the live tokenizer share: events in time order become
// tokens at the end of a sequence, each behind the <T>s that lead to it. Values
// are quantised here (quantise.h). One owner; grows nothing but the sequence.
#ifndef ANTIPHON_INFERENCE_ARIA_EVENT_WRITER_H_
#define ANTIPHON_INFERENCE_ARIA_EVENT_WRITER_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "inference/aria/timed_note.h"
#include "inference/aria/vocabulary.h"

namespace antiphon::inference {

class EventWriter {
 public:
  // segment_ms as CheckSegment accepts it.
  EventWriter(const Vocabulary& vocabulary, int segment_ms)
      : vocabulary_(vocabulary), segment_ms_(segment_ms) {}

  // Moves to an event at `ms` ≥ 0; events come in time order.
  void MoveTo(int64_t ms, std::vector<TokenId>& out);

  // An event where MoveTo went; the last of a note's three tokens is its dur.
  void Note(int instrument, int pitch, int velocity, int64_t duration_ms,
            std::vector<TokenId>& out) const;
  // A drum or a pedal token.
  void Other(TokenId id, std::vector<TokenId>& out) const;

 private:
  Vocabulary vocabulary_;
  int segment_ms_;
  int64_t segment_ = 0;
  TokenId onset_ = 0;
};

absl::Status CheckSegment(int segment_ms);

// Refuses a live note that is out of range, too far from the origin, or before
// `earliest_ms`, the origin or the onset of the note before it. The message
// names it by `index`.
absl::Status CheckLiveNote(const TimedNote& note, size_t index,
                           int64_t earliest_ms, int64_t origin_ms);

// Refuses pedals that are not by time or too far from the origin, likewise.
absl::Status CheckLivePedals(absl::Span<const TimedPedal> pedals,
                             int64_t origin_ms);

}  // namespace antiphon::inference

#endif  // ANTIPHON_INFERENCE_ARIA_EVENT_WRITER_H_
