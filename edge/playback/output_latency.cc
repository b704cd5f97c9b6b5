// SPDX-License-Identifier: Apache-2.0
#include "edge/playback/output_latency.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace antiphon::edge {
namespace {

struct Point {
  int velocity = 0;
  double milliseconds = 0;
};

bool ReadPoint(std::string_view text, Point& point) {
  const std::vector<std::string> parts = absl::StrSplit(std::string(text), ':');
  if (parts.size() == 2 && !absl::SimpleAtoi(parts[0], &point.velocity)) {
    return false;
  }
  // Written so that NaN is refused too.
  return parts.size() <= 2 &&
         absl::SimpleAtod(parts.back(), &point.milliseconds) &&
         point.velocity >= 0 && point.velocity <= 127 &&
         point.milliseconds >= 0 &&
         point.milliseconds <= OutputLatency::kMaxMilliseconds;
}

double Between(const std::vector<Point>& points, int velocity) {
  const auto after = std::find_if(
      points.begin(), points.end(),
      [velocity](const Point& p) { return p.velocity >= velocity; });
  if (after == points.begin()) return after->milliseconds;
  if (after == points.end()) return points.back().milliseconds;
  const Point& before = *std::prev(after);
  return std::lerp(before.milliseconds, after->milliseconds,
                   static_cast<double>(velocity - before.velocity) /
                       (after->velocity - before.velocity));
}

}  // namespace

absl::StatusOr<OutputLatency> OutputLatency::Parse(std::string_view text) {
  std::vector<Point> points;
  const std::vector<std::string> parts = absl::StrSplit(std::string(text), ',');
  for (const std::string& part : parts) {
    Point point;
    const bool ordered = points.empty() || part.find(':') != std::string::npos;
    if (!ordered || !ReadPoint(part, point) ||
        (!points.empty() && point.velocity <= points.back().velocity)) {
      return absl::InvalidArgumentError(
          absl::StrCat("--output-latency-ms=", std::string(text),
                       " is neither milliseconds from 0 to ", kMaxMilliseconds,
                       " nor velocity:milliseconds by rising velocity, such as "
                       "1:120,64:60,127:30"));
    }
    points.push_back(point);
  }
  OutputLatency latency;
  for (int v = 0; v < 128; ++v) {
    latency.nanos_[static_cast<size_t>(v)] =
        std::llround(Between(points, v) * 1e6);
  }
  return latency;
}

absl::Duration OutputLatency::Longest() const {
  return absl::Nanoseconds(*std::max_element(nanos_.begin(), nanos_.end()));
}

}  // namespace antiphon::edge
