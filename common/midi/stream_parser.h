// SPDX-License-Identifier: Apache-2.0
//
// Bytes as a MIDI driver delivers them, turned into messages (MIDI 1.0, "Data
// format"): running status, real-time bytes anywhere, even inside SysEx or
// between data bytes. SysEx is skipped, also over several deliveries. A message
// that its delivery does not complete is dropped and counted, as is every byte
// that belongs to nothing; never an error, never a crash. One parser per port,
// owned by its thread; real-time safe.
#ifndef ANTIPHON_COMMON_MIDI_STREAM_PARSER_H_
#define ANTIPHON_COMMON_MIDI_STREAM_PARSER_H_

#include <cstdint>

#include "absl/types/span.h"
#include "common/midi/message.h"

namespace antiphon {

class StreamParser {
 public:
  // Parses one delivery; calls on_message(const MidiMessage&) for each message
  // it completes, in order.
  template <typename OnMessage>
  void Feed(absl::Span<const uint8_t> delivery, OnMessage&& on_message) {
    for (uint8_t byte : delivery) {
      const MidiMessage message = Take(byte);
      if (message.size() > 0) on_message(message);
    }
    EndDelivery();
  }

  // Unfinished messages and stray bytes, each counted once.
  uint64_t dropped() const { return dropped_; }

 private:
  // The message that `byte` completes, else an empty one.
  MidiMessage Take(uint8_t byte);
  void TakeStatus(uint8_t status);
  MidiMessage TakeData(uint8_t data);
  void EndDelivery();
  void DropUnfinished();

  uint8_t status_ = 0;      // in force for the next data byte; 0: none
  uint8_t first_data_ = 0;  // of the message being read
  uint8_t data_count_ = 0;  // data bytes read of it
  bool expecting_ = false;  // a status came and its data is not complete
  bool in_sysex_ = false;
  uint64_t dropped_ = 0;
};

}  // namespace antiphon

#endif  // ANTIPHON_COMMON_MIDI_STREAM_PARSER_H_
