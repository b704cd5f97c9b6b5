// SPDX-License-Identifier: Apache-2.0
//
// The grammar of Aria's token stream as a small state machine: what may follow,
// where on the time line the stream stands, and which note was just completed.
//   prefix* <S> ( <T> | note onset dur | drum onset | pedal onset | <D> )* <E>
// Within a segment onsets never decrease; <T> begins the next segment. Pedals
// of an answer take turns: down where it is up, up where it is down.
//
// Feed it the context first (Advance), then ask (Allowed), draw, and feed the
// draw. It knows nothing of bars: the caller narrows each question to its
// answer window (Query). A value type; one owner at a time; no allocation.
#ifndef ANTIPHON_INFERENCE_ARIA_GRAMMAR_H_
#define ANTIPHON_INFERENCE_ARIA_GRAMMAR_H_

#include <cstdint>

#include "inference/aria/timed_note.h"
#include "inference/aria/token_set.h"
#include "inference/aria/vocabulary.h"

namespace antiphon::inference {

class Grammar {
 public:
  enum class Expects {
    kPrefix,      // nothing read yet, or prefixes only
    kEvent,       // free: a new event, <T>, <D> or <E>
    kNoteOnset,   // the onset of a note
    kOtherOnset,  // the onset of a drum or pedal token
    kDuration,
    kNothing,  // <E> was read
  };
  enum class Step {
    kRefused,  // not allowed here; the state is unchanged
    kAdvanced,
    kNoteComplete,  // note() is new
  };
  // Narrows what comes next. Onset bounds are inside the present segment.
  struct Query {
    // Onsets in [onset_low_ms, onset_high_ms), and never below the last onset.
    // With none left at a free position, notes are not offered.
    int onset_low_ms = 0;
    int onset_high_ms = kMaxSegmentMs;
    // Whether the next segment still belongs to the answer.
    bool allow_time_step = true;
    // Whether the answer may end here: then <E>, a <T> that is not allowed
    // and onsets at or beyond onset_high_ms stand in NextTokens::end.
    bool allow_end = true;
  };

  // segment_ms: a multiple of 10, 10..kMaxSegmentMs.
  explicit Grammar(const Vocabulary& vocabulary,
                   int segment_ms = kMaxSegmentMs);

  // What an answer may continue with: piano notes of velocity 10 and up, durs
  // of 10 ms and up, the pedal change that changes something. Never prefixes,
  // <P>, <U>, <D>, drums, other instruments.
  // Before the first event (Expects::kPrefix) only <S> and the piano prefix.
  NextTokens Allowed(const Query& query) const;
  // Everything that Allowed says without a query.
  NextTokens Allowed() const;

  // Reads one token. Accepts the whole grammar above: also other instruments,
  // drums (<U> for one unknown), velocity 0, dur 0, a stream without <S>.
  Step Advance(TokenId id);

  Expects expects() const { return expects_; }
  // Start of the present segment on the time line: segment_ms per <T> read.
  int64_t segment_start_ms() const { return segment_start_ms_; }
  // Of the present segment: 0 before its first event.
  int last_onset_ms() const { return last_onset_ms_; }
  int segment_ms() const { return segment_ms_; }
  // The last completed note, of any instrument; onset from the stream's start.
  const TimedNote& note() const { return note_; }

 private:
  NextTokens AllowedAtEvent(const Query& query) const;
  NextTokens AllowedAtOnset(const Query& query) const;
  // Ids of the onsets that are neither below the last one nor outside `query`.
  TokenRange OnsetsWithin(const Query& query) const;
  Step AdvanceAtEvent(TokenId id, TokenClass kind);
  Step AdvanceAtOnset(TokenId id, TokenClass kind);
  Step AdvanceAtDuration(TokenId id, TokenClass kind);

  Vocabulary vocabulary_;
  int segment_ms_;
  bool pedal_down_ = false;
  Expects expects_ = Expects::kPrefix;
  int64_t segment_start_ms_ = 0;
  int last_onset_ms_ = 0;
  TimedNote note_;     // complete
  TimedNote pending_;  // being read
};

}  // namespace antiphon::inference

#endif  // ANTIPHON_INFERENCE_ARIA_GRAMMAR_H_
