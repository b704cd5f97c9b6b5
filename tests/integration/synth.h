// SPDX-License-Identifier: Apache-2.0
//
// What an instrument that honours pedal up (CC64) and all notes off (CC123)
// sounds after what it was sent.
#ifndef ANTIPHON_TESTS_INTEGRATION_SYNTH_H_
#define ANTIPHON_TESTS_INTEGRATION_SYNTH_H_

#include <compare>
#include <set>
#include <vector>

#include "tests/integration/jack_listener.h"

namespace antiphon::testing {

struct Key {
  int channel = 0;  // 0..15
  int pitch = 0;

  friend auto operator<=>(const Key&, const Key&) = default;
};

// After the first `count` events.
std::set<Key> SoundingAfter(const std::vector<HeardEvent>& events,
                            size_t count);

// The first note-on from event `from` on; events.size() where there is none.
size_t NextNoteOn(const std::vector<HeardEvent>& events, size_t from);

}  // namespace antiphon::testing

#endif  // ANTIPHON_TESTS_INTEGRATION_SYNTH_H_
