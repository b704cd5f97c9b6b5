// SPDX-License-Identifier: Apache-2.0
//
// Aria's answer to a bar: the context as tokens, then one masked draw after the
// other inside the answer window. The window is the target bar, laid from the
// first bar line at or after the cut: <T>s up to its first segment are forced,
// onsets outside it are masked, and whatever would leave it counts as the end.
// A note leaves as soon as its duration is drawn; the answer may stop after any
// whole note. The output never contains the context (prompt.h). Pedal tokens,
// where the vocabulary has them, are drawn and not sent: what a pedal holds is
// in the durations.
//
// A note still held at the cut has no duration yet. Left as short as it is so
// far it would look staccato, and be imitated: the model is asked, note by
// note, for the likeliest duration that is no shorter (at most kMaxAsked of
// them; the others keep theirs).
//
// The first note is drawn like any other, or, where several candidates are
// asked for, chosen as by Aria's demo: of the likeliest notes the one that is
// likeliest together with its likeliest onset in the window. Whether there is
// a note at all, and in which segment, is drawn all the same.
//
// In bars, notes are read as they would be written (hearing.h), and what was
// played twice in a row is not played a third time (vamp.h).
//
// The context's tokens stay in the slot's trunk, so that the next job prefills
// only what is new, or read otherwise than before. Draws are keyed by (seed,
// token index): the same job gives the same notes whatever ran before. Engine
// thread; one slot in this version.
//
// Limits: a context that does not fit the slot loses its oldest bars; one bar
// that does not fit, and a window too many segments away, end the answer as
// shortened before it begins. So do cancel and the deadline, which are looked
// at before each piece of the context and before each token. A piece has 256
// tokens where the last one says that they take 50 ms at most, else 64.
#ifndef ANTIPHON_INFERENCE_ENGINE_ARIA_ANSWERER_H_
#define ANTIPHON_INFERENCE_ENGINE_ARIA_ANSWERER_H_

#include <memory>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "inference/aria/grammar.h"
#include "inference/aria/sampler.h"
#include "inference/aria/vocabulary.h"
#include "inference/engine/job.h"
#include "inference/engine/prompt.h"
#include "inference/engine/time_map.h"
#include "inference/engine/vamp.h"
#include "inference/model/model.h"

namespace antiphon::inference {

inline constexpr int kMaxFirstNotes = 8;

class AriaAnswerer : public Answerer {
 public:
  // The error says what of the model does not serve. `first_notes`: candidates
  // for the first note, 1 (it is drawn) to kMaxFirstNotes.
  static absl::StatusOr<std::unique_ptr<AriaAnswerer>> Create(
      std::unique_ptr<Model> model, int first_notes = 1);

  JobEnd Answer(const Job& job, AnswerSink& sink) override;

  const Model& model() const { return *model_; }
  // Of the last answer: what the model was given (forced <T>s included) and
  // what was drawn.
  const std::vector<TokenId>& prompt() const { return prompt_; }
  const std::vector<TokenId>& drawn() const { return drawn_; }

 private:
  // Where the answer lies, in ticks of the job and milliseconds of the prompt.
  struct Window {
    Ticks line;
    Ticks length;
    int64_t begin_ms = 0;
    int64_t end_ms = 0;
  };

  // A note and its onset, and what the model thinks of both: the logarithm of
  // their probability, up to what all notes have in common.
  struct FirstNote {
    TokenId note = 0;
    TokenId onset = 0;
    double score = 0;
  };

  AriaAnswerer(std::unique_ptr<Model> model, const Vocabulary& vocabulary,
               int first_notes);

  // Lets held notes last as long as the model finds likeliest, but never less
  // than they did.
  std::optional<EndReason> AskHowLong(const Job& job, const AnswerSink& sink,
                                      Prompt& prompt);
  // Gives the model the prompt and the <T>s up to the window. What it returns
  // ended the answer before it began.
  std::optional<EndReason> Read(const Job& job, const Window& window,
                                const AnswerSink& sink, Prompt& prompt,
                                Grammar& grammar);
  std::optional<EndReason> Extend(const Job& job,
                                  absl::Span<const TokenId> context,
                                  const AnswerSink& sink,
                                  absl::Span<float> last_logits);
  // What may follow inside the window: of it alone logits are computed.
  static NextTokens Next(const Window& window, const Grammar& grammar);
  // Of the candidates the best one, by a step of the model for each; of those
  // that were weighed before the job was cancelled or late.
  absl::StatusOr<FirstNote> ChooseFirst(const Job& job, const AnswerSink& sink,
                                        const Window& window,
                                        const Grammar& grammar);
  absl::StatusOr<FirstNote> Weigh(const Window& window, Grammar grammar,
                                  TokenId note);
  // kEndOfAnswer where the answer is over.
  absl::StatusOr<TokenId> DrawNext(const Job& job, const Window& window,
                                   const Grammar& grammar,
                                   const AnswerSink& sink, uint32_t notes);
  static void Send(const TimeMap& time, const Window& window,
                   const TimedNote& note, uint32_t index, AnswerSink& sink);
  EndReason Draw(const Job& job, const TimeMap& time, const Window& window,
                 Grammar& grammar, AnswerSink& sink);
  // How far the deadline of what comes next lies beyond the job's.
  static absl::Duration Grace(const Window& window, const Grammar& grammar,
                              uint32_t notes);
  SamplingOptions SamplingOf(const Job& job) const;

  const std::unique_ptr<Model> model_;
  const Vocabulary vocabulary_;
  const int first_notes_;
  const size_t capacity_;  // of the slot, leaving room for a whole answer
  Sampler sampler_;
  // Of the last piece of a context that was read; known after the first one.
  absl::Duration per_token_ = absl::InfiniteDuration();
  std::vector<TokenId> trunk_;  // as the slot holds it
  std::vector<TokenId> prompt_;
  std::vector<TokenId> drawn_;
  std::optional<Vamp> vamp_;            // that the answer must leave
  std::optional<TokenId> first_onset_;  // chosen, its note is drawn_.back()
  std::vector<float> logits_;
  std::vector<float> weighed_;  // logits after a candidate
};

}  // namespace antiphon::inference

#endif  // ANTIPHON_INFERENCE_ENGINE_ARIA_ANSWERER_H_
