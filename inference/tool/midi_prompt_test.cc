// SPDX-License-Identifier: Apache-2.0
#include "inference/tool/midi_prompt.h"

#include <gtest/gtest.h>

#include <vector>

namespace antiphon::inference {
namespace {

TEST(MidiPrompt, AFileHoldsBothPlayersAndNoNoteHangs) {
  MidiFile file;
  file.ticks_per_quarter = 96;
  file.tracks.resize(1);
  file.tracks[0].events = {{0, 3, {0x90, 60, 80}}, {96, 3, {0x80, 60, 0}}};
  file.tempos = {{0, 400'000}};
  file.meters = {{0, 6, 8}};
  const Note long_note{.tick = Ticks::Of(1440),
                       .duration = Ticks::Of(900),
                       .pitch = 70,
                       .velocity = 50};
  Note again = long_note;
  again.tick = Ticks::Of(1800);
  const MidiFile both = FileOf(*PieceOf(file), {long_note, again});
  EXPECT_EQ(both.ticks_per_quarter, 480);
  EXPECT_EQ(both.tempos, file.tempos);
  EXPECT_EQ(both.meters, file.meters);
  ASSERT_EQ(both.tracks.size(), 2u);
  EXPECT_EQ(both.tracks[0].name, "human");
  EXPECT_EQ(both.tracks[1].name, "answer");
  const std::vector<MidiFileEvent> wanted = {{1440, 3, {0x90, 70, 50}},
                                             {1800, 3, {0x80, 70, 0}},
                                             {1800, 3, {0x90, 70, 50}},
                                             {2700, 3, {0x80, 70, 0}}};
  EXPECT_EQ(both.tracks[1].events, wanted);
}

}  // namespace
}  // namespace antiphon::inference
