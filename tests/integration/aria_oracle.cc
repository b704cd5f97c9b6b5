// SPDX-License-Identifier: Apache-2.0
#include "tests/integration/aria_oracle.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace antiphon {
namespace {

// Ids that every vocabulary shares.
constexpr int kStart = 0;
constexpr int kEnd = 1;
constexpr int kStep = 5;         // <T>
constexpr int kPianoPrefix = 6;  // of the piece
constexpr int kSegmentMs = 5000;

// The reference's search over the grid 0, 10, …, 10 · last: its ties fall where
// the search happens to stop.
int OnGrid(int64_t x, int last) {
  int low = 0;
  int high = last;
  int best = 0;
  while (low <= high) {
    const int middle = (low + high) / 2;
    const int64_t value = 10 * middle;
    if (std::abs(value - x) < std::abs(10 * best - x)) best = middle;
    if (value < x) {
      low = middle + 1;
    } else {
      high = middle - 1;
    }
  }
  return best;
}

int64_t BarTicks(const v1::Meter& meter) {
  return int64_t{1920} * meter.numerator() / meter.denominator();
}

}  // namespace

AriaOracle::AriaOracle(const v1::GenerationJob& job, const AriaIds& ids)
    : ids_(ids),
      tempos_(job.context().tempo().begin(), job.context().tempo().end()) {
  const v1::Context& context = job.context();
  const int64_t human_line = context.bar_lines(context.bar_lines_size() - 1);
  // The edge states the meter of each bar at its line.
  const v1::Meter& human = context.meter(context.meter_size() - 1).meter();
  window_tick_ = human_line + BarTicks(human);
  window_ticks_ = BarTicks(job.target_meters(0));
  begin_ms_ = std::llround(MsOf(window_tick_));
  end_ms_ = std::llround(MsOf(window_tick_ + window_ticks_));
  ReadContext(context);
}

// Milliseconds from the origin, along the tempos.
double AriaOracle::MsOf(int64_t tick) const {
  double ms = 0;
  for (size_t i = 0; i < tempos_.size(); ++i) {
    const int64_t from = i == 0 ? 0 : tempos_[i].tick();
    if (from > tick) break;
    const bool last = i + 1 == tempos_.size();
    const int64_t to = last ? tick : std::min(tick, tempos_[i + 1].tick());
    ms += static_cast<double>(to - from) * 60'000 /
          (480 * tempos_[i].quarters_per_minute());
  }
  return ms;
}

// The tick whose time is nearest, by walking there.
int64_t AriaOracle::TickOf(int64_t ms) const {
  const auto wanted = static_cast<double>(ms);
  int64_t tick = 0;
  for (int64_t step = 1 << 20; step > 0; step /= 2) {
    while (MsOf(tick + step) <= wanted) tick += step;
  }
  const double below = wanted - MsOf(tick);
  return below < MsOf(tick + 1) - wanted ? tick : tick + 1;
}

void AriaOracle::ReadContext(const v1::Context& context) {
  prompt_ = {kPianoPrefix, kStart};
  const auto step_to = [this](int64_t ms) {
    for (; segment_ms_ + kSegmentMs <= ms; segment_ms_ += kSegmentMs) {
      prompt_.push_back(kStep);
      onset_ms_ = 0;
    }
  };
  for (const v1::Note& note : context.notes()) {
    const int64_t on = std::llround(MsOf(note.tick()));
    const int64_t off = std::llround(MsOf(note.tick() + note.duration()));
    step_to(on);
    const int onset = OnGrid(on - segment_ms_, 499);
    const int velocity =
        std::max(1, OnGrid(static_cast<int64_t>(note.velocity()), 12));
    onset_ms_ = 10 * onset;
    prompt_.push_back(ids_.notes + 13 * static_cast<int>(note.pitch()) +
                      velocity);
    prompt_.push_back(ids_.onsets + onset);
    prompt_.push_back(ids_.durations + std::max(1, OnGrid(off - on, 500)));
  }
  if (ids_.delimiter > 0) prompt_.push_back(ids_.delimiter);
  step_to(begin_ms_);
}

