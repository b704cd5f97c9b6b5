// SPDX-License-Identifier: Apache-2.0
#include "edge/port/note_set.h"

#include <bit>

namespace antiphon::edge {

int NoteSet::notes() const {
  int count = 0;
  for (const auto& word : notes_) {
    count += std::popcount(word.load(std::memory_order_relaxed));
  }
  return count;
}

void NoteSet::FollowController(const MidiMessage& m) noexcept {
  const uint32_t bit = uint32_t{1} << m.channel();
  if (m.controller() == kSustainPedal) {
    if (m.value() >= 64) {
      pedals_.fetch_or(bit, std::memory_order_relaxed);
    } else {
      pedals_.fetch_and(~bit, std::memory_order_relaxed);
    }
  } else if (m.controller() == kAllNotesOff || m.controller() == kAllSoundOff) {
    notes_[Index(m.channel(), 0)].store(0, std::memory_order_relaxed);
    notes_[Index(m.channel(), 1)].store(0, std::memory_order_relaxed);
  }
}

}  // namespace antiphon::edge
