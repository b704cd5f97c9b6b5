// SPDX-License-Identifier: Apache-2.0
#include "common/midi/message.h"

#include <gtest/gtest.h>

#include <type_traits>
#include <vector>

namespace antiphon {
namespace {

static_assert(std::is_trivially_copyable_v<TimedMessage>);

std::vector<int> BytesOf(const MidiMessage& m) {
  return {m.data(), m.data() + m.size()};
}

TEST(MidiMessage, FactoriesGiveTheStandardsBytes) {
  EXPECT_EQ(BytesOf(MidiMessage::NoteOn(2, 60, 100)),
            (std::vector<int>{0x92, 60, 100}));
  EXPECT_EQ(BytesOf(MidiMessage::NoteOff(15, 127)),
            (std::vector<int>{0x8F, 127, 0}));
  EXPECT_EQ(BytesOf(MidiMessage::ControlChange(0, 64, 127)),
            (std::vector<int>{0xB0, 64, 127}));
  EXPECT_EQ(BytesOf(MidiMessage::Clock()), std::vector<int>{0xF8});
  EXPECT_EQ(BytesOf(MidiMessage::Start()), std::vector<int>{0xFA});
  EXPECT_EQ(BytesOf(MidiMessage::Continue()), std::vector<int>{0xFB});
  EXPECT_EQ(BytesOf(MidiMessage::Stop()), std::vector<int>{0xFC});
  EXPECT_EQ(BytesOf(MidiMessage::SongPosition(200)),
            (std::vector<int>{0xF2, 72, 1}));
}

TEST(MidiMessage, SongPositionIsReadBackOverItsWholeRange) {
  for (int p : {0, 1, 127, 128, 16382, MidiMessage::kMaxSongPosition}) {
    EXPECT_EQ(MidiMessage::SongPosition(p).song_position(), p);
  }
}

TEST(MidiMessage, NoteOnOfVelocityZeroIsANoteOff) {
  const MidiMessage off = MidiMessage::NoteOn(1, 60, 0);
  EXPECT_TRUE(off.IsNoteOff());
  EXPECT_FALSE(off.IsNoteOn());
  EXPECT_TRUE(MidiMessage::NoteOff(1, 60, 64).IsNoteOff());
  EXPECT_TRUE(MidiMessage::NoteOn(1, 60, 1).IsNoteOn());
  EXPECT_EQ(MidiMessage::NoteOn(9, 60, 1).channel(), 9);
}

TEST(MidiMessage, EmptyIsNothing) {
  const MidiMessage none;
  EXPECT_EQ(none.size(), 0u);
  EXPECT_FALSE(none.IsNoteOn() || none.IsNoteOff() || none.IsClock() ||
               none.IsChannelMessage() || none.IsControlChange());
  for (int status : {0x00, 0x7F, 0xF0, 0xF4, 0xF5, 0xF7, 0xF9, 0xFD}) {
    EXPECT_EQ(MidiMessage::FromBytes(static_cast<uint8_t>(status), 1, 2), none);
  }
}

TEST(MidiMessage, SizesOfEveryKind) {
  EXPECT_EQ(MidiMessage::SizeOf(0xA5), 3);
  EXPECT_EQ(MidiMessage::SizeOf(0xC5), 2);
  EXPECT_EQ(MidiMessage::SizeOf(0xDF), 2);
  EXPECT_EQ(MidiMessage::SizeOf(0xE0), 3);
  EXPECT_EQ(MidiMessage::SizeOf(0xF1), 2);
  EXPECT_EQ(MidiMessage::SizeOf(0xF3), 2);
  EXPECT_EQ(MidiMessage::SizeOf(0xF6), 1);
  EXPECT_EQ(MidiMessage::SizeOf(0xFE), 1);
}

}  // namespace
}  // namespace antiphon
