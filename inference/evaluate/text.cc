// SPDX-License-Identifier: Apache-2.0
#include "inference/evaluate/text.h"

#include <algorithm>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "inference/aria/chords.h"
#include "inference/aria/tokenizer.h"
#include "inference/engine/time_map.h"

namespace antiphon::inference {
namespace {

TimeMap MapOf(const TokenFormat& format, const std::vector<Ticks>& lines,
              const std::vector<TempoChange>& tempos) {
  return format.time_base == TimeBase::kBar
             ? TimeMap::Bars(lines)
             : TimeMap::Real(tempos, lines.front());
}

// In bars as chords.h says, but that what is played within a step keeps its
// order.
std::vector<TimedNote> TimedOf(const TokenFormat& format,
                               absl::Span<const Note> notes,
                               const TimeMap& time) {
  std::vector<TaggedNote> tagged;
  for (const Note& note : notes) tagged.push_back({time.Timed(note)});
  if (format.time_base == TimeBase::kBar) {
    KeepPianoKeys(tagged);
    ByOnsetAndPitch(tagged);
  }
  std::vector<TimedNote> timed;
  for (const TaggedNote& note : tagged) timed.push_back(note.note);
  return timed;
}

absl::StatusOr<Text> TextOf(const TokenFormat& format,
                            absl::Span<const TimedNote> notes) {
  return TokenizeLive(format.vocabulary, notes,
                      {.origin_ms = 0, .segment_ms = format.segment_ms});
}

// `notes` from the first line on.
absl::StatusOr<Text> TextOf(const TokenFormat& format,
                            absl::Span<const Note> notes,
                            const std::vector<Ticks>& lines,
                            const std::vector<TempoChange>& tempos) {
  return TextOf(format, TimedOf(format, notes, MapOf(format, lines, tempos)));
}

// Those of the bars from that of `begin` to that of `last`, and one more.
std::vector<Ticks> LinesOf(const MeterMap& meters, Ticks begin, Ticks last) {
  HostBar bar = meters.BarAt(begin);
  std::vector<Ticks> lines = {bar.begin};
  while (lines.back() <= last) {
    lines.push_back(bar.end());
    bar = meters.BarAt(bar.end());
  }
  return lines;
}

void CutAfterWholeNote(const Vocabulary& vocabulary, size_t limit, Text& text) {
  if (text.size() > limit) text.resize(limit);
  while (!text.empty() && vocabulary.ClassOf(text.back()) != TokenClass::kDur) {
    text.pop_back();
  }
}

using Iterator = std::vector<Note>::const_iterator;

absl::StatusOr<Text> ExcerptFrom(const TokenFormat& format, const Piece& piece,
                                 Iterator first, size_t limit) {
  // Even where every third one is merged with others, these are enough.
  const auto end = first + std::min(static_cast<std::ptrdiff_t>(limit),
                                    piece.notes.end() - first);
  const std::vector<Ticks> lines =
      LinesOf(piece.meters, first->tick, (end - 1)->tick);
  absl::StatusOr<Text> text =
      TextOf(format, std::vector<Note>(first, end), lines, piece.tempos);
  if (text.ok()) CutAfterWholeNote(format.vocabulary, limit, *text);
  return text;
}

Iterator FirstOfBar(const std::vector<Note>& notes, Iterator note,
                    const MeterMap& meters) {
  const Ticks line = meters.BarAt(note->tick).begin;
  return std::find_if(notes.begin(), note,
                      [line](const Note& n) { return n.tick >= line; });
}

}  // namespace

absl::StatusOr<TokenFormat> FormatOf(const ModelInfo& info) {
  const std::optional<Vocabulary> vocabulary =
      Vocabulary::FromRows(info.vocabulary_rows);
  if (!vocabulary) {
    return absl::InvalidArgumentError(
        absl::StrCat("the model has ", info.vocabulary_rows,
                     " vocabulary rows; music needs 17727, 17729 or 2675"));
  }
  return TokenFormat{*vocabulary, info.time_base, info.segment_ms};
}

absl::StatusOr<std::vector<Text>> ExcerptsOf(const TokenFormat& format,
                                             const Piece& piece, size_t limit) {
  const std::vector<Note>& notes = piece.notes;
  std::vector<Text> excerpts;
  if (notes.empty()) return excerpts;
  absl::StatusOr<Text> first = ExcerptFrom(format, piece, notes.begin(), limit);
  if (!first.ok()) return first.status();
  excerpts.push_back(*std::move(first));
  const auto middle =
      FirstOfBar(notes, notes.begin() + std::ssize(notes) / 2, piece.meters);
  const auto read =
      std::count_if(excerpts[0].begin(), excerpts[0].end(), [&](TokenId id) {
        return format.vocabulary.ClassOf(id) == TokenClass::kNote;
      });
  if (middle - notes.begin() < read) return excerpts;
  absl::StatusOr<Text> second = ExcerptFrom(format, piece, middle, limit);
  if (!second.ok()) return second.status();
  excerpts.push_back(*std::move(second));
  return excerpts;
}

absl::StatusOr<std::vector<Text>> PagesOf(const TokenFormat& format,
                                          const Piece& piece, int bars) {
  std::vector<Text> pages;
  const auto end = piece.notes.end();
  for (auto first = piece.notes.begin(); first != end;) {
    std::vector<Ticks> lines = {piece.meters.BarAt(first->tick).begin};
    for (int bar = 0; bar < bars; ++bar) {
      lines.push_back(piece.meters.BarAt(lines.back()).end());
    }
    const auto next = std::find_if(first, end, [&](const Note& note) {
      return note.tick >= lines.back();
    });
    absl::StatusOr<Text> page =
        TextOf(format, std::vector<Note>(first, next), lines, piece.tempos);
    if (!page.ok()) return page.status();
    pages.push_back(*std::move(page));
    first = next;
  }
  return pages;
}

absl::StatusOr<Pair> PairOf(const TokenFormat& format, const Passage& call,
                            const Passage& answer,
                            const std::vector<TempoChange>& tempos) {
  std::vector<Ticks> lines;
  for (int bar = 0; bar <= call.bars + answer.bars; ++bar) {
    lines.push_back(Ticks::Of(bar * call.bar_length.count()));
  }
  const TimeMap time = MapOf(format, lines, tempos);
  std::vector<TimedNote> timed = TimedOf(format, call.notes, time);
  const absl::StatusOr<Text> before = TextOf(format, timed);
  if (!before.ok()) return before.status();
  std::vector<Note> notes = answer.notes;
  for (Note& note : notes) note.tick += call.length();
  // One after the other, as in use: no rounding of theirs mixes them.
  const std::vector<TimedNote> answered = TimedOf(format, notes, time);
  timed.insert(timed.end(), answered.begin(), answered.end());
  absl::StatusOr<Text> both = TextOf(format, timed);
  if (!both.ok()) return both.status();
  return Pair{*std::move(both), before->size()};
}

}  // namespace antiphon::inference
