// SPDX-License-Identifier: Apache-2.0
#include "inference/aria/live_tokenizer.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "inference/aria/quantise.h"

namespace antiphon::inference {

absl::StatusOr<LiveTokenizer> LiveTokenizer::Create(
    const Vocabulary& vocabulary, const LiveOptions& options) {
  absl::Status status = CheckSegment(options.segment_ms);
  if (!status.ok()) return status;
  return LiveTokenizer(vocabulary, options);
}

LiveTokenizer::LiveTokenizer(const Vocabulary& vocabulary,
                             const LiveOptions& options)
    : vocabulary_(vocabulary),
      options_(options),
      writer_(vocabulary, options.segment_ms),
      longest_dur_(vocabulary.DurId(kMaxDurationMs)),
      cut_ms_(options.origin_ms),
      tokens_({kPianoPrefixToken, kBosToken}) {}

TokenId LiveTokenizer::DurOf(const Note& note, int64_t end_ms) const {
  const int64_t last_ms = note.onset_ms + kMaxDurationMs;
  return vocabulary_.DurId(QuantiseDurationMs(
      std::clamp(end_ms, note.onset_ms, last_ms) - note.onset_ms));
}

absl::StatusOr<size_t> LiveTokenizer::Begin(int64_t onset_ms, int pitch,
                                            int velocity) {
  const size_t number = notes_.size();
  if (number == kMaxLiveNotes) {
    return absl::ResourceExhaustedError(
        absl::StrCat("more than ", kMaxLiveNotes,
                     " notes; begin again with the newest bars"));
  }
  const int64_t earliest_ms =
      notes_.empty() ? options_.origin_ms : notes_.back().onset_ms;
  absl::Status status = CheckLiveNote({onset_ms, 0, pitch, velocity}, number,
                                      earliest_ms, options_.origin_ms);
  if (!status.ok()) return status;
  writer_.MoveTo(onset_ms - options_.origin_ms, tokens_);
  writer_.Note(/*instrument=*/0, pitch, velocity, kTimeStepMs, tokens_);
  notes_.push_back({onset_ms, tokens_.size() - 1, true});
  open_.push_back(number);
  return number;
}

absl::Status LiveTokenizer::End(size_t number, int64_t end_ms) {
  const auto refuse = [number](const auto&... text) {
    return absl::InvalidArgumentError(absl::StrCat("note ", number, text...));
  };
  if (number >= notes_.size()) {
    return refuse(" has not begun; ", notes_.size(), " have");
  }
  Note& note = notes_[number];
  if (!note.held) return refuse(" has ended already");
  TokenId& dur = tokens_[note.dur_at];
  const TokenId ended = DurOf(note, end_ms);
  if (dur == longest_dur_ && ended != longest_dur_) {
    return refuse(" was held at the cut ", cut_ms_,
                  " ms and its longest duration is final; it cannot have "
                  "ended at ",
                  end_ms, " ms");
  }
  dur = ended;
  note.held = false;
  return absl::OkStatus();
}

absl::Status LiveTokenizer::CutAt(int64_t cut_ms) {
  if (cut_ms < cut_ms_) {
    return absl::InvalidArgumentError(
        absl::StrCat("the cut ", cut_ms, " ms is before the last one, ",
                     cut_ms_, " ms; cuts never go back"));
  }
  cut_ms_ = cut_ms;
  size_t kept = 0;
  for (const size_t number : open_) {
    const Note& note = notes_[number];
    if (!note.held) continue;
    TokenId& dur = tokens_[note.dur_at];
    dur = DurOf(note, cut_ms);
    if (dur != longest_dur_) open_[kept++] = number;
  }
  open_.resize(kept);
  return absl::OkStatus();
}

size_t LiveTokenizer::final_tokens() const {
  for (const size_t number : open_) {
    if (notes_[number].held) return notes_[number].dur_at;
  }
  return tokens_.size();
}

}  // namespace antiphon::inference
