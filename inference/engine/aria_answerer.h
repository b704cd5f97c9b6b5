// SPDX-License-Identifier: Apache-2.0
//
// Aria's answer to a bar: the context as tokens, then one masked draw after the
// other inside the answer window. The window is the target bar, laid from the
// first bar line at or after the cut: <T>s up to its first segment are forced,
// onsets outside it are masked, and whatever would leave it counts as the end.
// A note leaves as soon as its duration is drawn; the answer may stop after any
// whole note. The output never contains the context.
//
// The context's tokens stay in the slot's trunk, so that the next job prefills
// only what is new. Draws are keyed by (seed, token index): the same job gives
// the same notes whatever ran before. Engine thread; one slot in this version.
#ifndef ANTIPHON_INFERENCE_ENGINE_ARIA_ANSWERER_H_
#define ANTIPHON_INFERENCE_ENGINE_ARIA_ANSWERER_H_

#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "inference/aria/grammar.h"
#include "inference/aria/sampler.h"
#include "inference/aria/vocabulary.h"
#include "inference/engine/job.h"
#include "inference/engine/time_map.h"
#include "inference/model/model.h"

namespace antiphon::inference {

class AriaAnswerer : public Answerer {
 public:
  // The error says which vocabulary the model's rows are not of.
  static absl::StatusOr<std::unique_ptr<AriaAnswerer>> Create(
      std::unique_ptr<Model> model);

  JobEnd Answer(const Job& job, AnswerSink& sink) override;

  const Model& model() const { return *model_; }
  // Of the last answer: what the model was given (forced <T>s included) and
  // what was drawn.
  const std::vector<TokenId>& prompt() const { return prompt_; }
  const std::vector<TokenId>& drawn() const { return drawn_; }

 private:
  struct Prompt {
    std::vector<TokenId> tokens;
    Ticks origin;  // of the first segment
    uint32_t bars = 0;
  };
  // Where the answer lies, in ticks and milliseconds from the prompt's origin.
  struct Window {
    Ticks line;
    Ticks length;
    int64_t begin_ms = 0;
    int64_t end_ms = 0;
  };

  AriaAnswerer(std::unique_ptr<Model> model, const Vocabulary& vocabulary);

  // Drops the oldest whole bars until the context fits the slot.
  absl::StatusOr<Prompt> PromptOf(const Job& job) const;
  absl::Status Read(const Prompt& prompt, const Window& window,
                    Grammar& grammar);
  EndReason Draw(const Job& job, const TimeMap& time, const Window& window,
                 Grammar& grammar, AnswerSink& sink);
  bool OutOfTime(const Job& job, const Window& window,
                 const Grammar& grammar) const;
  SamplingOptions SamplingOf(const Job& job) const;

  const std::unique_ptr<Model> model_;
  const Vocabulary vocabulary_;
  Sampler sampler_;
  std::vector<TokenId> trunk_;  // as the slot holds it
  std::vector<TokenId> prompt_;
  std::vector<TokenId> drawn_;
  std::vector<float> logits_;
};

}  // namespace antiphon::inference

#endif  // ANTIPHON_INFERENCE_ENGINE_ARIA_ANSWERER_H_
