// SPDX-License-Identifier: Apache-2.0
#include "inference/engine/aria_answerer.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "common/log.h"
#include "common/rt/clock.h"

namespace antiphon::inference {
namespace {

constexpr SlotId kSlot = 0;
// Tokens of a context between two looks around: many cost less each, where they
// take no longer than a cancel may wait.
constexpr size_t kSmallPiece = 64;
constexpr size_t kLargePiece = 256;
constexpr absl::Duration kPatience = absl::Milliseconds(50);
// The model says how long these last; of more held notes the latest ones.
constexpr size_t kMaxAsked = 8;

// What went wrong with the model, as the end of an answer.
EndReason Failed(const Job& job, const absl::Status& status) {
  LogError("job.invalid job_id=", job.job_id, " ", status.message());
  return EndReason::kInvalid;
}

// Whether the answer should stop here, and why.
std::optional<EndReason> Interrupted(const Job& job, const AnswerSink& sink,
                                     absl::Duration grace) {
  if (sink.cancelled()) return EndReason::kCancelled;
  if (rt::Now() > job.deadline + grace) return EndReason::kShortened;
  return std::nullopt;
}

// Steps of the token grid, the first one not below `ms`.
int64_t StepsUpTo(int64_t ms) { return (ms + kTimeStepMs - 1) / kTimeStepMs; }

}  // namespace

absl::StatusOr<std::unique_ptr<AriaAnswerer>> AriaAnswerer::Create(
    std::unique_ptr<Model> model, int first_notes) {
  assert(1 <= first_notes && first_notes <= kMaxFirstNotes);
  const ModelInfo& info = model->info();
  const int rows = info.vocabulary_rows;
  const auto vocabulary = Vocabulary::FromRows(rows);
  if (!vocabulary) {
    return absl::InvalidArgumentError(
        absl::StrCat("the model has ", rows,
                     " vocabulary rows; music needs 17727, 17729 or 2675"));
  }
  if (info.time_base == TimeBase::kBar && info.segment_ms % kWarpedBarMs != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("the model's time base is bar, its segments of ",
                     info.segment_ms, " ms do not hold whole bars of ",
                     kWarpedBarMs, " ms; correct segment_ms in its card"));
  }
  if (info.max_position <= info.branch_tokens) {
    return absl::InvalidArgumentError(
        absl::StrCat("the model reads at most ", info.max_position,
                     " positions; an answer "
                     "takes ",
                     info.branch_tokens, " of them, its context needs more"));
  }
  return absl::WrapUnique(
      new AriaAnswerer(std::move(model), *vocabulary, first_notes));
}

AriaAnswerer::AriaAnswerer(std::unique_ptr<Model> model,
                           const Vocabulary& vocabulary, int first_notes)
    : model_(std::move(model)),
      vocabulary_(vocabulary),
      first_notes_(first_notes),
      capacity_(static_cast<size_t>(std::min(
          model_->info().context_tokens,
          model_->info().max_position - model_->info().branch_tokens))),
      logits_(static_cast<size_t>(model_->info().vocabulary_rows)),
      weighed_(first_notes > 1 ? logits_.size() : 0) {}

JobEnd AriaAnswerer::Answer(const Job& job, AnswerSink& sink) {
  JobEnd end;
  drawn_.clear();
  first_onset_.reset();
  vamp_.reset();
  const MonoTime begin = rt::Now();
  std::optional<Prompt> prompt =
      PromptOf(job, vocabulary_, model_->info(), capacity_);
  if (!prompt) {
    LogWarning("job.shortened job_id=", job.job_id,
               " its last bar alone exceeds the slot's ", capacity_,
               " tokens; raise --context-tokens");
    end.reason = EndReason::kShortened;
    return end;
  }
  const TimeMap& time = prompt->time;
  Window window;
  window.line = TargetLine(job);
  window.length = job.target_meter.BarLength();
  window.begin_ms = time.MsAt(window.line);
  window.end_ms = time.MsAt(window.line + window.length);

  if (model_->info().time_base == TimeBase::kBar) {
    vamp_ = Vamp::Before(window.begin_ms, prompt->tokens, vocabulary_,
                         model_->info().segment_ms);
  }
  Grammar grammar(vocabulary_, model_->info().segment_ms);
  const auto ended = Read(job, window, sink, *prompt, grammar);
  end.prefill = rt::Now() - begin;
  end.context_bars = prompt->bars;
  end.prompt_tokens = static_cast<uint32_t>(prompt->tokens.size());
  end.reason = ended ? *ended : Draw(job, time, window, grammar, sink);
  model_->DropBranch(kSlot);
  end.decode = rt::Now() - begin - end.prefill;
  end.tokens = static_cast<uint32_t>(drawn_.size());
  return end;
}

