// SPDX-License-Identifier: Apache-2.0
#include "common/midi/stream_parser.h"

namespace antiphon {
namespace {

constexpr uint8_t kSysExBegin = 0xF0;
constexpr uint8_t kSysExEnd = 0xF7;
constexpr uint8_t kFirstSystem = 0xF0;
constexpr uint8_t kFirstRealTime = 0xF8;

}  // namespace

MidiMessage StreamParser::Take(uint8_t byte) {
  if (byte >= kFirstRealTime) {
    // Real-time bytes touch nothing else, wherever they stand.
    const MidiMessage message = MidiMessage::FromBytes(byte);
    if (message.size() == 0) ++dropped_;
    return message;
  }
  if (byte < 0x80) return TakeData(byte);
  TakeStatus(byte);
  if (MidiMessage::SizeOf(byte) != 1) return {};
  expecting_ = false;
  status_ = 0;
  return MidiMessage::FromBytes(byte);
}

void StreamParser::TakeStatus(uint8_t status) {
  DropUnfinished();
  const bool ends_sysex = status == kSysExEnd && in_sysex_;
  in_sysex_ = status == kSysExBegin;
  const bool opens_message = MidiMessage::SizeOf(status) > 0;
  status_ = opens_message ? status : 0;
  expecting_ = opens_message;
  data_count_ = 0;
  if (!opens_message && !in_sysex_ && !ends_sysex) ++dropped_;
}

MidiMessage StreamParser::TakeData(uint8_t data) {
  if (in_sysex_) return {};
  if (status_ == 0) {
    ++dropped_;
    return {};
  }
  expecting_ = true;
  ++data_count_;
  if (data_count_ + 1 < MidiMessage::SizeOf(status_)) {
    first_data_ = data;
    return {};
  }
  const MidiMessage message =
      data_count_ == 1 ? MidiMessage::FromBytes(status_, data)
                       : MidiMessage::FromBytes(status_, first_data_, data);
  // Only channel messages have a running status.
  if (status_ >= kFirstSystem) status_ = 0;
  expecting_ = false;
  data_count_ = 0;
  return message;
}

void StreamParser::EndDelivery() {
  if (!expecting_) return;
  // What was lost with the rest is unknown, so the status is not trusted
  // either.
  DropUnfinished();
  status_ = 0;
}

void StreamParser::DropUnfinished() {
  if (expecting_) ++dropped_;
  expecting_ = false;
  data_count_ = 0;
}

}  // namespace antiphon
