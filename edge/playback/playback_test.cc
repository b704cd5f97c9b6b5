// SPDX-License-Identifier: Apache-2.0
#include "edge/playback/playback.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

namespace antiphon::edge {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

constexpr char kPedalUp[] = "cc 64 0";
constexpr char kAllOff[] = "cc 123 0";

class RecordingOutput : public MidiOutput {
 public:
  bool Send(const MidiMessage& m) noexcept override {
    sent.push_back(
        m.IsControlChange()
            ? absl::StrCat("cc ", m.controller(), " ", m.value())
            : absl::StrCat(m.IsNoteOn() ? "on " : "off ", m.pitch()));
    if (on_send) on_send();
    return true;
  }
  std::vector<std::string> TakeAll() { return std::exchange(sent, {}); }
  std::vector<std::string> sent;
  std::function<void()> on_send;
};

// 4/4 at 125 BPM: one tick is one millisecond. Bars 0..3 of epoch 1.
class PlaybackTest : public ::testing::Test {
 protected:
  PlaybackTest() {
    Restart(1);
    Publish();
  }
  void Restart(Epoch epoch) {
    timeline_.Reset(epoch);
    timeline_.set_running(true);
    timeline_.AddAnchor(Ticks(), MonoTime::FromNanos(1), 1e6);
    for (PlaySeq seq = 0; seq < 4; ++seq)
      SetBar(seq, 1920 * static_cast<int64_t>(seq));
  }
  void SetBar(PlaySeq seq, int64_t begin, int64_t length = 1920) {
    timeline_.SetBar(
        {seq, 0, Ticks::Of(begin), Ticks::Of(begin + length), Meter{}});
  }
  void Publish() { latest_.Publish(timeline_); }
  void Note(PlaySeq seq, int64_t tick, int64_t duration, uint8_t pitch,
            Epoch epoch = 1) {
    commands_.TryPush({epoch, seq, number_++, Ticks::Of(tick),
                       Ticks::Of(duration), Ticks::Of(1920), 0, pitch, 80});
  }
  MonoTime Ms(int64_t ms) { return MonoTime::FromNanos(1 + ms * 1'000'000); }
  std::vector<std::string> TickAt(int64_t ms) {
    next_ = playback_.Tick(Ms(ms));
    return output_.TakeAll();
  }
  int Told(Telemetry::Kind kind) {
    int count = 0;
    Telemetry t;
    while (telemetry_.TryPop(t)) count += t.kind == kind;
    return count;
  }

