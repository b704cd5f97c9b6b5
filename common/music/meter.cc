// SPDX-License-Identifier: Apache-2.0
#include "common/music/meter.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "absl/strings/str_cat.h"

namespace antiphon {
namespace {

bool ParseInt(std::string_view text, int& value) {
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

}  // namespace

std::optional<Meter> ParseMeter(std::string_view text) {
  const size_t slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  Meter meter;
  if (!ParseInt(text.substr(0, slash), meter.numerator) ||
      !ParseInt(text.substr(slash + 1), meter.denominator) ||
      !meter.IsValid()) {
    return std::nullopt;
  }
  return meter;
}

std::string ToString(const Meter& meter) {
  return absl::StrCat(meter.numerator, "/", meter.denominator);
}

MeterMap::MeterMap(std::vector<Change> changes, Ticks pickup)
    : changes_(std::move(changes)), pickup_(pickup) {
  if (changes_.empty() || changes_.front().at > Ticks()) {
    changes_.insert(changes_.begin(), {Ticks(), Meter{}});
  }
}

HostBar MeterMap::BarAt(Ticks position) const {
  HostBar bar;
  bar.meter = changes_.front().meter;
  if (position < pickup_) {
    bar.length = pickup_;
    bar.pickup = true;
    return bar;
  }
  bar.begin = pickup_;
  bar.index = pickup_ > Ticks() ? 1 : 0;
  for (size_t i = 0; i < changes_.size(); ++i) {
    bar.meter = changes_[i].meter;
    bar.length = bar.meter.BarLength();
    const int64_t length = bar.meter.BarLength().count();
    // Where the next change takes hold: the first line at or after it.
    Ticks until = position;
    if (i + 1 < changes_.size()) {
      const int64_t span = (changes_[i + 1].at - bar.begin).count();
      const int64_t bars = std::max<int64_t>(0, (span + length - 1) / length);
      const Ticks line = bar.begin + Ticks::Of(bars * length);
      if (line <= position) {
        bar.begin = line;
        bar.index += bars;
        continue;
      }
    }
    const int64_t whole = (until - bar.begin).count() / length;
    bar.begin += Ticks::Of(whole * length);
    bar.index += whole;
    return bar;
  }
  return bar;
}

}  // namespace antiphon
