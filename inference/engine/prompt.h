// SPDX-License-Identifier: Apache-2.0
//
// A job's context as a model reads it. Milliseconds are true ones, or each
// bar's are the same, as the model's card says (time_map.h). Where the
// vocabulary has pedal tokens (demo25, demo26), the presses that end a note are
// told by them too, as Aria's demos do; the durations that they lengthen are
// the same in every vocabulary. Where it has <X> (demo26), that ends the
// prompt. To a model in bars the notes are told as they would be written
// (hearing.h); pedals are told when they moved. Pure functions on plain data;
// any thread.
#ifndef ANTIPHON_INFERENCE_ENGINE_PROMPT_H_
#define ANTIPHON_INFERENCE_ENGINE_PROMPT_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "inference/aria/vocabulary.h"
#include "inference/engine/job.h"
#include "inference/engine/time_map.h"
#include "inference/model/model.h"

namespace antiphon::inference {

struct Prompt {
  // A dur token that tells of a note only how long it lasts so far.
  struct Held {
    size_t at = 0;  // index in the tokens
    int64_t so_far_ms = 0;
  };

  std::vector<TokenId> tokens;
  TimeMap time;  // millisecond 0 is the first segment's start
  uint32_t bars = 0;
  std::vector<Held> held;  // but those that last as long as a token can say
};

// Drops the oldest whole bars until no more than `capacity` tokens are left;
// nothing where the last bar has more.
std::optional<Prompt> PromptOf(const Job& job, const Vocabulary& vocabulary,
                               const ModelInfo& model, size_t capacity);

// Where the answer begins. A cut before it (lag 0) is answered from there on.
Ticks TargetLine(const Job& job);

}  // namespace antiphon::inference

#endif  // ANTIPHON_INFERENCE_ENGINE_PROMPT_H_