std::optional<EndReason> AriaAnswerer::AskHowLong(const Job& job,
                                                  const AnswerSink& sink,
                                                  Prompt& prompt) {
  SamplingOptions likeliest;
  likeliest.temperature = 0;
  const absl::Span<TokenId> tokens = absl::MakeSpan(prompt.tokens);
  const size_t unasked = std::max(prompt.held.size(), kMaxAsked) - kMaxAsked;
  for (const Prompt::Held& held :
       absl::MakeConstSpan(prompt.held).subspan(unasked)) {
    const auto ended =
        Extend(job, tokens.first(held.at), sink, absl::MakeSpan(logits_));
    if (ended) return ended;
    const IdBlock durs = vocabulary_.durs();
    NextTokens longer;
    longer.allowed.Add(
        {durs.begin + static_cast<TokenId>(StepsUpTo(held.so_far_ms)), durs.end,
         0});
    const auto dur = sampler_.Sample(logits_, longer, likeliest, {});
    if (!dur.ok()) return Failed(job, dur.status());
    tokens[held.at] = *dur;
  }
  return std::nullopt;
}

// The last token goes to the branch, so that its logits are always computed.
std::optional<EndReason> AriaAnswerer::Read(const Job& job,
                                            const Window& window,
                                            const AnswerSink& sink,
                                            Prompt& prompt, Grammar& grammar) {
  for (const TokenId token : prompt.tokens) grammar.Advance(token);
  const int64_t silence = window.begin_ms - grammar.segment_start_ms();
  if (silence / grammar.segment_ms() >= model_->info().branch_tokens) {
    LogWarning("job.shortened job_id=", job.job_id, " ", silence,
               " ms from the last note to the answer are too many");
    return EndReason::kShortened;
  }
  if (const auto ended = AskHowLong(job, sink, prompt)) return ended;
  std::vector<TokenId> forced = {prompt.tokens.back()};
  while (grammar.segment_start_ms() + grammar.segment_ms() <= window.begin_ms) {
    forced.push_back(kTimeStepToken);
    grammar.Advance(kTimeStepToken);
  }
  prompt_ = prompt.tokens;
  prompt_.insert(prompt_.end(), forced.begin() + 1, forced.end());
  const absl::Span<const TokenId> context(prompt.tokens);
  const auto ended = Extend(job, context.first(context.size() - 1), sink, {});
  if (ended) return ended;
  model_->StartBranch(kSlot);
  const NextTokens next = Next(window, grammar);
  const absl::Status read =
      model_->PrefillBranch(kSlot, forced, &next, absl::MakeSpan(logits_));
  return read.ok() ? std::nullopt : std::optional(Failed(job, read));
}

