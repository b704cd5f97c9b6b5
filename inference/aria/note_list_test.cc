// SPDX-License-Identifier: Apache-2.0
#include "inference/aria/note_list.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace antiphon::inference {
namespace {

using ::testing::ElementsAre;

MidiFileEvent On(int64_t tick, uint8_t pitch, uint8_t velocity) {
  return {tick, 3, {0x90, pitch, velocity}};
}
MidiFileEvent Off(int64_t tick, uint8_t pitch) {
  return {tick, 3, {0x80, pitch, 64}};
}

std::vector<FileNote> NotesOf(std::vector<MidiFileEvent> events) {
  MidiFile file;
  file.tracks.push_back({"", std::move(events), 0});
  return ReadNotes(file).notes;
}

TEST(ReadNotes, ANoteOffEndsAllThatSoundOnTheKey) {
  EXPECT_THAT(NotesOf({On(0, 60, 1), On(5, 60, 2), Off(9, 60), Off(12, 60)}),
              ElementsAre(FileNote{0, 60, 1, 0, 9}, FileNote{0, 60, 2, 5, 9}));
}

TEST(ReadNotes, NotesOfNoLengthVanish) {
  EXPECT_THAT(NotesOf({On(4, 60, 1), Off(4, 60), Off(8, 60)}), ElementsAre());
}

TEST(ReadNotes, AKeyStruckOnTheTickOfItsOffStays) {
  EXPECT_THAT(NotesOf({On(0, 60, 1), On(5, 60, 2), Off(5, 60), Off(8, 60)}),
              ElementsAre(FileNote{0, 60, 1, 0, 5}, FileNote{0, 60, 2, 5, 8}));
}

TEST(ReadNotes, EqualStartsAreInTheOrderOfTheirEnds) {
  EXPECT_THAT(NotesOf({On(0, 60, 1), On(0, 64, 2), On(0, 67, 3), Off(5, 64),
                       On(6, 67, 0), Off(6, 60)}),
              ElementsAre(FileNote{0, 64, 2, 0, 5}, FileNote{0, 67, 3, 0, 6},
                          FileNote{0, 60, 1, 0, 6}));
}

TEST(ReadNotes, WhatNeverEndsIsDropped) {
  EXPECT_THAT(NotesOf({On(0, 60, 1), On(2, 62, 1), Off(5, 62)}),
              ElementsAre(FileNote{0, 62, 1, 2, 5}));
}

TEST(ReadNotes, WithoutAProgramThereIsThePiano) {
  EXPECT_THAT(ReadNotes(MidiFile{}).programs, ElementsAre(ProgramChange{}));
}

TEST(InstrumentsOf, TheLastProgramCountsForTheWholeChannel) {
  NoteList list;
  list.programs = {{1, 40, 0}, {2, 33, 10}, {1, 0, 99}, {9, 40, 0}};
  list.notes = {{3, 60, 60, 0, 1}, {9, 36, 60, 0, 1}, {2, 60, 60, 0, 1}};
  const auto instruments = InstrumentsOf(list);
  EXPECT_EQ(instruments[0], std::nullopt);
  EXPECT_EQ(instruments[1], 0);  // no note, but a program
  EXPECT_EQ(instruments[2], 3);
  EXPECT_EQ(instruments[3], 0);  // notes, but no program
  EXPECT_EQ(instruments[9], std::nullopt);
}

NoteList WithPedals(std::vector<PedalChange> pedals) {
  NoteList list;
  list.notes = {{0, 60, 60, 0, 100}, {1, 60, 60, 200, 300}};
  list.pedals = std::move(pedals);
  RemoveRedundantPedals(list);
  return list;
}

TEST(RemoveRedundantPedals, APressIsNeededWhereANoteEndsAfterIt) {
  EXPECT_THAT(
      WithPedals({{0, true, 100}, {0, false, 150}, {1, true, 0}}).pedals,
      ElementsAre());
  EXPECT_THAT(
      WithPedals({{0, true, 99}, {0, false, 100}}).pedals,
      ElementsAre(PedalChange{0, true, 99}, PedalChange{0, false, 100}));
  EXPECT_THAT(WithPedals({{0, true, 10}, {0, false, 99}}).pedals,
              ElementsAre());
  // A note of another channel does not need it.
  EXPECT_THAT(WithPedals({{0, true, 250}, {0, false, 310}}).pedals,
              ElementsAre());
}

TEST(RemoveRedundantPedals, RepeatedChangesGo) {
  EXPECT_THAT(
      WithPedals({{0, false, 0},
                  {0, true, 10},
                  {0, true, 20},
                  {0, false, 110},
                  {0, false, 120}})
          .pedals,
      ElementsAre(PedalChange{0, true, 10}, PedalChange{0, false, 110}));
}

TEST(RemoveRedundantPedals, OnlyTheVeryLastPressIsTakenForUnclosed) {
  // Channel 0's last press is followed by a needed pair of channel 1.
  EXPECT_THAT(
      WithPedals({{0, true, 50}, {1, true, 250}, {1, false, 310}}).pedals,
      ElementsAre(PedalChange{0, true, 50}, PedalChange{1, true, 250},
                  PedalChange{1, false, 310}));
  // Channel 1's is the last one left once channel 0 is done.
  EXPECT_THAT(WithPedals({{1, true, 250}, {0, false, 260}}).pedals,
              ElementsAre());
  // Channel 0's is not: channel 1 is done after it.
  EXPECT_THAT(WithPedals({{0, true, 50}, {1, false, 60}}).pedals,
              ElementsAre(PedalChange{0, true, 50}));
}

TEST(RemoveRedundantPedals, AChannelWithoutNotesLosesAll) {
  EXPECT_THAT(
      WithPedals({{5, true, 0}, {5, false, 100}, {5, true, 120}}).pedals,
      ElementsAre());
}

TEST(KeepFirst, TheLimitIsIncludedAndALastPressGoes) {
  NoteList list;
  list.notes = {
      {0, 60, 60, 0, 9000}, {0, 61, 60, 500, 600}, {0, 62, 60, 501, 600}};
  list.pedals = {
      {0, true, 100}, {0, false, 400}, {0, true, 500}, {0, false, 501}};
  const std::vector<MidiFileTempo> tempos = {{0, 500'000}};
  KeepFirst(TempoMap(500, tempos), 500, list);
  ASSERT_EQ(list.notes.size(), 2U);
  EXPECT_EQ(list.notes[0].end_tick, 9000);
  EXPECT_THAT(list.pedals, ElementsAre(PedalChange{0, true, 100},
                                       PedalChange{0, false, 400}));
}

}  // namespace
}  // namespace antiphon::inference
