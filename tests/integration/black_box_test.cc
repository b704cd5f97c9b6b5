// SPDX-License-Identifier: Apache-2.0
//
// A session on a stage, recorded by the real edge under a real master of MIDI
// clock, and played again from the file: every message that the independent ear
// heard comes again, byte for byte and in the same order.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/midi/midi_file.h"
#include "tests/execute.h"
#include "tests/integration/live_session.h"

namespace antiphon::testing {
namespace {

using ::testing::HasSubstr;
using Bytes = std::vector<uint8_t>;

// A bar is 0.4 s.
constexpr double kTempo = 300;

class BlackBoxTest : public LiveSession {
 protected:
  BlackBoxTest()
      : recording_(std::filesystem::temp_directory_path() /
                   absl::StrCat("antiphon-black-box-", getpid(), ".jsonl")) {
    edge_flags_ = {"--record=" + recording_.string()};
  }
  // What it found is kept.
  ~BlackBoxTest() override {
    std::error_code ignored;
    if (HasFailure()) {
      std::printf("the recording: %s\n", recording_.c_str());
      return;
    }
    std::filesystem::remove(recording_, ignored);
  }

  void PlayBars(size_t bars) {
    const size_t end = musician_->pulses().size() + bars * kPulsesPerBar;
    ASSERT_TRUE(Eventually([&] { return musician_->pulses().size() >= end; },
                           absl::Seconds(20)));
  }
  std::vector<Bytes> NotesHeard() const {
    std::vector<Bytes> notes;
    for (const HeardEvent& event : ear_->Events()) {
      if (event.bytes[0] < 0xB0) notes.push_back(event.bytes);
    }
    return notes;
  }
  static std::vector<Bytes> NotesIn(const std::filesystem::path& path) {
    std::vector<Bytes> notes;
    const auto file = ReadMidiFile(path.string());
    EXPECT_TRUE(file.ok()) << file.status();
    if (!file.ok()) return notes;
    for (const MidiFileTrack& track : file->tracks) {
      if (track.name != "answer") continue;
      for (const MidiFileEvent& e : track.events) {
        notes.emplace_back(e.bytes.begin(), e.bytes.begin() + e.size);
      }
    }
    return notes;
  }

  const std::filesystem::path recording_;
};

TEST_F(BlackBoxTest, ASessionIsPlayedAgainToTheSameBytes) {
  // From a new position it begins on the next line but one.
  StartJackMidiClock(kTempo, {"-d", "0.4"});
  transport_->Start();
  PlayBars(9);
  Wait(absl::Milliseconds(100));  // well into a note
  AwaitStop([&] { transport_->Stop(); });
  transport_->Locate(20 * kPulsesPerBar);
  Wait(absl::Milliseconds(200));
  transport_->Start();
  PlayBars(6);
  Wait(absl::Milliseconds(100));
  AwaitStop([&] { transport_->Locate(4 * kPulsesPerBar); });  // while it rolls
  PlayBars(6);
  Wait(absl::Milliseconds(100));
  edge_->Signal(SIGTERM);
  EXPECT_EQ(edge_->WaitForExit(std::chrono::seconds(2)), 0);

  const std::vector<Bytes> heard = NotesHeard();
  EXPECT_GT(heard.size(), 200u);
  EXPECT_GE(Told().size(), 20u);
  const std::filesystem::path again = folder_ / "again";
  const Executed replayed = Execute(
      std::string(ANTIPHON_BINARY_DIR) + "/bin/antiphon-edge",
      {"--replay=" + recording_.string(), "--session-dir=" + again.string()});
  EXPECT_EQ(replayed.status, 0) << replayed.err;
  EXPECT_THAT(replayed.out,
              HasSubstr(absl::StrCat("replay: ", heard.size(),
                                     " messages as on stage, 0 missing, 0 "
                                     "extra")));
  EXPECT_EQ(NotesIn(again / "session.mid"), heard);
  const size_t said = replayed.out.find("replay: ");
  if (said != std::string::npos) {
    std::printf("%zu bars; %s", Told().size(),
                replayed.out.substr(said).c_str());
  }
}

}  // namespace
}  // namespace antiphon::testing
