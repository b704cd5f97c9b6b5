// SPDX-License-Identifier: Apache-2.0
#include "inference/engine/prompt.h"

#include <algorithm>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "inference/aria/chords.h"
#include "inference/aria/note_list.h"
#include "inference/aria/tokenizer.h"
#include "inference/engine/hearing.h"

namespace antiphon::inference {
namespace {

// Of the context from bar `bar` on, and of the target.
TimeMap MapOf(const Job& job, size_t bar, TimeBase base) {
  if (base == TimeBase::kReal) {
    return TimeMap::Real(job.tempos, job.bar_lines[bar]);
  }
  std::vector<Ticks> lines(
      job.bar_lines.begin() + static_cast<std::ptrdiff_t>(bar),
      job.bar_lines.end());
  lines.push_back(TargetLine(job));
  lines.push_back(TargetLine(job) + job.target_meter.BarLength());
  const bool knows_first = bar == 0 && job.origin_meter;
  return TimeMap::Bars(lines,
                       knows_first ? job.origin_meter->BarLength() : Ticks());
}

// Those of `notes` from `origin` on; those held at the cut are tagged.
std::vector<TaggedNote> NotesFrom(absl::Span<const Note> notes, Ticks origin,
                                  const TimeMap& time, const ModelInfo& model) {
  std::vector<TaggedNote> tagged;
  for (const Note& note : notes) {
    if (note.tick < origin) continue;
    tagged.push_back({time.Timed(note), note.held_by != HeldBy::kNone});
  }
  // As a model in bars was trained; Aria keeps the order of playing.
  if (model.time_base == TimeBase::kBar) PutOnSteps(model.segment_ms, tagged);
  return tagged;
}

// The pedal from `origin` on as Aria's demos read it: changes that no note
// needs are left out, what is down at the cut stays down. A press is needed
// where a key is let go in it; the note's duration, which the pedal lengthens,
// then ends with the press. Of what goes on at the cut that is asked as if all
// were let go there, which is what the demos do at their turn.
std::vector<TimedPedal> PedalsFrom(const Job& job, Ticks origin,
                                   const TimeMap& time) {
  NoteList played;
  for (const Note& note : job.notes) {
    if (note.tick < origin || note.source != NoteSource::kHuman) continue;
    played.notes.push_back(
        {.start_tick = note.tick.count(), .end_tick = note.end().count()});
  }
  const auto add = [&played](Ticks at, bool down) {
    played.pedals.push_back({.down = down, .tick = at.count()});
  };
  for (const antiphon::PedalChange& change : job.pedals) {
    if (change.tick < job.cut) add(std::max(change.tick, origin), change.down);
  }
  add(job.cut, false);
  RemoveRedundantPedals(played);
  std::vector<TimedPedal> pedals;
  for (const PedalChange& change : played.pedals) {
    const Ticks at = Ticks::Of(change.tick);
    if (at < job.cut) pedals.push_back({time.MsAt(at), change.down});
  }
  return pedals;
}

std::vector<Prompt::Held> HeldIn(const Vocabulary& vocabulary,
                                 absl::Span<const TokenId> tokens,
                                 absl::Span<const TaggedNote> notes) {
  std::vector<Prompt::Held> held;
  auto note = notes.begin();
  for (size_t at = 0; at < tokens.size(); ++at) {
    if (vocabulary.ClassOf(tokens[at]) != TokenClass::kDur) continue;
    const int64_t so_far = note->note.duration_ms;
    if (note->tags != 0 && so_far < kMaxDurationMs) {
      held.push_back({at, so_far});
    }
    ++note;
  }
  return held;
}

// Of `heard`, which are the job's notes, from bar `bar` on; nothing where that
// is too much.
std::optional<Prompt> PromptFrom(const Job& job, absl::Span<const Note> heard,
                                 size_t bar, const Vocabulary& vocabulary,
                                 const ModelInfo& model) {
  TimeMap time = MapOf(job, bar, model.time_base);
  const std::vector<TaggedNote> tagged =
      NotesFrom(heard, job.bar_lines[bar], time, model);
  std::vector<TimedNote> notes;
  for (const TaggedNote& note : tagged) notes.push_back(note.note);
  std::vector<TimedPedal> pedals;
  if (vocabulary.has_pedals()) {
    pedals = PedalsFrom(job, job.bar_lines[bar], time);
  }
  // Fails where the context lasts too long.
  absl::StatusOr<std::vector<TokenId>> tokens =
      TokenizeLive(vocabulary, notes, {.segment_ms = model.segment_ms}, pedals);
  if (!tokens.ok()) return std::nullopt;
  // demo26 learned that it answers after this one.
  if (const auto delimiter = vocabulary.delimiter()) {
    tokens->push_back(*delimiter);
  }
  std::vector<Prompt::Held> held = HeldIn(vocabulary, *tokens, tagged);
  return Prompt{*std::move(tokens), std::move(time),
                static_cast<uint32_t>(job.bar_lines.size() - bar),
                std::move(held)};
}

}  // namespace

std::optional<Prompt> PromptOf(const Job& job, const Vocabulary& vocabulary,
                               const ModelInfo& model, size_t capacity) {
  // A model in bars learnt from scores; Aria learnt from playing.
  const std::vector<Note> heard =
      model.time_base == TimeBase::kBar ? AsHeard(job) : job.notes;
  // The first bar from which on it fits: all of them as a rule, else found by
  // halves, since fewer bars are fewer tokens.
  std::optional<Prompt> prompt;
  size_t first = 0;
  size_t end = job.bar_lines.size();
  for (size_t bar = 0; first < end; bar = first + (end - first) / 2) {
    std::optional<Prompt> tried =
        PromptFrom(job, heard, bar, vocabulary, model);
    if (tried && tried->tokens.size() <= capacity) {
      prompt = std::move(tried);
      end = bar;
    } else {
      first = bar + 1;
    }
  }
  return prompt;
}

Ticks TargetLine(const Job& job) {
  return std::max(job.cut, job.human_line() + job.human_meter.BarLength());
}

}  // namespace antiphon::inference
