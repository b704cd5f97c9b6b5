// SPDX-License-Identifier: Apache-2.0
//
// Time signatures, and the map from the host's song position to bars.
#ifndef ANTIPHON_COMMON_MUSIC_METER_H_
#define ANTIPHON_COMMON_MUSIC_METER_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/music/ticks.h"

namespace antiphon {

struct Meter {
  int numerator = 4;    // 1..64
  int denominator = 4;  // 1, 2, 4, 8, 16, 32

  constexpr bool IsValid() const {
    return numerator >= 1 && numerator <= 64 && denominator >= 1 &&
           denominator <= 32 && (denominator & (denominator - 1)) == 0;
  }
  constexpr Ticks BarLength() const {
    return Ticks::Of(kTicksPerWhole * numerator / denominator);
  }

  friend bool operator==(const Meter&, const Meter&) = default;
};

// "3/4", or nothing where it is not a meter.
std::optional<Meter> ParseMeter(std::string_view text);
std::string ToString(const Meter& meter);

// One bar of the host's song.
struct HostBar {
  BarIndex index = 0;
  Ticks begin;  // song position of its line
  Meter meter;
  Ticks length = meter.BarLength();
  bool pickup = false;  // shorter than its meter: what comes before bar 1

  constexpr Ticks end() const { return begin + length; }
};

// Meters by song position. A change that is not on a bar line takes effect at
// the next line. With a pickup, bar 0 is that long and bar 1 the first whole
// one.
class MeterMap {
 public:
  struct Change {
    Ticks at;
    Meter meter;
  };

  MeterMap() : MeterMap(Meter{}) {}
  // pickup: 0 for none, below a bar.
  explicit MeterMap(Meter constant, Ticks pickup = Ticks())
      : changes_{{Ticks(), constant}}, pickup_(pickup) {}
  // Sorted by `at`; where none is at 0, 4/4 holds until the first.
  explicit MeterMap(std::vector<Change> changes, Ticks pickup = Ticks());

  // The bar that holds `position` (>= 0).
  HostBar BarAt(Ticks position) const;

  const std::vector<Change>& changes() const { return changes_; }
  Ticks pickup() const { return pickup_; }

 private:
  std::vector<Change> changes_;  // never empty, the first at 0
  Ticks pickup_;
};

}  // namespace antiphon

#endif  // ANTIPHON_COMMON_MUSIC_METER_H_