  Timeline timeline_;
  LatestValue<Timeline> latest_;
  SpscRing<PlaybackCommand> commands_{4096};
  SpscRing<Telemetry> telemetry_{8192};
  RecordingOutput output_;
  Playback playback_{{}, &commands_, &latest_, &output_, &telemetry_};
  uint32_t number_ = 0;
  MonoTime next_;
};

TEST_F(PlaybackTest, SendsAtTheTickAndSaysWhenToComeBack) {
  Note(1, 480, 240, 60);
  EXPECT_THAT(TickAt(0), IsEmpty());
  EXPECT_EQ(next_, Ms(2400));
  EXPECT_THAT(TickAt(2399), IsEmpty());
  EXPECT_THAT(TickAt(2400), ElementsAre("on 60"));
  EXPECT_EQ(next_, Ms(2640));
  EXPECT_THAT(TickAt(2640), ElementsAre("off 60"));
  EXPECT_EQ(next_, MonoTime::Max());
}

TEST_F(PlaybackTest, OffsGoBeforeOnsAtOneInstant) {
  Note(0, 100, 100, 60);
  Note(0, 200, 100, 60);
  EXPECT_THAT(TickAt(100), ElementsAre("on 60"));
  EXPECT_THAT(TickAt(200), ElementsAre("off 60", "on 60"));
  EXPECT_THAT(TickAt(300), ElementsAre("off 60"));
}

TEST_F(PlaybackTest, NotesOfOneInstantGoInTheOrderOfTheirPlan) {
  Note(0, 100, 1, 60);
  Note(0, 100, 500, 62);
  Note(0, 100, 500, 60);  // struck twice: the last one sounds on
  EXPECT_THAT(TickAt(100), ElementsAre("on 60", "on 62", "off 60", "on 60"));
  EXPECT_THAT(TickAt(101), IsEmpty());
  EXPECT_THAT(TickAt(600), testing::UnorderedElementsAre("off 60", "off 62"));
}

TEST_F(PlaybackTest, ALateOffNeverCutsAStruckAgainKey) {
  Note(0, 100, 500, 60);
  Note(0, 200, 900, 60);
  TickAt(100);
  EXPECT_THAT(TickAt(200), ElementsAre("off 60", "on 60"));
  EXPECT_THAT(TickAt(600), IsEmpty());  // the first note's own off
  EXPECT_THAT(TickAt(1100), ElementsAre("off 60"));
}

TEST_F(PlaybackTest, ANewEpochSilencesTheOld) {
  Note(0, 100, 900, 60);
  Note(0, 500, 100, 62);
  TickAt(100);
  Restart(2);
  Publish();
  EXPECT_THAT(TickAt(200), ElementsAre("off 60", kPedalUp, kAllOff));
  EXPECT_THAT(TickAt(500), IsEmpty());
  Note(0, 600, 100, 64, 2);
  EXPECT_THAT(TickAt(600), ElementsAre("on 64"));
}

TEST_F(PlaybackTest, StoppedTimeSilencesAtOnce) {
  Note(0, 100, 900, 60);
  TickAt(100);
  timeline_.Reset(2);
  Publish();
  EXPECT_THAT(TickAt(101), ElementsAre("off 60", kPedalUp, kAllOff));
  EXPECT_THAT(TickAt(102), IsEmpty());
}

TEST_F(PlaybackTest, ANoteBeyondTheGraceIsDroppedAndCounted) {
  Note(0, 100, 100, 60);
  Note(0, 110, 100, 62);
  EXPECT_THAT(TickAt(121), ElementsAre("on 62"));
  EXPECT_EQ(Told(Telemetry::Kind::kLate), 1);
}

TEST_F(PlaybackTest, ABarThatEndsEarlyDropsTheRestAndEndsWhatSounds) {
  Note(0, 100, 3000, 60);
  Note(0, 1870, 100, 61);
  Note(0, 1900, 100, 62);
  TickAt(100);
  SetBar(0, 0, 1880);
  SetBar(1, 1880);
  Publish();
  EXPECT_THAT(TickAt(1879), ElementsAre("on 61"));
  EXPECT_THAT(TickAt(1880), UnorderedElementsAre("off 60", "off 61"));
  EXPECT_THAT(TickAt(1910), IsEmpty());
  EXPECT_EQ(Told(Telemetry::Kind::kDropped), 1);
}

TEST_F(PlaybackTest, ABarThatIsLongAgainLosesNothing) {
  Note(1, 1500, 100, 60);
  SetBar(1, 1920, 1440);
  Publish();
  TickAt(100);
  SetBar(1, 1920);
  Publish();
  EXPECT_THAT(TickAt(1920 + 1500), ElementsAre("on 60"));
}

TEST_F(PlaybackTest, ANoteRingsOverTheLineOfABarThatIsAsLongAsForeseen) {
  Note(0, 100, 3000, 60);
  TickAt(100);
  EXPECT_THAT(TickAt(3000), IsEmpty());
  EXPECT_THAT(TickAt(3100), ElementsAre("off 60"));
}

TEST_F(PlaybackTest, FollowsTheLineWhenItMoves) {
  Note(1, 0, 100, 60);
  TickAt(1900);
  SetBar(1, 1960);
  Publish();
  EXPECT_THAT(TickAt(1920), IsEmpty());
  EXPECT_THAT(TickAt(1960), ElementsAre("on 60"));
}

TEST_F(PlaybackTest, SilenceEndsEverythingForTheEpoch) {
  Note(0, 100, 900, 60);
  Note(0, 200, 900, 62);
  TickAt(100);
  playback_.Silence(Ms(150));
  EXPECT_THAT(output_.TakeAll(), ElementsAre("off 60", kPedalUp, kAllOff));
  Note(0, 300, 10, 64);
  EXPECT_THAT(TickAt(300), IsEmpty());
  EXPECT_EQ(playback_.sounding(), 0);
}

TEST_F(PlaybackTest, ASlowInstrumentGetsItsNotesEarlierByVelocity) {
  const auto latency = OutputLatency::Parse("1:120,80:40,127:20");
  ASSERT_TRUE(latency.ok());
  Playback playback({.latency = *latency}, &commands_, &latest_, &output_,
                    &telemetry_);
  Note(1, 480, 240, 60);
  EXPECT_EQ(playback.Tick(Ms(0)), Ms(2400 - 40));
  playback.Tick(Ms(2360));
  EXPECT_THAT(output_.TakeAll(), ElementsAre("on 60"));
  EXPECT_EQ(playback.Tick(Ms(2361)), Ms(2640 - 40));
}

TEST(OutputLatency, IsAConstantOrALineThroughPoints) {
  const auto constant = OutputLatency::Parse("30");
  ASSERT_TRUE(constant.ok());
  EXPECT_EQ(constant->At(0), absl::Milliseconds(30));
  EXPECT_EQ(constant->At(127), absl::Milliseconds(30));
  const auto curve = OutputLatency::Parse("20:100,60:20");
  ASSERT_TRUE(curve.ok());
  EXPECT_EQ(curve->At(1), absl::Milliseconds(100));
  EXPECT_EQ(curve->At(40), absl::Milliseconds(60));
  EXPECT_EQ(curve->At(100), absl::Milliseconds(20));
  EXPECT_EQ(curve->Longest(), absl::Milliseconds(100));
}

TEST(OutputLatency, WhatItIsNotIsNamed) {
  for (const char* text : {"", "-1", "1001", "nan", "1:2,1:3", "9:1,8:1",
                           "1:2:3", "128:1", "5,6", "1:2,6", "x:1"}) {
    const auto latency = OutputLatency::Parse(text);
    ASSERT_FALSE(latency.ok()) << text;
    EXPECT_THAT(std::string(latency.status().message()),
                testing::HasSubstr(absl::StrCat("=", text, " is neither")));
  }
}

TEST_F(PlaybackTest, AFullScheduleDropsAndCounts) {
  for (int i = 0; i < Playback::kMaxScheduled + 5; ++i)
    Note(3, i % 1900, 10, 60);
  TickAt(0);
  EXPECT_EQ(Told(Telemetry::Kind::kDropped), 5);
}

TEST_F(PlaybackTest, ATimelineThatComesWhileNotesLeaveHoldsFromTheNextTickOn) {
  Note(0, 100, 500, 60);
  Note(0, 100, 500, 62);
  TickAt(0);
  // Twice: the slot that Tick reads would be written over.
  output_.on_send = [this] {
    timeline_.Reset(2);
    Publish();
    Publish();
  };
  EXPECT_THAT(TickAt(100), UnorderedElementsAre("on 60", "on 62"));
  EXPECT_THAT(TickAt(101),
              UnorderedElementsAre("off 60", "off 62", kPedalUp, kAllOff));
  EXPECT_EQ(Told(Telemetry::Kind::kNoteOn), 2);
}

TEST_F(PlaybackTest, AFullScheduleWhoseBarIsHistoryIsForgottenInOneTick) {
  for (int i = 0; i < Playback::kMaxScheduled; ++i) {
    Note(2, 100, 100, static_cast<uint8_t>(i % 128));
  }
  TickAt(0);
  Note(3, 100, 100, 60);
  for (PlaySeq seq = 4; seq < 12; ++seq) {
    SetBar(seq, 1920 * static_cast<int64_t>(seq));
  }
  Publish();
  EXPECT_THAT(TickAt(1), IsEmpty());
  EXPECT_EQ(Told(Telemetry::Kind::kDropped), Playback::kMaxScheduled + 1);
}

}  // namespace
}  // namespace antiphon::edge
