// SPDX-License-Identifier: Apache-2.0
//
// TokenizeLive note by note, while the music is played: after CutAt(c) the
// tokens are exactly those that TokenizeLive gives for all notes told so far,
// those still held (by key or by pedal: whoever tells the notes decides) taken
// to last to c. Only the dur tokens of held notes are provisional, and those
// only while they can still grow: 5000 ms is the longest dur there is. The
// tokens in front of the first provisional one are final. There are no pedal
// tokens.
//
// For whoever hears notes as they come: `antiphon-model tokenize --cut-ms`. The
// engine gets whole contexts and tokenises each anew, in microseconds
// (docs/decisions/0025).
//
// Cost: Begin and End O(1), CutAt O(notes held or ended since the last cut that
// began within its last 5 s); nothing is read twice. Limits: kMaxLiveContextMs
// and kMaxLiveNotes, refused with a status that changes nothing. One owner.
#ifndef ANTIPHON_INFERENCE_ARIA_LIVE_TOKENIZER_H_
#define ANTIPHON_INFERENCE_ARIA_LIVE_TOKENIZER_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "inference/aria/event_writer.h"
#include "inference/aria/tokenizer.h"
#include "inference/aria/vocabulary.h"

namespace antiphon::inference {

inline constexpr size_t kMaxLiveNotes = size_t{1} << 16;

class LiveTokenizer {
 public:
  static absl::StatusOr<LiveTokenizer> Create(const Vocabulary& vocabulary,
                                              const LiveOptions& options = {});

  // A note is struck and held; returns its number, counted from 0. Onsets never
  // decrease, and notes with equal onsets keep the order of the calls. Until
  // the next cut its dur is the shortest.
  absl::StatusOr<size_t> Begin(int64_t onset_ms, int pitch, int velocity);

  // It stops sounding, now or at a time already known. An end before the last
  // cut corrects what the cut took for granted, unless that was final.
  absl::Status End(size_t number, int64_t end_ms);

  // Lets the held notes last to `cut_ms`. Cuts never go back.
  absl::Status CutAt(int64_t cut_ms);

  // The prefix, <S>, and the events; valid until the next call of another name.
  absl::Span<const TokenId> tokens() const { return tokens_; }
  // How many of them, from the front, no later call can change.
  size_t final_tokens() const;

 private:
  struct Note {
    int64_t onset_ms = 0;
    size_t dur_at = 0;  // index of its dur token
    bool held = true;
  };

  LiveTokenizer(const Vocabulary& vocabulary, const LiveOptions& options);

  // Dur token of a note that ends at end_ms.
  TokenId DurOf(const Note& note, int64_t end_ms) const;

  Vocabulary vocabulary_;
  LiveOptions options_;
  EventWriter writer_;
  TokenId longest_dur_;
  int64_t cut_ms_;
  std::vector<TokenId> tokens_;
  std::vector<Note> notes_;
  // Numbers of the notes whose dur could still grow at the last cut, and of the
  // newer ones; some may have ended since.
  std::vector<size_t> open_;
};

}  // namespace antiphon::inference

#endif  // ANTIPHON_INFERENCE_ARIA_LIVE_TOKENIZER_H_