// Makes the trunk hold `context`: what both begin with stays, but for the last
// token where its logits are wanted.
std::optional<EndReason> AriaAnswerer::Extend(const Job& job,
                                              absl::Span<const TokenId> context,
                                              const AnswerSink& sink,
                                              absl::Span<float> last_logits) {
  const size_t reusable = context.size() - (last_logits.empty() ? 0 : 1);
  const auto split = std::mismatch(context.begin(), context.begin() + reusable,
                                   trunk_.begin(), trunk_.end());
  trunk_.erase(split.second, trunk_.end());
  model_->Rewind(kSlot, static_cast<int>(trunk_.size()));
  while (trunk_.size() < context.size()) {
    const auto ended = Interrupted(job, sink, absl::ZeroDuration());
    if (ended) return ended;
    const bool quick = kLargePiece * per_token_ <= kPatience;
    const auto piece =
        context.subspan(trunk_.size(), quick ? kLargePiece : kSmallPiece);
    const bool last = trunk_.size() + piece.size() == context.size();
    const MonoTime begin = rt::Now();
    const absl::Status read =
        model_->Prefill(kSlot, piece, last ? last_logits : absl::Span<float>());
    if (!read.ok()) return Failed(job, read);
    if (piece.size() >= kSmallPiece) {
      per_token_ = (rt::Now() - begin) / static_cast<int64_t>(piece.size());
    }
    trunk_.insert(trunk_.end(), piece.begin(), piece.end());
  }
  return std::nullopt;
}

NextTokens AriaAnswerer::Next(const Window& window, const Grammar& grammar) {
  const int64_t segment = grammar.segment_start_ms();
  const auto inside = [&](int64_t ms) {
    return static_cast<int>(
        std::clamp<int64_t>(ms - segment, 0, grammar.segment_ms()));
  };
  Grammar::Query query;
  query.onset_low_ms = inside(window.begin_ms);
  query.onset_high_ms = inside(window.end_ms);
  query.allow_time_step = segment + grammar.segment_ms() < window.end_ms;
  return grammar.Allowed(query);
}

absl::StatusOr<AriaAnswerer::FirstNote> AriaAnswerer::ChooseFirst(
    const Job& job, const AnswerSink& sink, const Window& window,
    const Grammar& grammar) {
  std::vector<TokenId> notes;
  Next(window, grammar).allowed.ForEach([&](TokenId id) {
    if (vocabulary_.ClassOf(id) == TokenClass::kNote) notes.push_back(id);
  });
  const auto logit = [this](TokenId id) {
    return logits_[static_cast<size_t>(id)];
  };
  const auto count = std::min(notes.size(), static_cast<size_t>(first_notes_));
  const auto end = notes.begin() + static_cast<std::ptrdiff_t>(count);
  std::partial_sort(notes.begin(), end, notes.end(), [&](TokenId a, TokenId b) {
    return logit(a) != logit(b) ? logit(a) > logit(b) : a < b;
  });
  FirstNote best{.score = -std::numeric_limits<double>::infinity()};
  for (auto note = notes.begin(); note != end; ++note) {
    // Late or not wanted any more: no candidate but those known is worth it.
    const bool is_known = std::isfinite(best.score);
    if (is_known && Interrupted(job, sink, absl::Duration())) break;
    const absl::StatusOr<FirstNote> found = Weigh(window, grammar, *note);
    if (!found.ok()) return found.status();
    if (found->score > best.score) best = *found;
  }
  if (std::isfinite(best.score)) return best;
  return absl::InternalError("no first note can be told from others");
}

absl::StatusOr<AriaAnswerer::FirstNote> AriaAnswerer::Weigh(
    const Window& window, Grammar grammar, TokenId note) {
  grammar.Advance(note);
  // Also onsets that the window does not allow: a note that belongs there is
  // no good first one.
  const NextTokens onsets = grammar.Allowed();
  const int before = model_->BranchLength(kSlot);
  const BranchToken step{kSlot, note, &onsets};
  const absl::Status status =
      model_->DecodeStep({&step, 1}, absl::MakeSpan(weighed_));
  if (!status.ok()) return status;
  model_->RewindBranch(kSlot, before);
  const auto logit = [this](TokenId id) {
    return static_cast<double>(weighed_[static_cast<size_t>(id)]);
  };
  FirstNote found{note, 0, -std::numeric_limits<double>::infinity()};
  Next(window, grammar).allowed.ForEach([&](TokenId id) {
    if (logit(id) <= found.score) return;
    found.onset = id;
    found.score = logit(id);
  });
  // Relative to the best, so that nothing overflows.
  double sum = 0;
  onsets.allowed.ForEach(
      [&](TokenId id) { sum += std::exp(logit(id) - found.score); });
  found.score =
      static_cast<double>(logits_[static_cast<size_t>(note)]) - std::log(sum);
  return found;
}

