// SPDX-License-Identifier: Apache-2.0
#include "inference/aria/grammar.h"

#include <algorithm>
#include <cassert>

namespace antiphon::inference {
namespace {

// Steps of the grid below `ms`: the first step at or after it.
int StepsBelow(int ms) { return (ms + kTimeStepMs - 1) / kTimeStepMs; }

}  // namespace

Grammar::Grammar(const Vocabulary& vocabulary, int segment_ms)
    : vocabulary_(vocabulary), segment_ms_(segment_ms) {
  assert(segment_ms > 0 && segment_ms <= kMaxSegmentMs &&
         segment_ms % kTimeStepMs == 0);
}

NextTokens Grammar::Allowed() const { return Allowed(Query{}); }

NextTokens Grammar::Allowed(const Query& query) const {
  NextTokens next;
  switch (expects_) {
    case Expects::kPrefix:
      next.allowed.Add(kBosToken);
      next.allowed.Add(kPianoPrefixToken);
      return next;
    case Expects::kEvent:
      return AllowedAtEvent(query);
    case Expects::kNoteOnset:
    case Expects::kOtherOnset:
      return AllowedAtOnset(query);
    case Expects::kDuration:
      // Without its first id, 0 ms.
      next.allowed.Add(
          {vocabulary_.durs().begin + 1, vocabulary_.durs().end, 0});
      return next;
    case Expects::kNothing:
      return next;
  }
  return next;
}

NextTokens Grammar::AllowedAtEvent(const Query& query) const {
  NextTokens next;
  if (const TokenRange onsets = OnsetsWithin(query);
      onsets.begin < onsets.end) {
    const IdBlock notes = vocabulary_.piano_notes();
    next.allowed.Add({notes.begin, notes.end, kVelocitySteps});
    if (vocabulary_.has_pedals()) {
      next.allowed.Add(vocabulary_.PedalId(!pedal_down_));
    }
  }
  if (query.allow_time_step) {
    next.allowed.Add(kTimeStepToken);
  } else if (query.allow_end) {
    next.end.Add(kTimeStepToken);
  }
  if (query.allow_end) next.end.Add(kEosToken);
  return next;
}

NextTokens Grammar::AllowedAtOnset(const Query& query) const {
  NextTokens next;
  next.allowed.Add(OnsetsWithin(query));
  if (!query.allow_end) return next;
  const int from =
      std::max(StepsBelow(query.onset_high_ms), StepsBelow(last_onset_ms_));
  next.end.Add({vocabulary_.onsets().begin + std::max(from, 0),
                vocabulary_.onsets().begin + segment_ms_ / kTimeStepMs, 0});
  return next;
}

TokenRange Grammar::OnsetsWithin(const Query& query) const {
  const int low = std::max(query.onset_low_ms, last_onset_ms_);
  const int high = std::clamp(query.onset_high_ms, 0, segment_ms_);
  const TokenId first = vocabulary_.onsets().begin;
  return {first + StepsBelow(low), first + StepsBelow(high), 0};
}

Grammar::Step Grammar::Advance(TokenId id) {
  const TokenClass kind = vocabulary_.ClassOf(id);
  switch (expects_) {
    case Expects::kPrefix:
      if (kind == TokenClass::kPrefix) return Step::kAdvanced;
      if (id == kBosToken) {
        expects_ = Expects::kEvent;
        return Step::kAdvanced;
      }
      return AdvanceAtEvent(id, kind);
    case Expects::kEvent:
      return AdvanceAtEvent(id, kind);
    case Expects::kNoteOnset:
    case Expects::kOtherOnset:
      return AdvanceAtOnset(id, kind);
    case Expects::kDuration:
      return AdvanceAtDuration(id, kind);
    case Expects::kNothing:
      return Step::kRefused;
  }
  return Step::kRefused;
}

Grammar::Step Grammar::AdvanceAtEvent(TokenId id, TokenClass kind) {
  if (kind == TokenClass::kNote) {
    const NoteToken token = vocabulary_.NoteOf(id);
    pending_ = TimedNote{0, 0, token.pitch, token.velocity};
    expects_ = Expects::kNoteOnset;
  } else if (kind == TokenClass::kDrum || kind == TokenClass::kPedal ||
             id == kUnknownToken) {  // <U>: a drum the vocabulary lacks
    if (kind == TokenClass::kPedal)
      pedal_down_ = id == vocabulary_.PedalId(true);
    expects_ = Expects::kOtherOnset;
  } else if (id == kTimeStepToken) {
    segment_start_ms_ += segment_ms_;
    last_onset_ms_ = 0;
    expects_ = Expects::kEvent;
  } else if (id == kEosToken) {
    expects_ = Expects::kNothing;
  } else if (id == kDimToken || id == vocabulary_.delimiter()) {
    expects_ = Expects::kEvent;
  } else {
    return Step::kRefused;
  }
  return Step::kAdvanced;
}

Grammar::Step Grammar::AdvanceAtOnset(TokenId id, TokenClass kind) {
  if (kind != TokenClass::kOnset) return Step::kRefused;
  const int onset_ms = vocabulary_.OnsetMs(id);
  if (onset_ms < last_onset_ms_ || onset_ms >= segment_ms_) {
    return Step::kRefused;
  }
  last_onset_ms_ = onset_ms;
  pending_.onset_ms = segment_start_ms_ + onset_ms;
  expects_ =
      expects_ == Expects::kNoteOnset ? Expects::kDuration : Expects::kEvent;
  return Step::kAdvanced;
}

Grammar::Step Grammar::AdvanceAtDuration(TokenId id, TokenClass kind) {
  if (kind != TokenClass::kDur) return Step::kRefused;
  pending_.duration_ms = vocabulary_.DurMs(id);
  note_ = pending_;
  expects_ = Expects::kEvent;
  return Step::kNoteComplete;
}

}  // namespace antiphon::inference
