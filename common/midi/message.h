// SPDX-License-Identifier: Apache-2.0
//
// One short MIDI message (channel or system real time/common; no SysEx) of one to
// three bytes, as in MIDI 1.0, "Detailed Specification". A plain value.
#ifndef ANTIPHON_COMMON_MIDI_MESSAGE_H_
#define ANTIPHON_COMMON_MIDI_MESSAGE_H_

#include <array>
#include <cstdint>

#include "common/time/mono_time.h"

namespace antiphon {

struct MidiMessage {
  std::array<uint8_t, 3> bytes{};
  uint8_t size = 0;

  static constexpr MidiMessage NoteOn(uint8_t channel, uint8_t pitch,
                                      uint8_t velocity) {
    return Make(0x90, channel, pitch, velocity);
  }
  static constexpr MidiMessage NoteOff(uint8_t channel, uint8_t pitch) {
    return Make(0x80, channel, pitch, 0);
  }
  static constexpr MidiMessage ControlChange(uint8_t channel,
                                             uint8_t controller,
                                             uint8_t value) {
    return Make(0xB0, channel, controller, value);
  }
  // Position in sixteenths from the start of the song, 0..16383.
  static constexpr MidiMessage SongPosition(int sixteenths) {
    return {{0xF2, static_cast<uint8_t>(sixteenths & 0x7F),
             static_cast<uint8_t>((sixteenths >> 7) & 0x7F)},
            3};
  }
  static constexpr MidiMessage Clock() { return {{0xF8, 0, 0}, 1}; }
  static constexpr MidiMessage Start() { return {{0xFA, 0, 0}, 1}; }
  static constexpr MidiMessage Continue() { return {{0xFB, 0, 0}, 1}; }
  static constexpr MidiMessage Stop() { return {{0xFC, 0, 0}, 1}; }

  constexpr uint8_t status() const { return bytes[0]; }
  constexpr uint8_t kind() const { return bytes[0] & 0xF0; }
  constexpr uint8_t channel() const { return bytes[0] & 0x0F; }
  constexpr uint8_t pitch() const { return bytes[1]; }
  constexpr uint8_t velocity() const { return bytes[2]; }
  constexpr uint8_t controller() const { return bytes[1]; }
  constexpr uint8_t value() const { return bytes[2]; }
  constexpr int song_position() const { return bytes[1] | bytes[2] << 7; }

  constexpr bool IsNoteOn() const {
    return size == 3 && kind() == 0x90 && bytes[2] > 0;
  }
  constexpr bool IsNoteOff() const {
    return size == 3 &&
           (kind() == 0x80 || (kind() == 0x90 && bytes[2] == 0));
  }
  constexpr bool IsControlChange() const {
    return size == 3 && kind() == 0xB0;
  }
  constexpr bool IsClock() const { return status() == 0xF8; }
  constexpr bool IsStart() const { return status() == 0xFA; }
  constexpr bool IsContinue() const { return status() == 0xFB; }
  constexpr bool IsStop() const { return status() == 0xFC; }
  constexpr bool IsSongPosition() const {
    return size == 3 && status() == 0xF2;
  }

  friend bool operator==(const MidiMessage&, const MidiMessage&) = default;

 private:
  static constexpr MidiMessage Make(int kind, uint8_t channel, uint8_t first,
                                    uint8_t second) {
    return {{static_cast<uint8_t>(kind | (channel & 0x0F)), first, second}, 3};
  }
};

struct TimedMessage {
  MonoTime at;
  MidiMessage message;
};

}  // namespace antiphon

#endif  // ANTIPHON_COMMON_MIDI_MESSAGE_H_
