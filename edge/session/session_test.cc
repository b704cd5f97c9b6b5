// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "edge/session/bar_log.h"
#include "edge/session/session_writer.h"

namespace antiphon::edge {
namespace {

MonoTime Ms(int64_t ms) { return MonoTime::FromNanos(ms * 1'000'000); }

TEST(BarLog, HasTheFieldsOfTheDesignInOrder) {
  BarRecord record;
  record.play_seq = 4;
  record.bar_index = 2;
  record.epoch = 1;
  record.answers = 2;
  record.outcome = Outcome::kAnswer;
  record.reason = Reason::kInTime;
  record.slack_ms = 1.5;
  record.notes = 3;
  record.sent = 3;
  record.tempo = 120;
  EXPECT_EQ(FormatJsonLine(record, "mirror"),
            R"({"play_seq":4,"bar_index":2,"epoch":1,"answers":2,"lag":1,)"
            R"("outcome":"answer","reason":"in_time","slack_ms":1.5,"notes":3,)"
            R"("sent":3,"late":0,"first_note_error_us":null,"tempo":120.0,)"
            R"("model":"mirror"})");
}

TEST(SessionWriter, NotesKeepTheirPlaceBetweenTheLines) {
  SessionWriter writer;
  BarSpan bar{0, 0, Ticks(), Ticks::Of(1920), Meter{}};
  writer.OnBar(Ms(1000), bar, 1);
  writer.OnBar(Ms(3000), bar, 1);  // 120 BPM
  writer.OnBar(Ms(7000), bar, 1);  // 60 BPM
  writer.OnBar(Ms(11000), bar, 1);
  writer.OnHuman({Ms(1500), MidiMessage::NoteOn(0, 60, 80)});
  writer.OnHuman({Ms(2000), MidiMessage::NoteOff(0, 60)});
  writer.OnHuman({Ms(2000), MidiMessage::Clock()});
  writer.OnAnswer({Ms(4000), MidiMessage::NoteOn(0, 62, 80)});
  const MidiFile file = writer.ToMidiFile();
  ASSERT_EQ(file.tracks.size(), 2u);
  EXPECT_EQ(file.tracks[0].name, "human");
  ASSERT_EQ(file.tracks[0].events.size(), 2u);
  EXPECT_EQ(file.tracks[0].events[0].tick, 480);
  EXPECT_EQ(file.tracks[0].events[1].tick, 960);
  EXPECT_EQ(file.tracks[1].events[0].tick, 1920 + 480);
  ASSERT_EQ(file.tempos.size(), 2u);
  EXPECT_EQ(file.tempos[1].us_per_quarter, 1'000'000u);
  // What still sounded at the end got its off.
  EXPECT_EQ(file.tracks[1].events.size(), 2u);
}

TEST(SessionWriter, TheTailBeginsAtItsBarWithoutNotesFromBefore) {
  SessionWriter writer;
  BarSpan bar{0, 0, Ticks(), Ticks::Of(1920), Meter{}};
  for (int i = 0; i < 5; ++i) writer.OnBar(Ms(1000 + 2000 * i), bar, 1);
  writer.OnHuman({Ms(4000), MidiMessage::NoteOn(0, 60, 80)});
  writer.OnHuman({Ms(5500), MidiMessage::NoteOff(0, 60)});
  writer.OnHuman({Ms(6000), MidiMessage::NoteOn(0, 61, 80)});
  writer.OnHuman({Ms(6500), MidiMessage::NoteOff(0, 61)});
  // 6.2 s falls into the bar that began at 5 s.
  const MidiFile file = writer.Since(Ms(6200)).ToMidiFile();
  ASSERT_EQ(file.tracks[0].events.size(), 2u);
  EXPECT_EQ(file.tracks[0].events[0].tick, 480 * 2);
  EXPECT_EQ(file.tracks[0].events[0].bytes[1], 61);
  EXPECT_EQ(writer.Since(Ms(0)).ToMidiFile(), writer.ToMidiFile());
}

TEST(SessionWriter, TheLastBarHasItsOwnTempoWhereItsEndIsTold) {
  SessionWriter writer;
  const BarSpan bar{0, 0, Ticks(), Ticks::Of(1920), Meter{}};
  writer.OnBar(Ms(1000), bar, 1);
  writer.OnBarEnd(Ms(3000));  // 120 BPM
  writer.OnBar(Ms(3000), bar, 1);
  writer.OnBarEnd(Ms(7000));  // 60 BPM
  writer.OnAnswer({Ms(4000), MidiMessage::NoteOn(0, 62, 80)});
  const MidiFile file = writer.ToMidiFile();
  EXPECT_EQ(file.tracks[1].events[0].tick, 1920 + 480);
  ASSERT_EQ(file.tempos.size(), 2u);
  EXPECT_EQ(file.tempos[1].us_per_quarter, 1'000'000u);
}

}  // namespace
}  // namespace antiphon::edge
