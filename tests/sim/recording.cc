// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/recording.h"

#include <algorithm>
#include <iterator>

namespace antiphon::sim {

int Recording::CountBars(Outcome outcome, Reason reason) const {
  return static_cast<int>(
      std::count_if(bars.begin(), bars.end(), [&](const edge::BarRecord& bar) {
        return bar.outcome == outcome && bar.reason == reason;
      }));
}

std::vector<Sent> Recording::OnsOf(PlaySeq bar) const {
  std::vector<Sent> ons;
  std::copy_if(sent.begin(), sent.end(), std::back_inserter(ons),
               [bar](const Sent& s) {
                 return s.message.IsNoteOn() && s.play_seq == bar;
               });
  return ons;
}

bool SameBytes(const Recording& a, const Recording& b) {
  return std::equal(a.sent.begin(), a.sent.end(), b.sent.begin(), b.sent.end(),
                    [](const Sent& x, const Sent& y) {
                      return x.at == y.at && x.message == y.message;
                    });
}

}  // namespace antiphon::sim