std::vector<int> AriaOracle::TokensOf(
    const std::vector<v1::Note>& notes) const {
  std::vector<int> tokens;
  int64_t segment = segment_ms_;
  for (const v1::Note& note : notes) {
    // A tick is about a millisecond; tokens stand on the grid of ten.
    const double on = MsOf(window_tick_ + note.tick());
    const double off = MsOf(window_tick_ + note.tick() + note.duration());
    const int64_t on_ms = 10 * std::llround(on / 10);
    for (; segment + kSegmentMs <= on_ms; segment += kSegmentMs) {
      tokens.push_back(kStep);
    }
    tokens.push_back(ids_.notes + static_cast<int>(13 * note.pitch() +
                                                   note.velocity() / 10));
    tokens.push_back(ids_.onsets + static_cast<int>((on_ms - segment) / 10));
    tokens.push_back(ids_.durations +
                     static_cast<int>(std::llround((off - on) / 10)));
  }
  return tokens;
}

bool AriaOracle::OnsetFits(int onset_ms) const {
  const int64_t at = segment_ms_ + onset_ms;
  return onset_ms >= onset_ms_ && at >= begin_ms_ && at < end_ms_;
}

AriaOracle::May AriaOracle::Judge(int token) const {
  if (due_ == Due::kDuration) {
    const int steps = token - ids_.durations;
    return steps > 0 && steps <= 500 ? May::kFollow : May::kNot;
  }
  if (due_ == Due::kOnset) {
    const int onset_ms = 10 * (token - ids_.onsets);
    if (onset_ms < 0 || onset_ms >= kSegmentMs) return May::kNot;
    if (OnsetFits(onset_ms)) return May::kFollow;
    const bool beyond = segment_ms_ + onset_ms >= end_ms_;
    return beyond && onset_ms >= onset_ms_ ? May::kEnd : May::kNot;
  }
  if (token == kEnd) return May::kEnd;
  if (token == kStep) {
    return segment_ms_ + kSegmentMs < end_ms_ ? May::kFollow : May::kEnd;
  }
  const int note = token - ids_.notes;
  const bool sounds =
      note >= 0 && note < 128 * 13 && note % 13 != 0;  // velocity 0 is silent
  if (!sounds) return May::kNot;
  for (int onset_ms = 0; onset_ms < kSegmentMs; onset_ms += 10) {
    if (OnsetFits(onset_ms)) return May::kFollow;
  }
  return May::kNot;
}

std::optional<int> AriaOracle::Take(const std::vector<float>& logits) {
  int best = -1;
  float first = -1e30f;
  float second = -1e30f;
  float end = -1e30f;
  for (int token = 0; token < ids_.tokens; ++token) {
    const May may = Judge(token);
    if (may == May::kNot) continue;
    const float logit = logits[static_cast<size_t>(token)];
    if (may == May::kEnd) {
      end = std::max(end, logit);
    } else if (logit > first) {
      second = std::exchange(first, logit);
      best = token;
    } else {
      second = std::max(second, logit);
    }
  }
  const bool ends = end > first;
  closest_ =
      std::min(closest_, ends ? end - first : first - std::max(second, end));
  if (ends) return std::nullopt;
  Advance(best);
  return best;
}

void AriaOracle::Advance(int token) {
  if (token == kStep) {
    segment_ms_ += kSegmentMs;
    onset_ms_ = 0;
  } else if (due_ == Due::kEvent) {
    note_token_ = token - ids_.notes;
    due_ = Due::kOnset;
  } else if (due_ == Due::kOnset) {
    onset_ms_ = 10 * (token - ids_.onsets);
    due_ = Due::kDuration;
  } else {
    const int64_t on_ms = segment_ms_ + onset_ms_;
    const int64_t off_ms = on_ms + 10 * (token - ids_.durations);
    const int64_t on =
        std::clamp<int64_t>(TickOf(on_ms) - window_tick_, 0, window_ticks_ - 1);
    const int64_t off = TickOf(off_ms) - window_tick_;
    v1::Note& note = notes_.emplace_back();
    note.set_index(static_cast<uint32_t>(notes_.size() - 1));
    note.set_tick(on);
    note.set_duration(std::max<int64_t>(1, off - on));
    note.set_pitch(static_cast<uint32_t>(note_token_ / 13));
    note.set_velocity(static_cast<uint32_t>(note_token_ % 13 * 10));
    note.set_source(v1::SOURCE_ANSWER);
    due_ = Due::kEvent;
  }
}

}  // namespace antiphon
