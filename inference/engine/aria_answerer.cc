// SPDX-License-Identifier: Apache-2.0
#include "inference/engine/aria_answerer.h"

#include <algorithm>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "common/log.h"
#include "common/rt/clock.h"
#include "inference/aria/tokenizer.h"

namespace antiphon::inference {
namespace {

constexpr SlotId kSlot = 0;
constexpr int64_t kShortestMs = 10;

}  // namespace

absl::StatusOr<std::unique_ptr<AriaAnswerer>> AriaAnswerer::Create(
    std::unique_ptr<Model> model) {
  const int rows = model->info().vocabulary_rows;
  const auto vocabulary = Vocabulary::FromRows(rows);
  if (!vocabulary) {
    return absl::InvalidArgumentError(
        absl::StrCat("the model has ", rows,
                     " vocabulary rows; music needs 17727, 17729 or 2675"));
  }
  return absl::WrapUnique(new AriaAnswerer(std::move(model), *vocabulary));
}

AriaAnswerer::AriaAnswerer(std::unique_ptr<Model> model,
                           const Vocabulary& vocabulary)
    : model_(std::move(model)),
      vocabulary_(vocabulary),
      logits_(static_cast<size_t>(model_->info().vocabulary_rows)) {}

JobEnd AriaAnswerer::Answer(const Job& job, AnswerSink& sink) {
  JobEnd end;
  drawn_.clear();
  const MonoTime begin = rt::Now();
  const absl::StatusOr<Prompt> prompt = PromptOf(job);
  if (!prompt.ok()) {
    LogError("job.invalid job_id=", job.job_id, " ", prompt.status().message());
    end.reason = EndReason::kInvalid;
    return end;
  }
  const TimeMap time(job.tempos, prompt->origin);
  Window window;
  // A cut before the line (lag 0) is answered from the line on.
  window.line =
      std::max(job.cut, job.human_line() + job.human_meter.BarLength());
  window.length = job.target_meter.BarLength();
  window.begin_ms = time.MsAt(window.line);
  window.end_ms = time.MsAt(window.line + window.length);

  Grammar grammar(vocabulary_, model_->info().segment_ms);
  const absl::Status read = Read(*prompt, window, grammar);
  end.prefill = rt::Now() - begin;
  end.context_bars = prompt->bars;
  end.prompt_tokens = static_cast<uint32_t>(prompt->tokens.size());
  if (!read.ok()) {
    LogError("job.invalid job_id=", job.job_id, " ", read.message());
    end.reason = EndReason::kInvalid;
    return end;
  }
  end.reason = Draw(job, time, window, grammar, sink);
  model_->DropBranch(kSlot);
  end.decode = rt::Now() - begin - end.prefill;
  end.tokens = static_cast<uint32_t>(drawn_.size());
  return end;
}

absl::StatusOr<AriaAnswerer::Prompt> AriaAnswerer::PromptOf(
    const Job& job) const {
  const auto capacity = static_cast<size_t>(model_->info().context_tokens);
  for (size_t bar = 0;; ++bar) {
    const bool more_bars = bar + 1 < job.bar_lines.size();
    const Ticks origin =
        bar < job.bar_lines.size() ? job.bar_lines[bar] : Ticks();
    const TimeMap time(job.tempos, origin);
    std::vector<TimedNote> notes;
    for (const Note& note : job.notes) {
      if (note.tick < origin) continue;
      const int64_t onset = time.MsAt(note.tick);
      notes.push_back({onset,
                       std::max(kShortestMs, time.MsAt(note.end()) - onset),
                       note.pitch, note.velocity});
    }
    LiveOptions options;
    options.segment_ms = model_->info().segment_ms;
    absl::StatusOr<std::vector<TokenId>> tokens =
        TokenizeLive(vocabulary_, notes, options);
    if (!tokens.ok()) return tokens.status();
    if (tokens->size() > capacity && more_bars) continue;
    if (tokens->size() > capacity) {
      return absl::ResourceExhaustedError(absl::StrCat(
          "one bar of ", tokens->size(), " tokens, the slot has ", capacity));
    }
    return Prompt{*std::move(tokens), origin,
                  static_cast<uint32_t>(job.bar_lines.size() - bar)};
  }
}

// The last token goes to the branch, so that its logits are always computed.
absl::Status AriaAnswerer::Read(const Prompt& prompt, const Window& window,
                                Grammar& grammar) {
  for (const TokenId token : prompt.tokens) grammar.Advance(token);
  const std::vector<TokenId> trunk(prompt.tokens.begin(),
                                   prompt.tokens.end() - 1);
  const auto split =
      std::mismatch(trunk.begin(), trunk.end(), trunk_.begin(), trunk_.end());
  const auto common = split.first - trunk.begin();
  model_->Rewind(kSlot, static_cast<int>(common));
  trunk_.resize(static_cast<size_t>(common));
  const auto fresh =
      absl::MakeConstSpan(trunk).subspan(static_cast<size_t>(common));
  if (!fresh.empty()) {
    if (absl::Status s = model_->Prefill(kSlot, fresh, {}); !s.ok()) return s;
  }
  trunk_ = trunk;
  std::vector<TokenId> forced = {prompt.tokens.back()};
  while (grammar.segment_start_ms() + grammar.segment_ms() <= window.begin_ms) {
    forced.push_back(kTimeStepToken);
    grammar.Advance(kTimeStepToken);
  }
  prompt_ = prompt.tokens;
  prompt_.insert(prompt_.end(), forced.begin() + 1, forced.end());
  model_->StartBranch(kSlot);
  return model_->PrefillBranch(kSlot, forced, absl::MakeSpan(logits_));
}

EndReason AriaAnswerer::Draw(const Job& job, const TimeMap& time,
                             const Window& window, Grammar& grammar,
                             AnswerSink& sink) {
  const SamplingOptions sampling = SamplingOf(job);
  uint32_t notes = 0;
  while (true) {
    if (sink.cancelled()) return EndReason::kCancelled;
    if (OutOfTime(job, window, grammar) ||
        model_->BranchLength(kSlot) >= model_->info().branch_tokens) {
      return EndReason::kShortened;
    }
    const int64_t segment = grammar.segment_start_ms();
    const auto inside = [&](int64_t ms) {
      return static_cast<int>(
          std::clamp<int64_t>(ms - segment, 0, grammar.segment_ms()));
    };
    Grammar::Query query;
    query.onset_low_ms = inside(window.begin_ms);
    query.onset_high_ms = inside(window.end_ms);
    query.allow_time_step = segment + grammar.segment_ms() < window.end_ms;
    query.allow_pedals = false;
    const auto token =
        sampler_.Sample(logits_, grammar.Allowed(query), sampling,
                        {job.seed, static_cast<uint64_t>(drawn_.size())});
    if (!token.ok()) {
      LogError("job.invalid job_id=", job.job_id, " ",
               token.status().message());
      return EndReason::kInvalid;
    }
    if (*token == kEndOfAnswer) {
      return notes > 0 ? EndReason::kComplete : EndReason::kEmpty;
    }
    drawn_.push_back(*token);
    if (grammar.Advance(*token) == Grammar::Step::kNoteComplete) {
      const TimedNote& drawn = grammar.note();
      const Ticks on = std::clamp(time.TicksAt(drawn.onset_ms) - window.line,
                                  Ticks(), window.length - Ticks::Of(1));
      const Ticks off =
          time.TicksAt(drawn.onset_ms + drawn.duration_ms) - window.line;
      sink.OnNote(notes++, {.tick = on,
                            .duration = std::max(Ticks::Of(1), off - on),
                            .pitch = static_cast<uint8_t>(drawn.pitch),
                            .velocity = static_cast<uint8_t>(drawn.velocity),
                            .source = NoteSource::kAnswer});
    }
    const BranchToken next{kSlot, *token};
    const absl::Status step =
        model_->DecodeStep({&next, 1}, absl::MakeSpan(logits_));
    if (!step.ok()) {
      LogError("job.invalid job_id=", job.job_id, " ", step.message());
      return EndReason::kInvalid;
    }
  }
}

// A later note may take the time from the target's line to its onset more.
bool AriaAnswerer::OutOfTime(const Job& job, const Window& window,
                             const Grammar& grammar) const {
  const int64_t reached =
      std::max<int64_t>(0, grammar.segment_start_ms() +
                               grammar.last_onset_ms() - window.begin_ms);
  return rt::Now() > job.deadline + absl::Milliseconds(reached);
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
