// SPDX-License-Identifier: Apache-2.0
//
// The last few gaps in a row of pulses, and whether they are losses. A host
// that sends from audio buffers a little shorter than its pulses leaves one out
// as regularly as a clock (1024 frames at 48 kHz: from 107 to 117 quarter notes
// a minute); nothing that loses pulses does. But where the pulses that did come
// give a whole tempo, as people set it, the others were lost.
// A plain value of fixed size.
#ifndef ANTIPHON_EDGE_CLOCK_GAP_HISTORY_H_
#define ANTIPHON_EDGE_CLOCK_GAP_HISTORY_H_

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>

namespace antiphon::edge {

class GapHistory {
 public:
  void OnPulse() { ++since_; }

  // `missing` pulses before the one that was heard `age` pulses ago.
  void Note(int age, int missing) {
    std::move_backward(gaps_.begin(), gaps_.end() - 1, gaps_.end());
    gaps_[0] = {.after = since_ - age, .missing = missing};
    since_ = age;
  }

  // Equally far apart, to within a pulse, at a tempo that nobody sets.
  bool AreRegular(double quarters_per_minute) const {
    const double off = quarters_per_minute - std::round(quarters_per_minute);
    if (gaps_.back().missing == 0 || std::abs(off) < kWholeTempo) return false;
    for (size_t i = 1; i + 1 < gaps_.size(); ++i) {
      if (std::abs(gaps_[i - 1].after - gaps_[i].after) > 1) return false;
    }
    return gaps_[0].after > 1;
  }

  // All gaps together.
  int Missing() const {
    int missing = 0;
    for (const Gap& gap : gaps_) missing += gap.missing;
    return missing;
  }
  // Real length of a pulse, where regular gaps are none, in distances between
  // those that were heard.
  double Stretch() const {
    double heard = 0;
    double missing = 0;
    for (size_t i = 0; i + 1 < gaps_.size(); ++i) {
      heard += gaps_[i].after;
      missing += gaps_[i].missing;
    }
    return 1 + missing / heard;
  }

 private:
  static constexpr double kWholeTempo = 0.12;  // quarter notes a minute

  struct Gap {
    int after = 0;    // pulses heard since the gap before
    int missing = 0;  // pulses
  };

  std::array<Gap, 4> gaps_{};  // the newest first
  int since_ = 0;              // pulses heard since that
};

}  // namespace antiphon::edge

#endif  // ANTIPHON_EDGE_CLOCK_GAP_HISTORY_H_
