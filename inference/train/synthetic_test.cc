// SPDX-License-Identifier: Apache-2.0
#include "inference/train/synthetic.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <tuple>

#include "absl/strings/str_replace.h"
#include "common/midi/midi_file.h"
#include "inference/model/model.h"
#include "inference/train/melody.h"

namespace antiphon::inference {
namespace {

constexpr int kPieces = 60;
constexpr int64_t kBeatMs = kWarpedBarMs / 4;

class Synthetic : public testing::TestWithParam<Style> {
 protected:
  std::vector<SyntheticPiece> MakeSome(uint64_t seed = 1) const {
    Random random(seed);
    std::vector<SyntheticPiece> made;
    for (int i = 0; i < kPieces; ++i) {
      made.push_back(MakePiece(GetParam(), random));
    }
    return made;
  }
};

const Chord& ChordAt(const SyntheticPiece& made, int64_t ms) {
  return made.chords[static_cast<size_t>(ms / (kWarpedBarMs / 2))];
}

TEST_P(Synthetic, BarsAreFilledAndNotesWithinTheirRanges) {
  for (const SyntheticPiece& made : MakeSome()) {
    const TrainingPiece& piece = made.piece;
    SCOPED_TRACE(piece.name);
    EXPECT_GE(piece.bars(), 16);
    EXPECT_LE(piece.bars(), 32);
    EXPECT_EQ(made.chords.size(), static_cast<size_t>(2 * piece.bars()));
    std::set<std::pair<Roles, int64_t>> filled;
    for (const TrainingNote& note : piece.notes) {
      filled.insert({note.tags, note.note.onset_ms / kWarpedBarMs});
      EXPECT_LT(note.note.onset_ms, piece.bars() * kWarpedBarMs);
      EXPECT_GE(note.note.duration_ms, 10);
      EXPECT_GE(note.note.velocity, 30);
      EXPECT_LE(note.note.velocity, 120);
      const int low = note.tags == kLeftHand ? 28 : 50;
      const int high = note.tags == kLeftHand ? 69 : 92;
      EXPECT_GE(note.note.pitch, low);
      EXPECT_LE(note.note.pitch, high);
    }
    for (int64_t bar = 0; bar < piece.bars(); ++bar) {
      EXPECT_TRUE(filled.contains({kLeftHand, bar})) << bar;
      EXPECT_TRUE(filled.contains({kRightHand, bar})) << bar;
      EXPECT_TRUE(filled.contains({kMelody, bar})) << bar;
    }
  }
}

TEST_P(Synthetic, StrongBeatsAreInTheChord) {
  int melody = 0, melody_in = 0, bass = 0, bass_in = 0, weak = 0, weak_in = 0;
  for (const SyntheticPiece& made : MakeSome()) {
    for (const TrainingNote& each : made.piece.notes) {
      const TimedNote& note = each.note;
      const Chord& chord = ChordAt(made, note.onset_ms);
      const bool in = Holds(chord.tones, note.pitch);
      const bool strong = note.onset_ms % (2 * kBeatMs) == 0;
      if (each.tags == kMelody) {
        (strong ? melody : weak) += 1;
        (strong ? melody_in : weak_in) += in ? 1 : 0;
      } else if (each.tags == kLeftHand && note.onset_ms % kWarpedBarMs == 0) {
        ++bass;
        bass_in += PitchClass(note.pitch) == chord.root ? 1 : 0;
      }
    }
  }
  EXPECT_EQ(melody_in, melody);
  EXPECT_EQ(bass_in, bass);
  const double share = static_cast<double>(weak_in) / weak;
  EXPECT_GT(share, .4);  // of all twelve, four are
  EXPECT_LT(share, .95);
}

TEST_P(Synthetic, EighthsSwingAsAsked) {
  std::set<bool> swung;
  for (const SyntheticPiece& made : MakeSome()) {
    SCOPED_TRACE(made.piece.name);
    swung.insert(made.swing > 1);
    int offbeats = 0;
    for (const TrainingNote& note : made.piece.notes) {
      const auto in_beat = static_cast<double>(note.note.onset_ms % kBeatMs);
      if (in_beat == 0) continue;
      ++offbeats;
      EXPECT_NEAR(in_beat / (kBeatMs - in_beat), made.swing, .015);
    }
    EXPECT_GT(offbeats, 16);
    if (made.swing > 1) {
      EXPECT_GE(made.swing, 1.5);
      EXPECT_LE(made.swing, 2.2);
    }
  }
  const bool always =
      GetParam() == Style::kBlues || GetParam() == Style::kSwing;
  EXPECT_EQ(swung.contains(true), always || GetParam() == Style::kBoogie);
  EXPECT_EQ(swung.contains(false), !always);
}

TEST_P(Synthetic, KeysComeAndTheSeedSaysAll) {
  std::set<std::string> names;
  for (const SyntheticPiece& made : MakeSome()) names.insert(made.piece.name);
  EXPECT_GE(names.size(), 10u);  // of twelve
  const auto one = MakeSome(7), same = MakeSome(7), other = MakeSome(8);
  EXPECT_EQ(one[3].piece.notes, same[3].piece.notes);
  EXPECT_NE(one[3].piece.notes, other[3].piece.notes);
}

// An answer begins with its call's rhythm, on much the same line.
TEST_P(Synthetic, AnswersTakeTheirCallsUp) {
  int same_direction = 0, moves = 0, same_rhythm = 0, bars = 0;
  for (const SyntheticPiece& made : MakeSome()) {
    std::map<int64_t, std::vector<TimedNote>> by_bar;
    for (const TrainingNote& note : made.piece.notes) {
      if (note.tags != kMelody) continue;
      by_bar[note.note.onset_ms / kWarpedBarMs].push_back(note.note);
    }
    for (int64_t bar = 0; bar + 4 <= made.piece.bars(); bar += 4) {
      const auto& call = by_bar[bar];
      const auto& answer = by_bar[bar + 2];
      ++bars;
      if (call.size() != answer.size()) continue;
      ++same_rhythm;
      for (size_t i = 1; i < call.size(); ++i) {
        const int up = call[i].pitch - call[i - 1].pitch;
        const int answered = answer[i].pitch - answer[i - 1].pitch;
        if (up == 0 || answered == 0) continue;
        ++moves;
        same_direction += (up > 0) == (answered > 0) ? 1 : 0;
      }
    }
  }
  EXPECT_GT(same_rhythm, bars * 95 / 100);
  EXPECT_GT(same_direction, moves * 65 / 100);
}

// One of each style to listen to, and what is written is read back.
TEST_P(Synthetic, AsAMidiFileItIsTheSamePiece) {
  Random random(11);
  const SyntheticPiece made = MakePiece(GetParam(), random);
  MidiFile file;
  file.tempos = {{0, 600'000}};
  file.meters = {{0, 4, 4}};
  const auto ticks = [](int64_t ms) { return (ms * 8 + 5) / 10; };
  for (const auto& [role, name] :
       {std::pair{kMelody, "MELODY"}, {kRightHand, "RH"}, {kLeftHand, "LH"}}) {
    MidiFileTrack track{name, {}, 0};
    for (const TrainingNote& each : made.piece.notes) {
      if ((each.tags & role) == 0) continue;
      const auto pitch = static_cast<uint8_t>(each.note.pitch);
      const auto velocity = static_cast<uint8_t>(each.note.velocity);
      const int64_t off = ticks(each.note.onset_ms + each.note.duration_ms);
      track.events.push_back(
          {ticks(each.note.onset_ms), 3, {0x90, pitch, velocity}});
      track.events.push_back({off, 3, {0x80, pitch, 0}});
      track.end_tick = std::max(track.end_tick, off);
    }
    std::stable_sort(track.events.begin(), track.events.end(),
                     [](const MidiFileEvent& a, const MidiFileEvent& b) {
                       return std::tie(a.tick, a.bytes[0]) <
                              std::tie(b.tick, b.bytes[0]);
                     });
    file.tracks.push_back(track);
  }
  const std::filesystem::path folder =
      std::filesystem::path(testing::TempDir()) / "synthetic";
  std::filesystem::create_directories(folder);
  const std::string path =
      (folder /
       (absl::StrReplaceAll(ToString(GetParam()), {{" ", "_"}}) + ".mid"))
          .string();
  ASSERT_TRUE(WriteMidiFile(file, path).ok());
  const auto read = ReadTrainingPiece(path);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->bars(), made.piece.bars());
  ASSERT_EQ(read->notes.size(), made.piece.notes.size());
  for (size_t i = 0; i < read->notes.size(); ++i) {
    const TrainingNote& note = read->notes[i];
    const TrainingNote& wanted = made.piece.notes[i];
    EXPECT_EQ(note.tags, wanted.tags) << i;
    EXPECT_EQ(note.note.pitch, wanted.note.pitch) << i;
    EXPECT_LE(std::abs(note.note.onset_ms - wanted.note.onset_ms), 1) << i;
  }
}

INSTANTIATE_TEST_SUITE_P(Styles, Synthetic, testing::ValuesIn(kStyles));

TEST(ReadRhythm, StrikesHoldsAndRests) {
  const auto notes = ReadRhythm(".x-.xx--");
  ASSERT_EQ(notes.size(), 3u);
  EXPECT_EQ(notes[0].step, 2);
  EXPECT_EQ(notes[0].steps, 4);
  EXPECT_EQ(notes[1].step, 8);
  EXPECT_EQ(notes[1].steps, 2);
  EXPECT_EQ(notes[2].step, 10);
  EXPECT_EQ(notes[2].steps, 6);
}

}  // namespace
}  // namespace antiphon::inference
