// SPDX-License-Identifier: Apache-2.0
//
// Performers are pure: their whole output is computed at once and compared.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <initializer_list>
#include <vector>

#include "edge/port/file_performer.h"
#include "edge/port/internal_clock.h"
#include "edge/port/tempo_map.h"

namespace antiphon::edge {
namespace {

using ::testing::HasSubstr;
using Messages = std::vector<TimedMessage>;

constexpr MonoTime kStart = MonoTime::FromNanos(5'000'000'000);

double Seconds(const TimedMessage& m) {
  return absl::ToDoubleSeconds(m.at - kStart);
}

Messages All(FilePerformer performer) {
  Messages out;
  while (auto m = performer.Next()) out.push_back(*m);
  return out;
}

Messages WithoutClocks(const Messages& all) {
  Messages out;
  for (const TimedMessage& m : all) {
    if (!m.message.IsClock()) out.push_back(m);
  }
  return out;
}

MidiFileEvent Event(int64_t tick, const MidiMessage& m) {
  MidiFileEvent event{.tick = tick, .size = static_cast<uint8_t>(m.size())};
  std::copy(m.data(), m.data() + m.size(), event.bytes.begin());
  return event;
}

MidiFile FileOf(std::initializer_list<MidiFileEvent> events) {
  MidiFile file;
  file.ticks_per_quarter = 96;
  file.tracks.push_back({.name = "", .events = events, .end_tick = 0});
  return file;
}

MidiMessage On(int pitch, int channel = 0) {
  return MidiMessage::NoteOn(channel, pitch, 100);
}
MidiMessage Off(int pitch, int channel = 0) {
  return MidiMessage::NoteOff(channel, pitch, 0);
}

Messages Perform(const MidiFile& file, FilePerformer::Options options) {
  options.start = kStart;
  auto performer = FilePerformer::Create(file, options);
  EXPECT_TRUE(performer.ok()) << performer.status();
  return performer.ok() ? All(*performer) : Messages{};
}

std::string Refusal(const MidiFile& file, FilePerformer::Options options = {}) {
  auto performer = FilePerformer::Create(file, options);
  return performer.ok() ? "accepted"
                        : std::string(performer.status().message());
}

const MidiFile kOneNote = FileOf({Event(0, On(60)), Event(96, Off(60))});

TEST(FilePerformer, OneBarByteForByte) {
  const Messages all = Perform(kOneNote, {.tail_bars = 0});
  ASSERT_EQ(all.size(), 2 + 96 + 2 + 1u);
  EXPECT_EQ(all[0].message, MidiMessage::SongPosition(0));
  EXPECT_EQ(all[1].message, MidiMessage::Start());
  EXPECT_DOUBLE_EQ(Seconds(all[1]), -0.001);
  EXPECT_EQ(all[2], (TimedMessage{kStart, MidiMessage::Clock()}));
  EXPECT_EQ(all[3], (TimedMessage{kStart, On(60)}))
      << "clock first, then notes";
  EXPECT_EQ(all.back().message, MidiMessage::Stop());
  EXPECT_DOUBLE_EQ(Seconds(all.back()), 2.0);
  EXPECT_NEAR(Seconds(all[all.size() - 2]), 95 * 0.5 / 24, 1e-9)
      << "the line's own clock is not sent";
}

TEST(FilePerformer, NeverGoesBackInTime) {
  MidiFile file = kOneNote;
  file.tempos = {{50, 400'000}, {51, 1'000'000}, {200, 300'000}};
  for (int i = 0; i < 300; ++i) {
    file.tracks[0].events.push_back(Event(100 + i, On(i % 128)));
  }
  const Messages all = Perform(file, {.tail_bars = 1});
  for (size_t i = 1; i < all.size(); ++i) ASSERT_LE(all[i - 1].at, all[i].at);
}

TEST(FilePerformer, FollowsTheFilesTempoMapBetweenPulsesToo) {
  MidiFile file = FileOf({Event(48, On(60)), Event(100, On(62))});
  file.tempos = {{0, 1'000'000}, {98, 250'000}};
  const Messages all = Perform(file, {.bars = 1});
  const Messages events = WithoutClocks(all);
  EXPECT_NEAR(Seconds(events[2]), 0.5, 1e-9);
  const double change = 98.0 / 96;
  EXPECT_NEAR(Seconds(events[3]), change + 0.25 * 2 / 96, 1e-9);
  EXPECT_NEAR(Seconds(events.back()), change + 0.25 * (4 - change), 1e-9);
}

TEST(FilePerformer, AFixedTempoReplacesTheFiles) {
  MidiFile file = FileOf({Event(48, On(60))});
  file.tempos = {{0, 1'000'000}};
  const Messages events =
      WithoutClocks(Perform(file, {.tempo = 240, .bars = 1}));
  EXPECT_NEAR(Seconds(events[2]), 0.125, 1e-9);
  EXPECT_NEAR(Seconds(events.back()), 1.0, 1e-9);
}

TEST(FilePerformer, AllTracksAndChannelsAndThePedalButNothingElse) {
  MidiFile file = FileOf({Event(0, On(60, 3)), Event(96, Off(60, 3))});
  const MidiMessage pedal = MidiMessage::ControlChange(2, 64, 127);
  const MidiMessage pedal_up = MidiMessage::ControlChange(2, 64, 0);
  file.tracks.push_back(
      {.name = "",
       .events = {Event(0, MidiMessage::FromBytes(0xC2, 5)), Event(0, pedal),
                  Event(0, MidiMessage::ControlChange(2, 7, 90)),
                  Event(10, pedal_up), Event(20, On(40, 2)),
                  Event(30, MidiMessage::NoteOn(2, 40, 0))},
       .end_tick = 0});
  std::vector<MidiMessage> sent;
  for (const TimedMessage& m : WithoutClocks(Perform(file, {}))) {
    sent.push_back(m.message);
  }
  EXPECT_EQ(sent,
            (std::vector<MidiMessage>{
                MidiMessage::SongPosition(0), MidiMessage::Start(), On(60, 3),
                pedal, pedal_up, On(40, 2), MidiMessage::NoteOn(2, 40, 0),
                Off(60, 3), MidiMessage::Stop()}));
}

TEST(FilePerformer, StopsOnALineAndReleasesWhatSounds) {
  const MidiFile file = FileOf(
      {Event(0, On(60)), Event(0, On(60)), Event(0, On(64)),
       Event(1, MidiMessage::ControlChange(0, 64, 90)), Event(384, Off(64)),
       Event(384, On(65)), Event(400, Off(60)), Event(500, Off(60))});
  const Messages events = WithoutClocks(Perform(file, {.bars = 1}));
  std::vector<MidiMessage> closing;
  for (const TimedMessage& m : events) {
    if (Seconds(m) == 2.0) closing.push_back(m.message);
  }
  EXPECT_EQ(closing,
            (std::vector<MidiMessage>{Off(64), Off(60), Off(60),
                                      MidiMessage::ControlChange(0, 64, 0),
                                      MidiMessage::Stop()}));
}

TEST(FilePerformer, EndsAtTheLineAfterTheLastEventPlusTheTail) {
  const auto bars = [](const MidiFile& file, FilePerformer::Options options) {
    return FilePerformer::Create(file, options)->bars();
  };
  const MidiFile on_the_line = FileOf({Event(0, On(60)), Event(768, Off(60))});
  const MidiFile past_it = FileOf({Event(0, On(60)), Event(769, Off(60))});
  EXPECT_EQ(bars(on_the_line, {.tail_bars = 0}), 2);
  EXPECT_EQ(bars(past_it, {.tail_bars = 0}), 3);
  EXPECT_EQ(bars(past_it, {.tail_bars = 3}), 6);
  EXPECT_EQ(bars(past_it, {.bars = 1}), 1);
  EXPECT_EQ(bars(past_it, {.bars = 9}), 9);
}

TEST(FilePerformer, MetersComeAsBars) {
  MidiFile file = FileOf({Event(0, On(60)), Event(1000, Off(60))});
  file.meters = {{0, 3, 4}, {288, 6, 8}, {300, 5, 4}};
  auto performer = FilePerformer::Create(file, {.start = kStart, .bars = 3});
  ASSERT_TRUE(performer.ok());
  EXPECT_EQ(performer->meters().BarAt(Ticks::Of(0)).meter, (Meter{3, 4}));
  EXPECT_EQ(performer->meters().BarAt(Ticks::Of(1440)).meter, (Meter{6, 8}));
  const HostBar last = performer->meters().BarAt(Ticks::Of(2880));
  EXPECT_EQ(last.meter, (Meter{5, 4})) << "takes hold at the next line";
  EXPECT_EQ(last.index, 2);
  EXPECT_DOUBLE_EQ(absl::ToDoubleSeconds(performer->end() - kStart),
                   (3 + 3 + 5) * 0.5);
}

TEST(FilePerformer, RefusalsSayWhatToDo) {
  EXPECT_THAT(Refusal(FileOf({})), HasSubstr("no notes"));
  EXPECT_THAT(Refusal(FileOf({Event(0, Off(60))})), HasSubstr("no notes"));
  EXPECT_THAT(Refusal(kOneNote, {.tempo = 19.9}), HasSubstr("19.9"));
  EXPECT_THAT(Refusal(kOneNote, {.tempo = 0.0 / 0.0}), HasSubstr("nan"));
  EXPECT_THAT(Refusal(kOneNote, {.bars = -1}), HasSubstr("bars -1"));
  EXPECT_THAT(Refusal(kOneNote, {.tempo = 20, .bars = 90'000}),
              HasSubstr("24 hours"));
  MidiFile slow = kOneNote;
  slow.tempos = {{0, 6'000'000}};
  EXPECT_THAT(Refusal(slow), HasSubstr("10 is not in 20"));
  EXPECT_EQ(Refusal(slow, {.tempo = 60}), "accepted");
  MidiFile odd = kOneNote;
  odd.meters = {{0, 65, 4}};
  EXPECT_THAT(Refusal(odd), HasSubstr("65/4"));
  EXPECT_THAT(Refusal(FileOf({Event(int64_t{1} << 50, On(1))})),
              HasSubstr("24 hours"));
}

TEST(TempoMap, WithoutATempoAFileBeginsAt120) {
  MidiFile file;
  file.tempos = {{480, 250'000}, {480, 1'000'000}};
  const TempoMap map = TempoMap::OfFile(file);
  EXPECT_DOUBLE_EQ(map.tempo_at(0), 120);
  EXPECT_DOUBLE_EQ(map.SecondsAt(1), 0.5);
  EXPECT_DOUBLE_EQ(map.tempo_at(1), 60) << "of two at a tick the last holds";
  EXPECT_DOUBLE_EQ(map.SecondsAt(3), 2.5);
}

TEST(InternalClock, PulsesStayOnTheGrid) {
  auto clock = InternalClock::Create({.start = kStart, .tempo = 133.3});
  ASSERT_TRUE(clock.ok());
  EXPECT_EQ(clock->Next()->message, MidiMessage::SongPosition(0));
  EXPECT_EQ(*clock->Next(), (TimedMessage{kStart - absl::Milliseconds(1),
                                          MidiMessage::Start()}));
  for (int pulse = 0; pulse < 100'000; ++pulse) {
    const TimedMessage m = *clock->Next();
    ASSERT_TRUE(m.message.IsClock());
    ASSERT_NEAR(Seconds(m), pulse * 60 / (24 * 133.3), 1e-9);
  }
}

TEST(InternalClock, TempoOutOfRangeIsRefused) {
  for (double tempo : {0.0, 19.99, 999.1, -120.0, 0.0 / 0.0}) {
    EXPECT_FALSE(InternalClock::Create({.tempo = tempo}).ok()) << tempo;
  }
  EXPECT_TRUE(InternalClock::Create({.tempo = 20}).ok());
  EXPECT_TRUE(InternalClock::Create({.tempo = 999}).ok());
}

}  // namespace
}  // namespace antiphon::edge
