// SPDX-License-Identifier: Apache-2.0
#include "inference/aria/event_writer.h"

#include "absl/strings/str_cat.h"
#include "inference/aria/quantise.h"
#include "inference/aria/tokenizer.h"

namespace antiphon::inference {

void EventWriter::MoveTo(int64_t ms, std::vector<TokenId>& out) {
  for (; segment_ < ms / segment_ms_; ++segment_) out.push_back(kTimeStepToken);
  onset_ = vocabulary_.OnsetId(QuantiseOnsetMs(ms % segment_ms_, segment_ms_));
}

void EventWriter::Note(int instrument, int pitch, int velocity,
                       int64_t duration_ms, std::vector<TokenId>& out) const {
  out.push_back(vocabulary_.InstrumentNoteId(instrument, pitch,
                                             QuantiseVelocity(velocity)));
  out.push_back(onset_);
  out.push_back(vocabulary_.DurId(QuantiseDurationMs(duration_ms)));
}

void EventWriter::Other(TokenId id, std::vector<TokenId>& out) const {
  out.push_back(id);
  out.push_back(onset_);
}

absl::Status CheckSegment(int segment_ms) {
  if (segment_ms > 0 && segment_ms <= kMaxSegmentMs &&
      segment_ms % kTimeStepMs == 0) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat("segment_ms is ", segment_ms, ", it must be a multiple of ",
                   kTimeStepMs, " from ", kTimeStepMs, " to ", kMaxSegmentMs));
}

absl::Status CheckLiveNote(const TimedNote& note, size_t index,
                           int64_t earliest_ms, int64_t origin_ms) {
  const auto refuse = [index](auto... text) {
    return absl::InvalidArgumentError(
        absl::StrCat("note ", index, ": ", text...));
  };
  if (note.onset_ms < earliest_ms) {
    return refuse("onset ", note.onset_ms,
                  " ms is before the origin or the note before it (",
                  earliest_ms, " ms); sort the notes by onset");
  }
  if (note.onset_ms - origin_ms > kMaxLiveContextMs) {
    return refuse("onset ", note.onset_ms, " ms is more than ",
                  kMaxLiveContextMs, " ms after the origin");
  }
  if (note.pitch < 0 || note.pitch >= kPitches) {
    return refuse("pitch ", note.pitch, " is outside 0..127");
  }
  if (note.velocity < 1 || note.velocity > 127) {
    return refuse("velocity ", note.velocity, " is outside 1..127");
  }
  return absl::OkStatus();
}

absl::Status CheckLivePedals(absl::Span<const TimedPedal> pedals,
                             int64_t origin_ms) {
  int64_t earliest_ms = origin_ms;
  for (size_t i = 0; i < pedals.size(); ++i) {
    const int64_t at_ms = pedals[i].at_ms;
    if (at_ms < earliest_ms || at_ms - origin_ms > kMaxLiveContextMs) {
      return absl::InvalidArgumentError(absl::StrCat(
          "pedal ", i, ": ", at_ms, " ms is outside ", earliest_ms, "..",
          origin_ms + kMaxLiveContextMs, " ms; sort the pedals by time"));
    }
    earliest_ms = at_ms;
  }
  return absl::OkStatus();
}

}  // namespace antiphon::inference
