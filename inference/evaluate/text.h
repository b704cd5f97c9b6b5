// SPDX-License-Identifier: Apache-2.0
//
// Music as the tokens that a model reads and is measured on: whole excerpts of
// a piece, and a call with its answer. Pure functions; any thread.
#ifndef ANTIPHON_INFERENCE_EVALUATE_TEXT_H_
#define ANTIPHON_INFERENCE_EVALUATE_TEXT_H_

#include <cstddef>
#include <vector>

#include "absl/status/statusor.h"
#include "common/music/note.h"
#include "inference/aria/piece.h"
#include "inference/aria/vocabulary.h"
#include "inference/evaluate/passage.h"
#include "inference/model/model.h"

namespace antiphon::inference {

inline constexpr size_t kExcerptTokens = 512;

struct TokenFormat {
  Vocabulary vocabulary;
  TimeBase time_base = TimeBase::kReal;
  int segment_ms = kMaxSegmentMs;
};

// InvalidArgument where the model's rows are none of Aria's vocabularies.
absl::StatusOr<TokenFormat> FormatOf(const ModelInfo& info);

using Text = std::vector<TokenId>;

// At most `limit` tokens from its first bar with
// a note on, and as many from the bar of its middle note on, if that one is not
// in the first. They end with a whole note.
absl::StatusOr<std::vector<Text>> ExcerptsOf(const TokenFormat& format,
                                             const Piece& piece,
                                             size_t limit = kExcerptTokens);

// All of it, for a model to learn: texts of at most `bars` bars, in order.
absl::StatusOr<std::vector<Text>> PagesOf(const TokenFormat& format,
                                          const Piece& piece, int bars);

// A call and what follows, in tempos that begin with the call.
struct Pair {
  Text text;
  size_t answer = 0;  // index of its first token
};
absl::StatusOr<Pair> PairOf(const TokenFormat& format, const Passage& call,
                            const Passage& answer,
                            const std::vector<TempoChange>& tempos);

}  // namespace antiphon::inference

#endif  // ANTIPHON_INFERENCE_EVALUATE_TEXT_H_
