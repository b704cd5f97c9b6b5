// SPDX-License-Identifier: Apache-2.0
#include "common/midi/stream_parser.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace antiphon {
namespace {

using Messages = std::vector<MidiMessage>;

class StreamParserTest : public testing::Test {
 protected:
  Messages Deliver(const std::vector<uint8_t>& bytes) {
    Messages out;
    parser_.Feed(bytes, [&out](const MidiMessage& m) { out.push_back(m); });
    return out;
  }

  StreamParser parser_;
};

const MidiMessage kC = MidiMessage::NoteOn(0, 60, 100);
const MidiMessage kE = MidiMessage::NoteOn(0, 64, 90);
const MidiMessage kClock = MidiMessage::Clock();

TEST_F(StreamParserTest, OneMessageADelivery) {
  EXPECT_EQ(Deliver({0x90, 60, 100}), Messages{kC});
  EXPECT_EQ(Deliver({0xF8}), Messages{kClock});
  EXPECT_EQ(Deliver({0xF2, 72, 1}), Messages{MidiMessage::SongPosition(200)});
  EXPECT_EQ(Deliver({0xC1, 5}), Messages{MidiMessage::FromBytes(0xC1, 5)});
  EXPECT_EQ(Deliver({0xF6}), Messages{MidiMessage::FromBytes(0xF6)});
  EXPECT_EQ(parser_.dropped(), 0u);
}

TEST_F(StreamParserTest, RunningStatusAlsoOverDeliveries) {
  EXPECT_EQ(Deliver({0x90, 60, 100, 64, 90}), (Messages{kC, kE}));
  EXPECT_EQ(Deliver({60, 100}), Messages{kC});
  EXPECT_EQ(parser_.dropped(), 0u);
}

TEST_F(StreamParserTest, RealTimeBytesAnywhere) {
  EXPECT_EQ(Deliver({0xF8, 0x90, 0xF8, 60, 0xF8, 100, 0xFA, 64, 90}),
            (Messages{kClock, kClock, kClock, kC, MidiMessage::Start(), kE}));
  EXPECT_EQ(parser_.dropped(), 0u);
}

TEST_F(StreamParserTest, ActiveSensingEndsNoRunningStatus) {
  const MidiMessage sensing = MidiMessage::FromBytes(0xFE);
  EXPECT_EQ(Deliver({0x90, 60, 100}), Messages{kC});
  EXPECT_EQ(Deliver({0xFE}), Messages{sensing});
  EXPECT_EQ(Deliver({64, 0xFE, 90}), (Messages{sensing, kE}));
  EXPECT_EQ(parser_.dropped(), 0u);
}

TEST_F(StreamParserTest, ALongSysExBetweenNotesCostsNoNote) {
  EXPECT_EQ(Deliver({0x90, 60, 100}), Messages{kC});
  std::vector<uint8_t> part(256, 0x55);
  part.front() = 0xF0;
  EXPECT_EQ(Deliver(part), Messages{});
  part.front() = 0x55;
  for (int i = 0; i < 100; ++i) {
    part[100] = 0xF8;
    EXPECT_EQ(Deliver(part), Messages{kClock});
  }
  EXPECT_EQ(Deliver({0x55, 0xF7, 0x90, 64, 90}), Messages{kE});
  EXPECT_EQ(parser_.dropped(), 0u);
}

// Whatever a sender may do between notes, every note comes out.
TEST_F(StreamParserTest, RunningStatusSensingAndSysExInAnyMixture) {
  std::mt19937 random(1);
  const auto roll = [&random](int sides) {
    return std::uniform_int_distribution<int>(0, sides - 1)(random);
  };
  Messages expected;
  Messages got;
  uint8_t running = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::vector<uint8_t> bytes;
    const auto real_time = [&] {
      if (roll(4) != 0) return;
      bytes.push_back(roll(2) == 0 ? 0xF8 : 0xFE);
      expected.push_back(MidiMessage::FromBytes(bytes.back()));
    };
    real_time();
    if (roll(10) == 0) {
      bytes.push_back(0xF0);
      for (int n = roll(20); n > 0; --n) {
        bytes.push_back(static_cast<uint8_t>(roll(128)));
        real_time();
      }
      bytes.push_back(0xF7);
      running = 0;
    }
    const MidiMessage note = MidiMessage::NoteOn(roll(2), roll(128), roll(128));
    if (note.status() != running || roll(3) == 0)
      bytes.push_back(note.status());
    running = note.status();
    real_time();
    bytes.push_back(note.data()[1]);
    real_time();
    bytes.push_back(note.data()[2]);
    expected.push_back(note);
    for (const MidiMessage& m : Deliver(bytes)) got.push_back(m);
  }
  EXPECT_EQ(got, expected);
  EXPECT_EQ(parser_.dropped(), 0u);
}

