// SPDX-License-Identifier: Apache-2.0
#include "inference/engine/vamp.h"

#include <algorithm>
#include <cstdlib>
#include <limits>

#include "inference/aria/grammar.h"

namespace antiphon::inference {

std::optional<Vamp> Vamp::Before(int64_t line_ms,
                                 absl::Span<const TokenId> prompt,
                                 const Vocabulary& vocabulary, int segment_ms) {
  // Both as they would be in the answer's bar.
  std::vector<Strike> once, twice;
  Grammar grammar(vocabulary, segment_ms);
  for (const TokenId token : prompt) {
    if (grammar.Advance(token) != Grammar::Step::kNoteComplete) continue;
    const TimedNote& note = grammar.note();
    const int64_t before = line_ms - note.onset_ms;
    if (before > 0 && before <= kWarpedBarMs) {
      twice.emplace_back(note.onset_ms + kWarpedBarMs, note.pitch);
    } else if (before > 0 && before <= 2 * kWarpedBarMs) {
      once.emplace_back(note.onset_ms + 2 * kWarpedBarMs, note.pitch);
    }
  }
  std::sort(once.begin(), once.end());
  std::sort(twice.begin(), twice.end());
  if (twice.empty() ||
      !std::equal(once.begin(), once.end(), twice.begin(), twice.end(), Same)) {
    return std::nullopt;
  }
  return Vamp(std::move(twice));
}

// Ties between two steps are broken one way or the other.
bool Vamp::Same(const Strike& a, const Strike& b) {
  return a.second == b.second && std::abs(a.first - b.first) <= kTimeStepMs;
}

void Vamp::Discourage(const Vocabulary& vocabulary,
                      absl::Span<float> logits) const {
  if (left_ || played_ == next_.size()) return;
  const bool is_last = played_ + 1 == next_.size();
  for (int step = 0; step < kVelocitySteps; ++step) {
    float& logit = logits[static_cast<size_t>(
        vocabulary.NoteId(next_[played_].second, step * kVelocityStep))];
    logit = is_last ? -std::numeric_limits<float>::infinity() : logit - kNudge;
  }
}

void Vamp::OnNote(const TimedNote& note) {
  if (left_) return;
  left_ = played_ == next_.size() ||
          !Same({note.onset_ms, note.pitch}, next_[played_]);
  ++played_;
}

}  // namespace antiphon::inference
