// SPDX-License-Identifier: Apache-2.0
#include "inference/train/training_piece.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <utility>

#include "common/midi/midi_file.h"
#include "inference/model/model.h"

namespace antiphon::inference {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

// In ticks of 480 a quarter note.
MidiFileEvent On(int64_t tick, uint8_t pitch, uint8_t velocity = 80) {
  return {tick, 3, {0x90, pitch, velocity}};
}
MidiFileEvent Off(int64_t tick, uint8_t pitch) {
  return {tick, 3, {0x80, pitch, 0}};
}
MidiFileTrack Track(std::string name, std::vector<MidiFileEvent> events) {
  const int64_t end = events.back().tick;
  return {std::move(name), std::move(events), end};
}

class TrainingPieceTest : public testing::Test {
 protected:
  TrainingPieceTest() {
    const auto* test = testing::UnitTest::GetInstance()->current_test_info();
    folder_ = fs::path(testing::TempDir()) / "training_piece" / test->name();
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }

  std::string Write(const MidiFile& file, const std::string& name) {
    const fs::path path = folder_ / name;
    fs::create_directories(path.parent_path());
    EXPECT_TRUE(WriteMidiFile(file, path.string()).ok());
    return path.generic_string();
  }
  TrainingPiece Read(const MidiFile& file) {
    auto piece = ReadTrainingPiece(Write(file, "piece.mid"));
    EXPECT_TRUE(piece.ok()) << piece.status();
    return *std::move(piece);
  }
  absl::StatusOr<TrainingFolder> ReadAll() {
    return ReadFolder(folder_.generic_string(), [this](size_t done, size_t of) {
      progress_.emplace_back(done, of);
    });
  }

