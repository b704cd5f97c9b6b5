// SPDX-License-Identifier: Apache-2.0
//
// What a MIDI cable has begun and not ended: notes that sound and pedals that
// are down, by channel. One thread calls Follow(); any may look, a port's
// watcher does once the port is out of use. Real-time safe, never full: a bit
// for each note there is.
#ifndef ANTIPHON_EDGE_PORT_NOTE_SET_H_
#define ANTIPHON_EDGE_PORT_NOTE_SET_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "common/midi/message.h"

namespace antiphon::edge {

class NoteSet {
 public:
  static constexpr int kSustainPedal = 64;
  static constexpr int kAllSoundOff = 120;
  static constexpr int kAllNotesOff = 123;

  void Follow(const MidiMessage& m) noexcept {
    if (m.IsNoteOn()) {
      Word(m).fetch_or(Bit(m.pitch()), std::memory_order_relaxed);
    } else if (m.IsNoteOff()) {
      Word(m).fetch_and(~Bit(m.pitch()), std::memory_order_relaxed);
    } else if (m.IsControlChange()) {
      FollowController(m);
    }
  }

  int notes() const;
  bool Holds(int channel, int pitch) const {
    return (notes_[Index(channel, pitch >> 6)].load(std::memory_order_relaxed) &
            Bit(pitch)) != 0;
  }

  // Calls emit(const MidiMessage&) with what ends everything, and forgets it:
  // pedals first, so that no off is held back by one.
  template <typename Emit>
  int EndAll(Emit&& emit) {
    const uint32_t pedals = pedals_.exchange(0, std::memory_order_relaxed);
    for (int channel = 0; channel < kChannels; ++channel) {
      if ((pedals >> channel & 1) == 0) continue;
      emit(MidiMessage::ControlChange(channel, kSustainPedal, 0));
    }
    int ended = 0;
    for (int channel = 0; channel < kChannels; ++channel) {
      for (int half = 0; half < 2; ++half) {
        uint64_t bits =
            notes_[Index(channel, half)].exchange(0, std::memory_order_relaxed);
        for (int i = 0; bits != 0; ++i, bits >>= 1) {
          if ((bits & 1) == 0) continue;
          emit(MidiMessage::NoteOff(channel, 64 * half + i));
          ++ended;
        }
      }
    }
    return ended;
  }

 private:
  static constexpr int kChannels = 16;

  static constexpr size_t Index(int channel, int half) {
    return static_cast<size_t>(2 * channel + half);
  }
  static constexpr uint64_t Bit(int pitch) {
    return uint64_t{1} << (pitch & 63);
  }
  std::atomic<uint64_t>& Word(const MidiMessage& m) {
    return notes_[Index(m.channel(), m.pitch() >> 6)];
  }
  void FollowController(const MidiMessage& m) noexcept;

  std::array<std::atomic<uint64_t>, size_t{2} * kChannels> notes_{};
  std::atomic<uint32_t> pedals_{0};
};

}  // namespace antiphon::edge

#endif  // ANTIPHON_EDGE_PORT_NOTE_SET_H_
