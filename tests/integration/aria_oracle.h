// SPDX-License-Identifier: Apache-2.0
//
// Aria's prompt, grammar and answer window written a second time, for tests:
// from the published rules of the tokenizer (vocabularies `default` and
// `demo26`) and from the contract on the wire, token by token, sharing no code
// with the service. It reads a job as it stands on the wire, says which tokens
// the model is given, and then takes one row of logits after the other:
// greedily, what may follow.
#ifndef ANTIPHON_TESTS_INTEGRATION_ARIA_ORACLE_H_
#define ANTIPHON_TESTS_INTEGRATION_ARIA_ORACLE_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "antiphon/v1/accompanist.pb.h"

namespace antiphon {

// Ids of a vocabulary.
struct AriaIds {
  int notes = 0;      // + 13 · pitch + velocity / 10, for 128 pitches
  int durations = 0;  // + ms / 10, up to 5000
  int onsets = 0;     // + ms / 10, up to 4990
  int tokens = 0;     // in all
  int delimiter = 0;  // <X>; 0 = there is none
};
inline constexpr AriaIds kDefaultIds = {39, 16726, 17227, 17727, 0};
inline constexpr AriaIds kDemo26Ids = {7, 1671, 2172, 2675, 2674};

class AriaOracle {
 public:
  // Of one target bar; the context is short enough to be read whole.
  AriaOracle(const v1::GenerationJob& job, const AriaIds& ids);

  // The context, <X> where it is due, and the <T>s up to the answer window.
  const std::vector<int>& prompt() const { return prompt_; }

  // What notes from the wire must have been as tokens after the prompt.
  std::vector<int> TokensOf(const std::vector<v1::Note>& notes) const;

  // The likeliest of the tokens that may follow, which is taken; nothing where
  // that is one of those that end the answer.
  std::optional<int> Take(const std::vector<float>& logits);
  // How far the likeliest was ahead of the next, at the closest draw so far.
  float closest() const { return closest_; }

  // Notes that are complete, as the wire carries an answer.
  const std::vector<v1::Note>& notes() const { return notes_; }

 private:
  enum class May { kNot, kFollow, kEnd };
  enum class Due { kEvent, kOnset, kDuration };

  double MsOf(int64_t tick) const;
  int64_t TickOf(int64_t ms) const;
  void ReadContext(const v1::Context& context);
  May Judge(int token) const;
  bool OnsetFits(int onset_ms) const;
  void Advance(int token);

  AriaIds ids_;
  std::vector<v1::TempoChange> tempos_;
  int64_t window_tick_ = 0;  // the target's line
  int64_t window_ticks_ = 0;
  int64_t begin_ms_ = 0;
  int64_t end_ms_ = 0;
  std::vector<int> prompt_;

  Due due_ = Due::kEvent;
  int64_t segment_ms_ = 0;  // start of the present segment
  int onset_ms_ = 0;        // last one in it
  int note_token_ = 0;      // of the note under way
  std::vector<v1::Note> notes_;
  float closest_ = 1e30f;
};

}  // namespace antiphon

#endif  // ANTIPHON_TESTS_INTEGRATION_ARIA_ORACLE_H_