absl::StatusOr<TokenId> AriaAnswerer::DrawNext(const Job& job,
                                               const Window& window,
                                               const Grammar& grammar,
                                               const AnswerSink& sink,
                                               uint32_t notes) {
  if (first_onset_) return *std::exchange(first_onset_, std::nullopt);
  if (vamp_ && grammar.expects() == Grammar::Expects::kEvent) {
    vamp_->Discourage(vocabulary_, absl::MakeSpan(logits_));
  }
  const auto token =
      sampler_.Sample(logits_, Next(window, grammar), SamplingOf(job),
                      {job.seed, static_cast<uint64_t>(drawn_.size())});
  if (!token.ok() || first_notes_ == 1 || notes > 0 ||
      vocabulary_.ClassOf(*token) != TokenClass::kNote) {
    return token;
  }
  const absl::StatusOr<FirstNote> first =
      ChooseFirst(job, sink, window, grammar);
  if (!first.ok()) return first.status();
  first_onset_ = first->onset;
  return first->note;
}

void AriaAnswerer::Send(const TimeMap& time, const Window& window,
                        const TimedNote& note, uint32_t index,
                        AnswerSink& sink) {
  const TimeMap::Sounding sounding = time.SoundingOf(note);
  const Ticks on = std::clamp(sounding.on - window.line, Ticks(),
                              window.length - Ticks::Of(1));
  const Ticks off = sounding.off - window.line;
  sink.OnNote(index, {.tick = on,
                      .duration = std::max(Ticks::Of(1), off - on),
                      .pitch = static_cast<uint8_t>(note.pitch),
                      .velocity = static_cast<uint8_t>(note.velocity),
                      .source = NoteSource::kAnswer});
}

EndReason AriaAnswerer::Draw(const Job& job, const TimeMap& time,
                             const Window& window, Grammar& grammar,
                             AnswerSink& sink) {
  uint32_t notes = 0;
  while (true) {
    const auto ended = Interrupted(job, sink, Grace(window, grammar, notes));
    if (ended) return *ended;
    if (model_->BranchLength(kSlot) >= model_->info().branch_tokens) {
      return EndReason::kShortened;
    }
    const auto token = DrawNext(job, window, grammar, sink, notes);
    if (!token.ok()) return Failed(job, token.status());
    if (*token == kEndOfAnswer) {
      return notes > 0 ? EndReason::kComplete : EndReason::kEmpty;
    }
    drawn_.push_back(*token);
    if (grammar.Advance(*token) == Grammar::Step::kNoteComplete) {
      if (vamp_) vamp_->OnNote(grammar.note());
      Send(time, window, grammar.note(), notes++, sink);
    }
    const NextTokens wanted = Next(window, grammar);
    const BranchToken next{kSlot, *token, &wanted};
    const absl::Status step =
        model_->DecodeStep({&next, 1}, absl::MakeSpan(logits_));
    if (!step.ok()) return Failed(job, step);
  }
}

// By the deadline one note has left, or the end. A later note may take the time
// from the target's line to its onset more.
absl::Duration AriaAnswerer::Grace(const Window& window, const Grammar& grammar,
                                   uint32_t notes) {
  if (notes == 0) return absl::ZeroDuration();
  const int64_t reached = grammar.segment_start_ms() + grammar.last_onset_ms();
  return absl::Milliseconds(std::max<int64_t>(0, reached - window.begin_ms));
}

SamplingOptions AriaAnswerer::SamplingOf(const Job& job) const {
  SamplingOptions options;
  options.temperature = model_->info().temperature;
  options.top_p = model_->info().top_p;
  options.min_p = model_->info().min_p;
  if (job.sampling) {
    options.temperature = job.sampling->temperature;
    options.top_p = job.sampling->top_p;
    options.min_p = job.sampling->min_p;
  }
  return options;
}

}  // namespace antiphon::inference