  fs::path folder_;
  std::vector<std::pair<size_t, size_t>> progress_;
};

TEST_F(TrainingPieceTest, EveryBarIsAsLongWhateverItsMeter) {
  MidiFile file;
  // A bar of 4/4, two of 3/4, one of 6/8; a note on each line and one after.
  file.meters = {{0, 4, 4}, {1920, 3, 4}, {4800, 6, 8}};
  file.tracks = {
      Track("", {On(0, 60), Off(960, 60), On(1920, 61), Off(2400, 61),
                 On(3360, 62), Off(4080, 62), On(4800, 63), Off(5520, 63),
                 On(5520, 64), Off(6240, 64)})};
  const TrainingPiece piece = Read(file);
  EXPECT_THAT(piece.notes,
              ElementsAre(TrainingNote{{0, 1200, 60, 80}, kWhole},
                          TrainingNote{{2400, 800, 61, 80}, kWhole},
                          TrainingNote{{4800, 1200, 62, 80}, kWhole},
                          TrainingNote{{7200, 1200, 63, 80}, kWhole},
                          TrainingNote{{8400, 1200, 64, 80}, kWhole}));
  EXPECT_THAT(piece.meters,
              ElementsAre(Meter{4, 4}, Meter{3, 4}, Meter{3, 4}, Meter{6, 8}));
}

TEST_F(TrainingPieceTest, TracksAreRolesAndAUnisonIsEveryones) {
  MidiFile file;
  file.tracks = {
      Track("MELODY", {On(0, 72, 50), Off(480, 72), On(960, 60), Off(970, 60)}),
      Track("RH", {On(0, 64), On(0, 72), Off(240, 72), Off(240, 64)}),
      Track("LH", {On(0, 48), Off(480, 48)}),
      Track("Piano", {On(0, 50), Off(480, 50)})};
  EXPECT_THAT(
      Read(file).notes,
      ElementsAre(TrainingNote{{0, 600, 48, 80}, kLeftHand},
                  TrainingNote{{0, 600, 50, 80}, kWhole},
                  TrainingNote{{0, 300, 64, 80}, kRightHand},
                  TrainingNote{{0, 600, 72, 80}, Roles{kMelody | kRightHand}},
                  TrainingNote{{1200, 13, 60, 80}, kMelody}));
}

TEST_F(TrainingPieceTest, ThePedalLengthensNotes) {
  MidiFile file;
  file.tracks = {Track("", {{0, 3, {0xB0, 64, 127}},
                            On(0, 60),
                            Off(240, 60),
                            {960, 3, {0xB0, 64, 0}}})};
  EXPECT_THAT(Read(file).notes,
              ElementsAre(TrainingNote{{0, 1200, 60, 80}, kWhole}));
}

TEST_F(TrainingPieceTest, ANoteFarFromAllMusicIsRefused) {
  MidiFile file;
  const int64_t last = kMaxTrainingBars * 1920 - 1;
  file.tracks = {Track("", {On(last, 60), Off(last + 9, 60)})};
  EXPECT_EQ(Read(file).bars(), kMaxTrainingBars);
  file.tracks = {Track("", {On(last + 1, 60), Off(last + 9, 60)})};
  const auto piece = ReadTrainingPiece(Write(file, "far.mid"));
  EXPECT_THAT(std::string(piece.status().message()),
              HasSubstr("more than 20000 bars"));
}

TEST_F(TrainingPieceTest, AFolderIsReadInOrderAndABadFileSkipped) {
  MidiFile file;
  file.tracks = {Track("", {On(0, 60), Off(480, 60)})};
  const std::string late = Write(file, "b.mid");
  const std::string upper = Write(file, "a/Z.MIDI");
  const std::string early = Write(file, "a/A.mid");
  const std::string bad = (folder_ / "a" / "bad.mid").generic_string();
  std::ofstream(bad) << "no MIDI";
  std::ofstream(folder_ / "notes.txt") << "no MIDI either";
  fs::create_directory(folder_ / "folder.mid");
  const auto read = ReadAll();
  ASSERT_TRUE(read.ok()) << read.status();
  ASSERT_EQ(read->pieces.size(), 3u);
  EXPECT_EQ(read->pieces[0].name, early);
  EXPECT_EQ(read->pieces[1].name, upper);
  EXPECT_EQ(read->pieces[2].name, late);
  ASSERT_EQ(read->skipped.size(), 1u);
  EXPECT_EQ(read->skipped[0].name, bad);
  EXPECT_THAT(read->skipped[0].reason, HasSubstr("byte 0"));
  EXPECT_THAT(read->skipped[0].reason, Not(HasSubstr(bad)));
  EXPECT_THAT(progress_, ElementsAre(std::pair(1, 4), std::pair(2, 4),
                                     std::pair(3, 4), std::pair(4, 4)));
}

TEST_F(TrainingPieceTest, AFolderWithoutMusicIsNamed) {
  const std::string folder = folder_.generic_string();
  EXPECT_THAT(std::string(ReadAll().status().message()),
              HasSubstr(folder + " has no .mid or .midi file"));
  const std::string bad = (folder_ / "bad.mid").generic_string();
  std::ofstream(bad) << "no MIDI";
  EXPECT_THAT(std::string(ReadAll().status().message()),
              HasSubstr("none of them usable; " + bad));
  fs::remove_all(folder_);
  EXPECT_THAT(std::string(ReadAll().status().message()),
              HasSubstr(folder + " cannot be read as a folder"));
}

TEST(TrainingFolder, TheRehearsalPerformersAreMusic) {
  const auto read =
      ReadFolder(ANTIPHON_SOURCE_DIR "/examples", [](size_t, size_t) {});
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->pieces.size(), 6u);
  EXPECT_TRUE(read->skipped.empty());
  for (const TrainingPiece& piece : read->pieces) {
    EXPECT_GE(piece.bars(), 8) << piece.name;
    EXPECT_LT(piece.notes.back().note.onset_ms, piece.bars() * kWarpedBarMs)
        << piece.name;
    EXPECT_GE(piece.notes.back().note.onset_ms,
              (piece.bars() - 1) * kWarpedBarMs)
        << piece.name;
  }
}

}  // namespace
}  // namespace antiphon::inference
