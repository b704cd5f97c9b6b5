// SPDX-License-Identifier: Apache-2.0
//
// What of a port's messages is meant for Antiphon. Where several ports are
// merged, or the clock has a port of its own, only one of them may bring the
// clock: two clocks at once make a tempo that nobody plays. Pure, real-time
// safe.
#ifndef ANTIPHON_EDGE_PORT_INPUT_FILTER_H_
#define ANTIPHON_EDGE_PORT_INPUT_FILTER_H_

#include "common/midi/message.h"

namespace antiphon::edge {

struct InputFilter {
  bool clock = true;  // clock, transport, song position
  bool notes = true;  // channel messages
  int channel = 0;    // 1..16; 0: all

  constexpr bool Passes(const MidiMessage& m) const {
    if (!m.IsChannelMessage()) return clock;
    return notes && (channel == 0 || m.channel() + 1 == channel);
  }
};

}  // namespace antiphon::edge

#endif  // ANTIPHON_EDGE_PORT_INPUT_FILTER_H_
