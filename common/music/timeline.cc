// SPDX-License-Identifier: Apache-2.0
#include "common/music/timeline.h"

#include <algorithm>
#include <cmath>

namespace antiphon {

void Timeline::Reset(Epoch epoch) {
  *this = Timeline();
  epoch_ = epoch;
}

void Timeline::AddAnchor(Ticks at, MonoTime time, double nanos_per_tick) {
  if (nanos_per_tick <= 0) return;
  while (anchor_count_ > 0) {
    const Anchor& last = anchors_[static_cast<size_t>(anchor_count_ - 1)];
    if (last.at < at && last.time < time) break;
    --anchor_count_;
  }
  if (anchor_count_ == kMaxAnchors) {
    std::move(anchors_.begin() + 1, anchors_.end(), anchors_.begin());
    --anchor_count_;
  }
  anchors_[static_cast<size_t>(anchor_count_++)] = {at, time};
  nanos_per_tick_ = nanos_per_tick;
}

void Timeline::SetBar(const BarSpan& bar) {
  while (bar_count_ > 0 &&
         bars_[static_cast<size_t>(bar_count_ - 1)].play_seq >= bar.play_seq) {
    --bar_count_;
  }
  if (bar_count_ == kMaxBars) {
    std::move(bars_.begin() + 1, bars_.end(), bars_.begin());
    --bar_count_;
  }
  bars_[static_cast<size_t>(bar_count_++)] = bar;
}

MonoTime Timeline::TimeAt(Ticks position) const {
  const int segment = SegmentOf(position);
  const Anchor& anchor = anchors_[static_cast<size_t>(segment)];
  const double nanos =
      static_cast<double>((position - anchor.at).count()) * SlopeOf(segment);
  return MonoTime::FromNanos(anchor.time.nanos() + std::llround(nanos));
}

Ticks Timeline::TicksAt(MonoTime time) const {
  const int segment = SegmentOf(time);
  const Anchor& anchor = anchors_[static_cast<size_t>(segment)];
  const double ticks = static_cast<double>(time.nanos() - anchor.time.nanos()) /
                       SlopeOf(segment);
  return anchor.at + Ticks::Of(std::llround(ticks));
}

double Timeline::quarters_per_minute() const {
  return 60e9 / (nanos_per_tick_ * kTicksPerQuarter);
}

std::optional<BarSpan> Timeline::Bar(PlaySeq play_seq) const {
  for (int i = bar_count_; i-- > 0;) {
    const BarSpan& bar = bars_[static_cast<size_t>(i)];
    if (bar.play_seq == play_seq) return bar;
  }
  return std::nullopt;
}

std::optional<BarSpan> Timeline::BarAt(Ticks position) const {
  for (int i = bar_count_; i-- > 0;) {
    const BarSpan& bar = bars_[static_cast<size_t>(i)];
    if (bar.begin <= position) return bar;
  }
  return std::nullopt;
}

std::optional<BarSpan> Timeline::LastBar() const {
  if (bar_count_ == 0) return std::nullopt;
  return bars_[static_cast<size_t>(bar_count_ - 1)];
}

int Timeline::SegmentOf(Ticks position) const {
  int segment = std::max(0, anchor_count_ - 1);
  while (segment > 0 && anchors_[static_cast<size_t>(segment)].at > position) {
    --segment;
  }
  return segment;
}

int Timeline::SegmentOf(MonoTime time) const {
  int segment = std::max(0, anchor_count_ - 1);
  while (segment > 0 && anchors_[static_cast<size_t>(segment)].time > time) {
    --segment;
  }
  return segment;
}

double Timeline::SlopeOf(int segment) const {
  if (segment + 1 >= anchor_count_) return nanos_per_tick_;
  const Anchor& from = anchors_[static_cast<size_t>(segment)];
  const Anchor& to = anchors_[static_cast<size_t>(segment) + 1];
  return static_cast<double>(to.time.nanos() - from.time.nanos()) /
         static_cast<double>((to.at - from.at).count());
}

}  // namespace antiphon
