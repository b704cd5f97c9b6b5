// SPDX-License-Identifier: Apache-2.0
#include "edge/bars/bar_assembler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace antiphon::edge {
namespace {

using ::testing::ElementsAre;

// 4/4 at 125 BPM: one tick is one millisecond.
class BarAssemblerTest : public ::testing::Test {
 protected:
  BarAssemblerTest() {
    timeline_.set_running(true);
    timeline_.AddAnchor(Ticks(), MonoTime::FromNanos(0), 1e6);
    for (PlaySeq seq = 0; seq < 4; ++seq) {
      const Ticks begin = Ticks::Of(1920 * static_cast<int64_t>(seq));
      timeline_.SetBar({seq, static_cast<BarIndex>(seq), begin,
                        begin + Ticks::Of(1920), Meter{}});
    }
  }

  void At(int64_t tick, const MidiMessage& message) {
    bars_.OnMessage({MonoTime::FromNanos(tick * 1'000'000), message},
                    timeline_);
  }
  const Context& Cut(PlaySeq origin, PlaySeq last) {
    bars_.FillContext(origin, last, timeline_.Bar(last)->end, timeline_,
                      context_);
    return context_;
  }

  Timeline timeline_;
  BarAssembler bars_;
  Context context_;
};

TEST_F(BarAssemblerTest, NotesStandAtTheirTickFromTheOrigin) {
  At(100, MidiMessage::NoteOn(0, 60, 80));
  At(340, MidiMessage::NoteOff(0, 60));
  At(2000, MidiMessage::NoteOn(0, 62, 81));
  At(2100, MidiMessage::NoteOn(0, 62, 0));  // an off
  const Context& context = Cut(0, 1);
  ASSERT_EQ(context.note_count, 2);
  EXPECT_EQ(context.notes[0].tick.count(), 100);
  EXPECT_EQ(context.notes[0].duration.count(), 240);
  EXPECT_EQ(context.notes[1].tick.count(), 2000);
  EXPECT_EQ(context.notes[1].held_by, HeldBy::kNone);
  EXPECT_EQ(context.bar_count, 2);
  EXPECT_EQ(Cut(1, 1).notes[0].tick.count(), 80);
}

TEST_F(BarAssemblerTest, AKeyHeldOverTheLineIsToldAsHeldAndEndsLater) {
  At(1800, MidiMessage::NoteOn(0, 60, 80));
  EXPECT_EQ(Cut(0, 0).notes[0].held_by, HeldBy::kKey);
  EXPECT_EQ(context_.notes[0].duration.count(), 120);
  At(2400, MidiMessage::NoteOff(0, 60));
  EXPECT_EQ(Cut(0, 1).notes[0].duration.count(), 600);
  EXPECT_EQ(context_.notes[0].held_by, HeldBy::kNone);
  EXPECT_FALSE(bars_.HasNoteOn(1));
}

TEST_F(BarAssemblerTest, ThePedalHoldsWhatTheKeyLetGo) {
  At(10, MidiMessage::ControlChange(0, 64, 64));
  At(100, MidiMessage::NoteOn(0, 60, 80));
  At(200, MidiMessage::NoteOff(0, 60));
  EXPECT_EQ(Cut(0, 0).notes[0].held_by, HeldBy::kPedal);
  At(500, MidiMessage::ControlChange(0, 64, 63));
  EXPECT_EQ(Cut(0, 0).notes[0].duration.count(), 400);
  EXPECT_EQ(context_.pedal_count, 2);
}

std::vector<PedalChange> PedalsOf(const Context& context) {
  return {context.pedals.begin(), context.pedals.begin() + context.pedal_count};
}

TEST_F(BarAssemblerTest, APedalDownAtTheOriginIsAChangeThere) {
  const auto change = [](int64_t tick, bool down) {
    return PedalChange{Ticks::Of(tick), down};
  };
  At(-5, MidiMessage::ControlChange(0, 64, 127));  // before any bar
  At(100, MidiMessage::NoteOn(0, 60, 80));
  At(1900, MidiMessage::ControlChange(0, 64, 0));
  At(1919, MidiMessage::ControlChange(0, 64, 127));
  At(2000, MidiMessage::ControlChange(0, 64, 0));
  EXPECT_THAT(
      PedalsOf(Cut(0, 0)),
      ElementsAre(change(0, true), change(1900, false), change(1919, true)));
  EXPECT_THAT(PedalsOf(Cut(1, 1)),
              ElementsAre(change(0, true), change(80, false)));
  EXPECT_THAT(PedalsOf(Cut(2, 2)), ElementsAre());
  At(1920 * 3, MidiMessage::ControlChange(0, 64, 127));
  EXPECT_THAT(PedalsOf(Cut(3, 3)), ElementsAre(change(0, true)));
}

TEST_F(BarAssemblerTest, ThePedalIsDownWhileAnyChannelHoldsIt) {
  At(100, MidiMessage::ControlChange(0, 64, 127));
  At(200, MidiMessage::ControlChange(1, 64, 127));
  At(300, MidiMessage::NoteOn(1, 60, 80));
  At(310, MidiMessage::NoteOff(1, 60));
  At(400, MidiMessage::ControlChange(1, 64, 0));  // channel 0 still holds
  At(2000, MidiMessage::ControlChange(0, 64, 0));
  EXPECT_THAT(PedalsOf(Cut(0, 0)),
              ElementsAre(PedalChange{Ticks::Of(100), true}));
  EXPECT_EQ(context_.notes[0].duration.count(), 100) << "its own pedal is up";
  EXPECT_THAT(PedalsOf(Cut(1, 1)),
              ElementsAre(PedalChange{Ticks(), true},
                          PedalChange{Ticks::Of(80), false}));
}

TEST_F(BarAssemblerTest, TheNewestPedalChangesFitWhereThereWereTooMany) {
  At(0, MidiMessage::ControlChange(0, 64, 127));
  for (int i = 1; i <= kMaxContextPedals; ++i) {
    At(1920 + i, MidiMessage::ControlChange(0, 64, i % 2 == 0 ? 127 : 0));
  }
  EXPECT_EQ(Cut(1, 1).pedal_count, kMaxContextPedals);
  EXPECT_EQ(context_.pedals[0].tick.count(), 0);
  EXPECT_EQ(context_.pedals[1].tick.count(), 2);
  EXPECT_EQ(context_.pedals.back().tick.count(), kMaxContextPedals);
}

TEST_F(BarAssemblerTest, AnEarlyDownbeatBelongsToTheNextBar) {
  At(1881, MidiMessage::NoteOn(0, 60, 80));  // 39 ms before the line
  At(1879, MidiMessage::NoteOn(0, 64, 80));  // 41 ms before it
  EXPECT_EQ(Cut(0, 0).note_count, 1);
  EXPECT_EQ(context_.notes[0].pitch, 64);
  EXPECT_EQ(Cut(1, 1).notes[0].tick.count(), 0);
  EXPECT_TRUE(bars_.HasNoteOn(1));
}

// The host slows down: what seemed to be tick 128 lies before the pulse of tick
// 120. The service refuses a context that is not by tick.
TEST_F(BarAssemblerTest, ATempoCorrectedBetweenTwoNotesLeavesThemByTick) {
  At(128, MidiMessage::NoteOn(0, 60, 80));
  At(129, MidiMessage::ControlChange(0, 64, 127));
  timeline_.AddAnchor(Ticks::Of(120), MonoTime::FromNanos(130'000'000), 1e6);
  At(131, MidiMessage::NoteOn(0, 62, 80));
  At(132, MidiMessage::ControlChange(0, 64, 0));
  EXPECT_EQ(Cut(0, 0).note_count, 2);
  EXPECT_EQ(context_.notes[0].pitch, 62);
  EXPECT_EQ(context_.notes[0].tick.count(), 121);
  EXPECT_EQ(context_.notes[1].tick.count(), 128);
  EXPECT_EQ(context_.pedals[0].tick.count(), 122);
}

// The first pulse came early by its jitter, and with it the player.
TEST_F(BarAssemblerTest, AnEarlyDownbeatOfTheFirstBarIsNotLost) {
  At(-39, MidiMessage::NoteOn(0, 60, 80));
  At(-41, MidiMessage::NoteOn(0, 64, 80));  // belongs to no bar
  EXPECT_EQ(Cut(0, 0).note_count, 1);
  EXPECT_EQ(context_.notes[0].pitch, 60);
  EXPECT_EQ(context_.notes[0].tick.count(), 0);
}

TEST_F(BarAssemblerTest, WhatWasBegunInABarThatBeginsAgainStandsOnItsLine) {
  At(100, MidiMessage::NoteOn(0, 60, 80));
  At(1925, MidiMessage::NoteOn(0, 62, 80));  // bar 1, as it seemed
  At(1930, MidiMessage::ControlChange(1, 64, 127));
  // The host leaves bar 1 a pulse after its line and begins another there.
  timeline_.SetBar({1, 7, Ticks::Of(1940), Ticks::Of(3860), Meter{}});
  bars_.MoveLine(1, Ticks::Of(1940));
  At(2000, MidiMessage::NoteOff(0, 62));
  const Context& context = Cut(1, 1);
  ASSERT_EQ(context.note_count, 1);
  EXPECT_EQ(context.notes[0].tick, Ticks());
  EXPECT_EQ(context.notes[0].duration.count(), 60);
  EXPECT_EQ(context.pedals[0].tick, Ticks());
  EXPECT_EQ(Cut(0, 1).notes[1].tick.count(), 1940);
  EXPECT_EQ(Cut(0, 0).notes[0].tick.count(), 100);
}

TEST_F(BarAssemblerTest, AnEarlyDownbeatFollowsALineThatComesSooner) {
  At(1885, MidiMessage::NoteOn(0, 60, 80));  // for bar 1, at 1920
  At(1879, MidiMessage::NoteOn(0, 61, 80));
  At(1880, MidiMessage::NoteOn(0, 62, 80));  // where the host jumps
  timeline_.SetBar({0, 0, Ticks(), Ticks::Of(1880), Meter{}});
  timeline_.SetBar({1, 4, Ticks::Of(1880), Ticks::Of(3800), Meter{}});
  bars_.MoveLine(1, Ticks::Of(1880));
  EXPECT_EQ(Cut(0, 0).note_count, 1);
  EXPECT_EQ(context_.notes[0].pitch, 61);
  EXPECT_EQ(Cut(1, 1).note_count, 2);
  EXPECT_EQ(context_.notes[0].tick, Ticks());
  EXPECT_EQ(context_.notes[1].tick, Ticks());
}

TEST_F(BarAssemblerTest, APedalChangeFollowsALineThatComesSooner) {
  At(1879, MidiMessage::ControlChange(0, 64, 127));
  At(1880, MidiMessage::ControlChange(0, 64, 0));  // where the host jumps
  At(1900, MidiMessage::ControlChange(0, 64, 127));
  timeline_.SetBar({0, 0, Ticks(), Ticks::Of(1880), Meter{}});
  timeline_.SetBar({1, 4, Ticks::Of(1880), Ticks::Of(3800), Meter{}});
  bars_.MoveLine(1, Ticks::Of(1880));
  EXPECT_THAT(PedalsOf(Cut(0, 0)),
              ElementsAre(PedalChange{Ticks::Of(1879), true}));
  EXPECT_THAT(
      PedalsOf(Cut(1, 1)),
      ElementsAre(PedalChange{Ticks(), true}, PedalChange{Ticks(), false},
                  PedalChange{Ticks::Of(20), true}));
}

TEST_F(BarAssemblerTest, ABreakForgetsEverything) {
  At(100, MidiMessage::NoteOn(0, 60, 80));
  bars_.Clear();
  At(300, MidiMessage::NoteOff(0, 60));
  EXPECT_EQ(Cut(0, 0).note_count, 0);
}

TEST_F(BarAssemblerTest, TheNewestNotesFitWhereTooManyWerePlayed) {
  for (int i = 0; i < kMaxContextNotes + 100; ++i) {
    At(i, MidiMessage::NoteOn(0, static_cast<uint8_t>(i % 100), 80));
  }
  EXPECT_EQ(Cut(0, 0).note_count, kMaxContextNotes);
  EXPECT_EQ(context_.notes[0].tick.count(), 100);
}

}  // namespace
}  // namespace antiphon::edge
