// SPDX-License-Identifier: Apache-2.0
#include "inference/aria/piece.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <utility>
#include <vector>

namespace antiphon::inference {
namespace {

using ::testing::HasSubstr;

MidiFileEvent On(int64_t tick, uint8_t pitch, uint8_t channel = 0) {
  return {tick, 3, {static_cast<uint8_t>(0x90 | channel), pitch, 80}};
}
MidiFileEvent Off(int64_t tick, uint8_t pitch, uint8_t channel = 0) {
  return {tick, 3, {static_cast<uint8_t>(0x80 | channel), pitch, 0}};
}
MidiFileEvent Pedal(int64_t tick, uint8_t value) {
  return {tick, 3, {0xB0, 64, value}};
}

MidiFile FileWith(std::vector<MidiFileEvent> events) {
  MidiFile file;
  file.ticks_per_quarter = 96;
  file.tracks.resize(1);
  file.tracks[0].events = std::move(events);
  file.tracks[0].end_tick = file.tracks[0].events.back().tick;
  return file;
}

TEST(Piece, ChannelsMergeIntoOnePianoThePedalHoldsDrumsAreLeftOut) {
  const MidiFile file = FileWith(
      {On(0, 60), On(0, 62, 3), On(0, 40, 9), Pedal(48, 127), Off(96, 60),
       Off(96, 62, 3), Off(96, 40, 9), On(120, 64), Pedal(192, 0), Off(240, 64),
       Pedal(250, 127), On(250, 65), Off(260, 65)});
  const absl::StatusOr<Piece> piece = PieceOf(file);
  ASSERT_TRUE(piece.ok()) << piece.status();
  ASSERT_EQ(piece->notes.size(), 4u);
  // 480 ticks a quarter; held by its own channel's pedal alone.
  EXPECT_EQ(piece->notes[0].end().count(), 960);
  EXPECT_EQ(piece->notes[0].pitch, 60);
  EXPECT_EQ(piece->notes[1].end().count(), 480);
  EXPECT_EQ(piece->notes[2].tick.count(), 600);
  EXPECT_EQ(piece->notes[2].end().count(), 1200);
  // A pedal that is never let go holds nothing.
  EXPECT_EQ(piece->notes[3].end().count(), 1300);
}

TEST(Piece, TheAnswerBeginsAfterTheBarOfTheLastOnset) {
  MidiFile file =
      FileWith({On(0, 60), Off(900, 60), On(960, 62), Off(970, 62)});
  file.meters = {{0, 4, 4}, {384, 3, 4}};
  const absl::StatusOr<Piece> piece = PieceOf(file);
  ASSERT_TRUE(piece.ok()) << piece.status();
  // 960 file ticks = 4800: 4/4 to 1920, then 3/4 bars to 3360, 4800, 6240.
  EXPECT_EQ(piece->BarAfter().index, 4);
  EXPECT_EQ(piece->BarAfter().begin.count(), 6240);
  EXPECT_EQ(piece->BarAfter().meter, (Meter{3, 4}));
}

TEST(Piece, WithoutATempoAtTheStartItIs120) {
  MidiFile file = FileWith({On(0, 60), Off(96, 60)});
  EXPECT_EQ(PieceOf(file)->tempos, (std::vector<TempoChange>{{Ticks(), 120}}));
  file.tempos = {{96, 1'000'000}};
  EXPECT_EQ(PieceOf(file)->tempos,
            (std::vector<TempoChange>{{Ticks(), 120}, {Ticks::Of(480), 60}}));
  file.tempos = {{0, 400'000}, {0, 1'000'000}};  // the last one counts
  EXPECT_EQ(PieceOf(file)->tempos, (std::vector<TempoChange>{{Ticks(), 60}}));
}

TEST(Piece, WhatIsNoPromptIsNamed) {
  const auto problem = [](const MidiFile& file) {
    return std::string(PieceOf(file).status().message());
  };
  EXPECT_THAT(problem(FileWith({On(0, 40, 9), Off(9, 40, 9)})),
              HasSubstr("no note but drums"));
  MidiFile file = FileWith({On(0, 60), Off(96, 60)});
  file.meters = {{0, 4, 64}};
  EXPECT_THAT(problem(file), HasSubstr("a bar of 4/64"));
  constexpr int64_t kFar = int64_t{1} << 40;
  EXPECT_THAT(problem(FileWith({On(kFar, 60), Off(kFar + 9, 60)})),
              HasSubstr("longer than any piece"));
}

// Not in time that grows with the square.
TEST(Piece, AMillionNotesTemposAndMetersAreAPiece) {
  constexpr int kMany = 1'000'000;
  std::vector<MidiFileEvent> events;
  MidiFile meters;
  for (int i = 0; i < kMany; ++i) {
    events.push_back(On(i, static_cast<uint8_t>(i % 128)));
    events.push_back(Off(i + 1, static_cast<uint8_t>(i % 128)));
    meters.tempos.push_back({i, static_cast<uint32_t>(300'000 + i % 7)});
    meters.meters.push_back({i, 3 + i % 2, 4});
  }
  MidiFile file = FileWith(std::move(events));
  file.tempos = std::move(meters.tempos);
  file.meters = std::move(meters.meters);
  const auto piece = PieceOf(file);
  ASSERT_TRUE(piece.ok()) << piece.status();
  EXPECT_EQ(piece->notes.size(), static_cast<size_t>(kMany));
  EXPECT_GT(piece->BarAfter().begin, piece->notes.back().tick);
}

TEST(Piece, TimesBeyondAnyMusicAreRefusedOrCut) {
  constexpr int64_t kFar = int64_t{1} << 40;
  // A note that lasts for years is a note.
  const auto piece = PieceOf(FileWith({On(0, 60), Off(kFar, 60)}));
  ASSERT_TRUE(piece.ok()) << piece.status();
  EXPECT_EQ(piece->notes.size(), 1u);
  EXPECT_EQ(piece->BarAfter().begin, Ticks::Of(4 * kTicksPerQuarter));
  for (const int64_t at : {kFar, std::numeric_limits<int64_t>::max() / 1000}) {
    EXPECT_FALSE(PieceOf(FileWith({On(at, 60), Off(at + 1, 60)})).ok()) << at;
  }
}

TEST(Piece, EachNoteKnowsItsTrack) {
  MidiFile file = FileWith({On(96, 60), Off(192, 60)});
  file.tracks.push_back(file.tracks[0]);
  file.tracks[1].events = {On(0, 62), Off(96, 62), On(100, 64), Off(150, 64)};
  const absl::StatusOr<Piece> piece = PieceOf(file);
  ASSERT_TRUE(piece.ok()) << piece.status();
  ASSERT_EQ(piece->notes.size(), 3u);
  EXPECT_EQ(piece->notes[0].pitch, 62);
  EXPECT_EQ(piece->tracks, (std::vector<size_t>{1, 0, 1}));
}

}  // namespace
}  // namespace antiphon::inference
