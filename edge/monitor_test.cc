// SPDX-License-Identifier: Apache-2.0
#include "edge/monitor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "absl/strings/str_cat.h"

namespace antiphon::edge {
namespace {

using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;

MonoTime Ms(double ms) {
  return MonoTime::FromNanos(static_cast<int64_t>(ms * 1e6));
}

TEST(ClockMeter, KnownTempoAndJitterAreReadBack) {
  for (double tempo : {60.0, 120.0, 200.0}) {
    for (double jitter_ms : {0.0, 0.5, 2.0}) {
      SCOPED_TRACE(absl::StrCat(tempo, " BPM, jitter ", jitter_ms));
      std::mt19937 random(1);
      std::normal_distribution<double> noise(0, 1);
      double jitter_sum = 0;
      ClockMeter meter;
      double at = 1000;
      constexpr int kReadings = 50;
      for (int i = 0; i < kReadings * 48; ++i) {
        meter.OnPulse(Ms(at + jitter_ms * noise(random)));
        at += 60'000 / tempo / 24;
        if (i % 48 != 47) continue;
        const auto reading = meter.Read();
        ASSERT_TRUE(reading.has_value());
        EXPECT_NEAR(reading->quarters_per_minute, tempo,
                    0.01 + jitter_ms * tempo * tempo / 60'000);
        jitter_sum += absl::ToDoubleMilliseconds(reading->jitter);
      }
      EXPECT_NEAR(jitter_sum / kReadings, jitter_ms, 0.1 * jitter_ms + 0.001);
    }
  }
}

TEST(ClockMeter, AGapBeginsAnew) {
  ClockMeter meter;
  for (int i = 0; i < 30; ++i) meter.OnPulse(Ms(20 * i));
  EXPECT_TRUE(meter.Read().has_value());
  meter.OnPulse(Ms(2000));
  EXPECT_FALSE(meter.Read().has_value());
  for (int i = 1; i < 24; ++i) meter.OnPulse(Ms(2000 + 10 * i));
  ASSERT_TRUE(meter.Read().has_value());
  EXPECT_NEAR(meter.Read()->quarters_per_minute, 250, 0.1);
  EXPECT_EQ(meter.pulses(), 54u);
}

TEST(Monitor, SaysWhatAMessageMeans) {
  EXPECT_EQ(Describe(MidiMessage::NoteOn(0, 60, 80)),
            "note on   60 C4   velocity 80  channel 1");
  EXPECT_EQ(Describe(MidiMessage::NoteOn(15, 60, 0)),
            "note off  60 C4   channel 16");
  EXPECT_EQ(Describe(MidiMessage::NoteOff(0, 127)),
            "note off  127 G9  channel 1");
  EXPECT_EQ(Describe(MidiMessage::ControlChange(1, 64, 127)),
            "control   64 (pedal) = 127  channel 2");
  EXPECT_EQ(Describe(MidiMessage::FromBytes(0xE0, 0, 64)),
            "bend      0  channel 1");
  EXPECT_EQ(Describe(MidiMessage::FromBytes(0xC3, 4)),
            "program   5  channel 4");
  EXPECT_EQ(Describe(MidiMessage::FromBytes(0xD0, 9)),
            "pressure  9  channel 1");
  EXPECT_EQ(Describe(MidiMessage::SongPosition(64)), "position  64 sixteenths");
  EXPECT_EQ(Describe(MidiMessage::Stop()), "STOP");
  EXPECT_EQ(Describe(MidiMessage::FromBytes(0xF6)), "system    0xF6");
}

class MonitorTest : public ::testing::Test {
 protected:
  // 120 BPM in 3/4 from 1 s on; what was said.
  std::vector<std::string> Play(int pulses) {
    std::vector<std::string> lines;
    lines.push_back(monitor_.OnMessage(1, {Ms(999), MidiMessage::Start()}));
    for (int i = 0; i < pulses; ++i) {
      const auto line = monitor_.OnMessage(
          1, {Ms(1000 + i * 500.0 / 24), MidiMessage::Clock()});
      if (!line.empty()) lines.push_back(line);
    }
    return lines;
  }
  Monitor monitor_{MeterMap(Meter{3, 4}), {"in", "clock"}, Ms(0)};
};

TEST_F(MonitorTest, ClocksAreToldOnceABeatWithBarAndBeat) {
  const std::vector<std::string> lines = Play(24 * 8);
  ASSERT_EQ(lines.size(), 9u);
  EXPECT_THAT(lines[0], AllOf(HasSubstr("    0.999  clock  START"),
                              EndsWith("| stopped")));
  EXPECT_THAT(lines[1], HasSubstr("1 pulse "));
  EXPECT_THAT(lines[8],
              AllOf(HasSubstr("24 pulses  120.00 BPM  jitter 0.00 ms"),
                    HasSubstr("| bar 3.2  120.00 BPM  locked")));
}

TEST_F(MonitorTest, NotesShowWhereTheyFall) {
  Play(24 * 4);
  EXPECT_THAT(monitor_.OnMessage(0, {Ms(2990), MidiMessage::NoteOn(0, 60, 9)}),
              AllOf(HasSubstr("    2.990  in     note on   60 C4"),
                    HasSubstr("| bar 2.1  120.00 BPM")));
  EXPECT_EQ(monitor_.OnMessage(0, {Ms(2991), MidiMessage::FromBytes(0xFE)}),
            "");
}

TEST_F(MonitorTest, ALostClockIsTold) {
  Play(24 * 4);
  EXPECT_EQ(monitor_.OnTime(Ms(3000)), "");
  EXPECT_THAT(monitor_.OnTime(Ms(4000)),
              AllOf(HasSubstr("clock lost"), EndsWith("| stopped")));
  EXPECT_EQ(monitor_.OnTime(Ms(5000)), "");
}

}  // namespace
}  // namespace antiphon::edge
