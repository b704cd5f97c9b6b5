// SPDX-License-Identifier: Apache-2.0
//
// A vamp is a bar that is played again and again. A small model that reads one
// finds it ever likelier and gets stuck in it, where people go on: a bar that
// has been played twice in a row, note for note, the answer does not play a
// third time. It may leave the vamp at any note, and is nudged to at each, so
// that it leaves where the model has something else to say; where all but the
// vamp's last note was played, that note's key is ruled out. A model that does
// not play a chord's notes by pitch, as it learnt to, leaves by that. A bar
// that is cut before its end (lag 0) is seldom the same as the one before. A
// plain value; any thread.
#ifndef ANTIPHON_INFERENCE_ENGINE_VAMP_H_
#define ANTIPHON_INFERENCE_ENGINE_VAMP_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "inference/aria/timed_note.h"
#include "inference/aria/vocabulary.h"
#include "inference/model/model.h"

namespace antiphon::inference {

class Vamp {
 public:
  // By how much the logits of the vamp's next note are lowered.
  static constexpr float kNudge = 3;

  // The bar before `line_ms` in what a model in bars was told, if it is not
  // empty and the one before is the same: keys and, to a step, onsets,
  // whatever their loudness and lengths.
  static std::optional<Vamp> Before(int64_t line_ms,
                                    absl::Span<const TokenId> prompt,
                                    const Vocabulary& vocabulary,
                                    int segment_ms);

  // Before a note is drawn. Nothing once the answer has left the vamp.
  void Discourage(const Vocabulary& vocabulary, absl::Span<float> logits) const;
  // After it is complete.
  void OnNote(const TimedNote& note);

 private:
  // In milliseconds from the prompt's first line.
  using Strike = std::pair<int64_t, int>;  // onset, pitch

  explicit Vamp(std::vector<Strike> next) : next_(std::move(next)) {}
  static bool Same(const Strike& a, const Strike& b);

  std::vector<Strike> next_;  // of the answer's bar, by onset and pitch
  size_t played_ = 0;
  bool left_ = false;
};

}  // namespace antiphon::inference

#endif  // ANTIPHON_INFERENCE_ENGINE_VAMP_H_
