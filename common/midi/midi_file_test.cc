// SPDX-License-Identifier: Apache-2.0
#include "common/midi/midi_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <string_view>

#include "absl/strings/str_cat.h"

namespace antiphon {
namespace {

using ::testing::HasSubstr;
using Bytes = std::vector<uint8_t>;

Bytes operator+(Bytes a, const Bytes& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

Bytes Chunk(std::string_view name, const Bytes& body) {
  Bytes out(name.begin(), name.end());
  for (int shift = 24; shift >= 0; shift -= 8) {
    out.push_back(static_cast<uint8_t>(body.size() >> shift));
  }
  return out + body;
}

Bytes Header(uint8_t format, uint16_t tracks, uint16_t division) {
  const auto high = [](uint16_t v) { return static_cast<uint8_t>(v >> 8); };
  const auto low = [](uint16_t v) { return static_cast<uint8_t>(v); };
  return Chunk("MThd", {0, format, high(tracks), low(tracks), high(division),
                        low(division)});
}

const Bytes kEnd = {0x00, 0xFF, 0x2F, 0x00};

absl::StatusOr<MidiFile> ParseTrack(const Bytes& events) {
  return ParseMidiFile(Header(0, 1, 480) + Chunk("MTrk", events + kEnd));
}

MidiFileEvent Event(int64_t tick, std::initializer_list<uint8_t> bytes) {
  MidiFileEvent event;
  event.tick = tick;
  event.size = static_cast<uint8_t>(bytes.size());
  std::copy(bytes.begin(), bytes.end(), event.bytes.begin());
  return event;
}

MidiFile Song() {
  MidiFile song;
  song.ticks_per_quarter = 96;
  song.tempos = {{0, 500'000}, {384, 431'654}};
  song.meters = {{0, 4, 4}, {384, 6, 8}, {384, 7, 16}};
  MidiFileTrack human{.name = "human", .events = {}, .end_tick = 900};
  human.events = {Event(0, {0x90, 60, 100}), Event(0, {0x90, 64, 90}),
                  Event(96, {0x80, 60, 0}),  Event(97, {0x90, 64, 0}),
                  Event(97, {0xC3, 7}),      Event(500, {0xE0, 0, 0x40})};
  song.tracks = {human, MidiFileTrack{.name = "", .events = {}, .end_tick = 3}};
  return song;
}

Bytes ToBytes(const std::string& text) { return {text.begin(), text.end()}; }

TEST(MidiFile, WhatIsWrittenReadsBackTheSame) {
  const MidiFile song = Song();
  auto back = ParseMidiFile(ToBytes(SerializeMidiFile(song)));
  ASSERT_TRUE(back.ok()) << back.status();
  ASSERT_EQ(back->tracks.size(), 3u);
  EXPECT_TRUE(back->tracks[0].events.empty()) << "front track holds only maps";
  back->tracks.erase(back->tracks.begin());
  EXPECT_EQ(*back, song);
}

TEST(MidiFile, SilenceLongerThanADeltaTimeSurvives) {
  MidiFile song;
  song.tracks.push_back({.name = "long",
                         .events = {Event(int64_t{1} << 30, {0x90, 1, 2})},
                         .end_tick = int64_t{1} << 31});
  auto back = ParseMidiFile(ToBytes(SerializeMidiFile(song)));
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(back->tracks[1], song.tracks[0]);
}

TEST(MidiFile, RunningStatusIsExpanded) {
  auto file = ParseTrack({0x00, 0x91, 60, 100, 0x10, 60, 0, 0x00, 62, 1});
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(file->tracks[0].events,
            (std::vector<MidiFileEvent>{Event(0, {0x91, 60, 100}),
                                        Event(16, {0x91, 60, 0}),
                                        Event(16, {0x91, 62, 1})}));
}

TEST(MidiFile, MetaAndSysExEndRunningStatus) {
  const Bytes note = {0x00, 0x90, 60, 100};
  const Bytes data_alone = {0x00, 62, 100};
  const Bytes text = {0x00, 0xFF, 0x01, 0x01, 'x'};
  const Bytes sysex = {0x00, 0xF0, 0x02, 0x01, 0xF7};
  EXPECT_TRUE(ParseTrack(note + text + note + sysex + note).ok());
  for (const Bytes& between : {text, sysex}) {
    auto file = ParseTrack(note + between + data_alone);
    ASSERT_FALSE(file.ok());
    EXPECT_THAT(file.status().message(), HasSubstr("status byte expected"));
    EXPECT_THAT(file.status().message(),
                HasSubstr(absl::StrCat("byte ", 23 + 4 + between.size())));
  }
}

TEST(MidiFile, KeepsFileOrderAndMergesMapsOfAllTracks) {
  const Bytes tempo_late = {0x40, 0xFF, 0x51, 0x03, 0x07, 0xA1, 0x20};
  const Bytes tempo_early = {0x00, 0xFF, 0x51, 0x03, 0x06, 0x00, 0x00};
  const Bytes named = {0x00, 0xFF, 0x03, 0x02, 'h', 'i',
                       0x00, 0xFF, 0x03, 0x01, '2'};
  auto file = ParseMidiFile(
      Header(1, 2, 96) + Chunk("MTrk", tempo_late + kEnd) +
      Chunk("XFIH", {1, 2, 3}) + Chunk("MTrk", named + tempo_early + kEnd));
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(file->tempos,
            (std::vector<MidiFileTempo>{{0, 0x060000}, {0x40, 500'000}}));
  EXPECT_EQ(file->tracks[1].name, "hi");
  EXPECT_EQ(file->tracks[0].end_tick, 0x40);
}

TEST(MidiFile, TruncatedAtAnyByteIsRefused) {
  const Bytes whole = ToBytes(SerializeMidiFile(Song()));
  ASSERT_TRUE(ParseMidiFile(whole).ok());
  for (size_t size = 0; size < whole.size(); ++size) {
    auto part = ParseMidiFile(absl::MakeConstSpan(whole).subspan(0, size));
    EXPECT_FALSE(part.ok()) << "first " << size << " bytes";
  }
}

TEST(MidiFile, AnyByteMayBeWrongWithoutACrash) {
  const Bytes whole = ToBytes(SerializeMidiFile(Song()));
  for (size_t at = 0; at < whole.size(); ++at) {
    for (int value : {0x00, 0x7F, 0x80, 0xF0, 0xFF}) {
      Bytes damaged = whole;
      damaged[at] = static_cast<uint8_t>(value);
      ParseMidiFile(damaged).IgnoreError();
    }
  }
}

TEST(MidiFile, RefusalsSayWhereAndWhat) {
  const auto refusal = [](const Bytes& bytes) {
    auto file = ParseMidiFile(bytes);
    return file.ok() ? std::string("accepted")
                     : std::string(file.status().message());
  };
  const Bytes track = Chunk("MTrk", kEnd);
  EXPECT_THAT(refusal({}), HasSubstr("empty"));
  EXPECT_THAT(refusal(Chunk("RIFF", {1, 2, 3, 4, 5, 6})),
              HasSubstr("not a MIDI file"));
  EXPECT_THAT(refusal(Header(2, 1, 480) + track), HasSubstr("format 0 or 1"));
  EXPECT_THAT(refusal(Header(1, 0, 480)), HasSubstr("found 0"));
  EXPECT_THAT(refusal(Header(1, 1025, 480) + track), HasSubstr("found 1025"));
  EXPECT_THAT(refusal(Header(1, 0xFFFF, 480) + track),
              HasSubstr("found 65535"));
  EXPECT_THAT(refusal(Header(1, 2, 480) + track), HasSubstr("byte 26"));
  EXPECT_THAT(refusal(Header(1, 1, 0) + track), HasSubstr("ticks per quarter"));
  EXPECT_THAT(refusal(Header(1, 1, 0xE728) + track), HasSubstr("SMPTE"));
  EXPECT_THAT(refusal(Header(1, 1, 480) +
                      Bytes{'M', 'T', 'r', 'k', 0xFF, 0xFF, 0xFF, 0xFF}),
              HasSubstr("4294967295 bytes"));
  EXPECT_THAT(refusal(Header(1, 1, 480) + Chunk("MTrk", {0x00, 0x90, 60, 1})),
              HasSubstr("End of Track"));
  EXPECT_THAT(refusal(Header(1, 1, 480) + Chunk("MTrk", kEnd + kEnd)),
              HasSubstr("after End of Track"));
}

TEST(MidiFile, MalformedEventsAreRefused) {
  EXPECT_FALSE(ParseTrack({0x00, 0x90, 60, 0x80}).ok());
  EXPECT_FALSE(ParseTrack({0x00, 0xF8}).ok());
  EXPECT_FALSE(ParseTrack({0xFF, 0xFF, 0xFF, 0xFF, 0x00, 0x90, 1, 1}).ok());
  EXPECT_FALSE(ParseTrack({0x00, 0xFF, 0x01, 0x8F, 0xFF, 0xFF, 0x7F}).ok());
  EXPECT_FALSE(ParseTrack({0x00, 0xFF, 0x51, 0x03, 0, 0, 0}).ok());
  EXPECT_FALSE(ParseTrack({0x00, 0xFF, 0x51, 0x02, 1, 1}).ok());
  EXPECT_FALSE(ParseTrack({0x00, 0xFF, 0x58, 0x04, 0, 2, 24, 8}).ok());
  EXPECT_FALSE(ParseTrack({0x00, 0xFF, 0x58, 0x04, 4, 7, 24, 8}).ok());
}

TEST(MidiFile, AHundredThousandEventsAreQuick) {
  MidiFile song;
  song.tracks.emplace_back();
  for (int i = 0; i < 100'000; ++i) {
    song.tracks[0].events.push_back(
        Event(i * 7, {0x90, static_cast<uint8_t>(i % 128), 64}));
  }
  song.tracks[0].end_tick = 700'000;
  const auto begin = std::chrono::steady_clock::now();
  auto back = ParseMidiFile(ToBytes(SerializeMidiFile(song)));
  const auto spent = std::chrono::steady_clock::now() - begin;
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(back->tracks[1].events, song.tracks[0].events);
  EXPECT_LT(spent, std::chrono::seconds(2)) << "measured near 10 ms";
}

TEST(MidiFile, FilesOnDisk) {
  const std::string path = testing::TempDir() + "/antiphon_midi_file_test.mid";
  ASSERT_TRUE(WriteMidiFile(Song(), path).ok());
  EXPECT_FALSE(std::filesystem::exists(path + ".draft"));
  auto back = ReadMidiFile(path);
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(back->tempos, Song().tempos);
  std::ofstream(path, std::ios::trunc) << "MThd and then no more";
  EXPECT_THAT(ReadMidiFile(path).status().message(), HasSubstr(path));
  std::filesystem::remove(path);
  EXPECT_TRUE(absl::IsNotFound(ReadMidiFile(path).status()));
  EXPECT_TRUE(absl::IsDataLoss(WriteMidiFile(Song(), "/no/such/folder/a.mid")));
}

TEST(MidiFile, OnlyRegularFilesAreRead) {
  const std::string pipe = testing::TempDir() + "/antiphon_midi_file_pipe";
  std::filesystem::remove(pipe);
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  for (const std::string& path :
       {pipe, testing::TempDir(), std::string("/dev/zero")}) {
    const absl::Status status = ReadMidiFile(path).status();
    EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
    EXPECT_THAT(status.message(), HasSubstr(path));
  }
  std::filesystem::remove(pipe);
}

TEST(MidiFile, WhatDoesNotFitOnTheDiskIsToldAndLeavesNoDraft) {
  const std::string path = testing::TempDir() + "/antiphon_full_disk.mid";
  std::filesystem::remove(path + ".draft");
  std::filesystem::create_symlink("/dev/full", path + ".draft");
  const absl::Status status = WriteMidiFile(Song(), path);
  EXPECT_TRUE(absl::IsDataLoss(status)) << status;
  EXPECT_THAT(status.message(), HasSubstr(path));
  EXPECT_FALSE(std::filesystem::is_symlink(path + ".draft"));
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(MidiFile, WhatCouldNotBeReadBackIsNotWritten) {
  const std::string path = testing::TempDir() + "/antiphon_unwritable.mid";
  const auto refused = [&path](auto change) {
    MidiFile song = Song();
    change(song);
    return !WriteMidiFile(song, path).ok();
  };
  EXPECT_TRUE(refused([](MidiFile& f) { f.ticks_per_quarter = 0; }));
  EXPECT_TRUE(refused([](MidiFile& f) { f.tempos[0].us_per_quarter = 0; }));
  EXPECT_TRUE(refused([](MidiFile& f) { f.meters[0].denominator = 3; }));
  EXPECT_TRUE(refused([](MidiFile& f) { f.tracks[0].events[0].tick = 50; }));
  EXPECT_TRUE(refused([](MidiFile& f) { f.tracks[0].events[0].size = 2; }));
  EXPECT_TRUE(refused([](MidiFile& f) { f.tracks.resize(kMaxMidiTracks); }));
  EXPECT_FALSE(std::filesystem::exists(path));
}

}  // namespace
}  // namespace antiphon
