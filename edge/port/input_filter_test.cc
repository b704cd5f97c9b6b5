// SPDX-License-Identifier: Apache-2.0
#include "edge/port/input_filter.h"

#include <gtest/gtest.h>

namespace antiphon::edge {
namespace {

TEST(InputFilter, EverythingPassesByDefault) {
  const InputFilter filter;
  EXPECT_TRUE(filter.Passes(MidiMessage::Clock()));
  EXPECT_TRUE(filter.Passes(MidiMessage::NoteOn(15, 60, 1)));
}

TEST(InputFilter, OneChannelAndTheClockBesideIt) {
  const InputFilter filter{.channel = 16};
  EXPECT_TRUE(filter.Passes(MidiMessage::NoteOn(15, 60, 1)));
  EXPECT_FALSE(filter.Passes(MidiMessage::NoteOn(14, 60, 1)));
  EXPECT_FALSE(filter.Passes(MidiMessage::NoteOff(0, 60)));
  EXPECT_FALSE(filter.Passes(MidiMessage::ControlChange(0, 64, 127)));
  EXPECT_TRUE(filter.Passes(MidiMessage::Clock()));
  EXPECT_TRUE(filter.Passes(MidiMessage::SongPosition(4)));
}

TEST(InputFilter, NotesAloneOrTheClockAlone) {
  const InputFilter notes{.clock = false};
  const InputFilter clock{.notes = false};
  for (const MidiMessage& m :
       {MidiMessage::Clock(), MidiMessage::Start(), MidiMessage::Stop(),
        MidiMessage::Continue(), MidiMessage::SongPosition(1)}) {
    EXPECT_FALSE(notes.Passes(m));
    EXPECT_TRUE(clock.Passes(m));
  }
  EXPECT_TRUE(notes.Passes(MidiMessage::NoteOn(3, 60, 1)));
  EXPECT_FALSE(clock.Passes(MidiMessage::NoteOn(3, 60, 1)));
}

}  // namespace
}  // namespace antiphon::edge
