// SPDX-License-Identifier: Apache-2.0
//
// One MIDI 1.0 message of up to three bytes (SysEx does not occur here), and
// the same with the instant of its arrival. Channels are 0..15, pitches,
// controllers and velocities 0..127; factories keep the low bits of anything
// larger. A note-on of velocity 0 is a note-off. Trivially copyable: messages
// cross threads by value. Any thread, real-time safe.
#ifndef ANTIPHON_COMMON_MIDI_MESSAGE_H_
#define ANTIPHON_COMMON_MIDI_MESSAGE_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "common/time/mono_time.h"

namespace antiphon {

class MidiMessage {
 public:
  static constexpr int kMaxSongPosition = 0x3FFF;

  constexpr MidiMessage() = default;  // empty, size 0

  static constexpr MidiMessage NoteOn(int channel, int pitch, int velocity) {
    return Channel(0x90, channel, pitch, velocity);
  }
  static constexpr MidiMessage NoteOff(int channel, int pitch,
                                       int velocity = 0) {
    return Channel(0x80, channel, pitch, velocity);
  }
  static constexpr MidiMessage ControlChange(int channel, int controller,
                                             int value) {
    return Channel(0xB0, channel, controller, value);
  }
  static constexpr MidiMessage Clock() { return FromBytes(0xF8); }
  static constexpr MidiMessage Start() { return FromBytes(0xFA); }
  static constexpr MidiMessage Continue() { return FromBytes(0xFB); }
  static constexpr MidiMessage Stop() { return FromBytes(0xFC); }
  // In sixteenth notes from the song's start, at most kMaxSongPosition.
  static constexpr MidiMessage SongPosition(int sixteenths) {
    return FromBytes(0xF2, static_cast<uint8_t>(sixteenths & 0x7F),
                     static_cast<uint8_t>(sixteenths >> 7 & 0x7F));
  }
  // The message that begins with `status`, empty where none can; data bytes
  // beyond its size are ignored.
  static constexpr MidiMessage FromBytes(uint8_t status, uint8_t data1 = 0,
                                         uint8_t data2 = 0) {
    MidiMessage m;
    m.size_ = SizeOf(status);
    if (m.size_ > 0) m.bytes_[0] = status;
    if (m.size_ > 1) m.bytes_[1] = data1 & 0x7F;
    if (m.size_ > 2) m.bytes_[2] = data2 & 0x7F;
    return m;
  }
  // Bytes of a message that begins with `status`: 1 to 3; 0 for data bytes,
  // SysEx and undefined status bytes.
  static constexpr uint8_t SizeOf(uint8_t status) {
    if (status < 0x80) return 0;
    if (status < 0xF0) return (status & 0xE0) == 0xC0 ? 2 : 3;
    constexpr std::array<uint8_t, 16> kSystem = {0, 2, 3, 2, 0, 0, 1, 0,
                                                 1, 0, 1, 1, 1, 0, 1, 1};
    return kSystem[status & 0x0F];
  }

  constexpr bool IsNoteOn() const { return Is(0x90) && bytes_[2] > 0; }
  constexpr bool IsNoteOff() const {
    return Is(0x80) || (Is(0x90) && bytes_[2] == 0);
  }
  constexpr bool IsControlChange() const { return Is(0xB0); }
  constexpr bool IsChannelMessage() const {
    return status() >= 0x80 && status() < 0xF0;
  }
  constexpr bool IsClock() const { return status() == 0xF8; }
  constexpr bool IsStart() const { return status() == 0xFA; }
  constexpr bool IsContinue() const { return status() == 0xFB; }
  constexpr bool IsStop() const { return status() == 0xFC; }
  constexpr bool IsSongPosition() const { return status() == 0xF2; }

  constexpr uint8_t status() const { return bytes_[0]; }
  // Of channel messages.
  constexpr int channel() const { return bytes_[0] & 0x0F; }
  // Of notes.
  constexpr int pitch() const { return bytes_[1]; }
  constexpr int velocity() const { return bytes_[2]; }
  // Of control changes.
  constexpr int controller() const { return bytes_[1]; }
  constexpr int value() const { return bytes_[2]; }
  // Of song positions, in sixteenth notes.
  constexpr int song_position() const { return bytes_[1] | bytes_[2] << 7; }

  constexpr const uint8_t* data() const { return bytes_.data(); }
  constexpr size_t size() const { return size_; }

  friend constexpr bool operator==(const MidiMessage&,
                                   const MidiMessage&) = default;

 private:
  static constexpr MidiMessage Channel(int kind, int channel, int data1,
                                       int data2) {
    return FromBytes(static_cast<uint8_t>(kind | (channel & 0x0F)),
                     static_cast<uint8_t>(data1 & 0x7F),
                     static_cast<uint8_t>(data2 & 0x7F));
  }
  constexpr bool Is(int kind) const { return (bytes_[0] & 0xF0) == kind; }

  std::array<uint8_t, 3> bytes_{};
  uint8_t size_ = 0;
};

struct TimedMessage {
  MonoTime at;
  MidiMessage message;

  friend bool operator==(const TimedMessage&, const TimedMessage&) = default;
};

}  // namespace antiphon

#endif  // ANTIPHON_COMMON_MIDI_MESSAGE_H_