TEST_F(StreamParserTest, SysExIsSkippedAndClockInsideItKept) {
  EXPECT_EQ(Deliver({0xF0, 1, 0xF8, 2, 0xF7, 0x90, 60, 100}),
            (Messages{kClock, kC}));
  EXPECT_EQ(Deliver({0xF0, 1, 2}), Messages{});
  EXPECT_EQ(Deliver({3, 0xF8, 4}), Messages{kClock});
  EXPECT_EQ(Deliver({0xF7}), Messages{});
  EXPECT_EQ(Deliver({0x90, 60, 100}), Messages{kC});
  EXPECT_EQ(parser_.dropped(), 0u);
}

TEST_F(StreamParserTest, AnyStatusEndsAnUnterminatedSysEx) {
  EXPECT_EQ(Deliver({0xF0, 1, 2, 0x90, 60, 100}), Messages{kC});
}

TEST_F(StreamParserTest, SysExAndCommonMessagesEndRunningStatus) {
  EXPECT_EQ(Deliver({0x90, 60, 100, 0xF0, 0xF7, 64, 90}), Messages{kC});
  EXPECT_EQ(parser_.dropped(), 2u);
  EXPECT_EQ(Deliver({0x90, 60, 100, 0xF2, 0, 0, 64, 90}),
            (Messages{kC, MidiMessage::SongPosition(0)}));
  EXPECT_EQ(Deliver({0x90, 60, 100, 0xF6, 64, 90}),
            (Messages{kC, MidiMessage::FromBytes(0xF6)}));
  EXPECT_EQ(parser_.dropped(), 6u);
}

TEST_F(StreamParserTest, TruncatedMessagesAreDroppedAndCounted) {
  EXPECT_EQ(Deliver({0x90, 60}), Messages{});
  EXPECT_EQ(parser_.dropped(), 1u);
  EXPECT_EQ(Deliver({100}), Messages{}) << "not completed by a later delivery";
  EXPECT_EQ(parser_.dropped(), 2u);
  EXPECT_EQ(Deliver({0x90, 0x90, 60, 100}), Messages{kC});
  EXPECT_EQ(parser_.dropped(), 3u);
  EXPECT_EQ(Deliver({0x90, 60, 100, 64}), Messages{kC});
  EXPECT_EQ(parser_.dropped(), 4u);
  EXPECT_EQ(Deliver({0xB0}), Messages{});
  EXPECT_EQ(parser_.dropped(), 5u);
}

TEST_F(StreamParserTest, StrayBytesAreCounted) {
  EXPECT_EQ(Deliver({1, 2, 0xF4, 0xF5, 0xF7, 0xF9, 0xFD}), Messages{});
  EXPECT_EQ(parser_.dropped(), 7u);
  EXPECT_EQ(Deliver({}), Messages{});
}

TEST_F(StreamParserTest, EveryPairOfBytesIsSafe) {
  for (int a = 0; a < 256; ++a) {
    for (int b = 0; b < 256; ++b) {
      for (const MidiMessage& m :
           Deliver({static_cast<uint8_t>(a), static_cast<uint8_t>(b)})) {
        EXPECT_GT(m.size(), 0u);
      }
    }
  }
}

}  // namespace
}  // namespace antiphon
