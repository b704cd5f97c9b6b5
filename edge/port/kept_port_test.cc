// SPDX-License-Identifier: Apache-2.0
#include "edge/port/kept_port.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/rt/clock.h"
#include "edge/port/port_watcher.h"

namespace antiphon::edge {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

std::string Text(const MidiMessage& m) {
  if (m.IsNoteOn()) return absl::StrCat("on ", m.pitch());
  if (m.IsNoteOff()) return absl::StrCat("off ", m.pitch());
  return absl::StrCat("cc", m.controller(), "=", m.value());
}

// What a fake port does and has seen; outlives it.
struct World {
  bool alive = true;
  bool takes = true;
  absl::Status reopen = absl::OkStatus();
  std::vector<std::string> sent;
  int closed = 0;
  Newcomer newcomer = Newcomer::kNone;
};

class FakePort : public OpenOutput {
 public:
  explicit FakePort(World* world) : world_(world) {}
  bool Send(const MidiMessage& m) noexcept override {
    world_->sent.push_back(Text(m));
    return world_->takes;
  }
  Newcomer LookForNewcomer() noexcept override { return world_->newcomer; }
  bool Alive() override { return world_->alive; }
  void Close() override { ++world_->closed; }
  absl::Status Reopen() override { return world_->reopen; }
  std::string description() const override { return "fake \"piano\""; }

 private:
  World* const world_;
};

class KeptOutputTest : public ::testing::Test {
 protected:
  void On(int pitch) { output_.Send(MidiMessage::NoteOn(2, pitch, 80)); }
  bool Off(int pitch) { return output_.Send(MidiMessage::NoteOff(2, pitch)); }
  void Turn() {
    output_.Check(now_);
    output_.Retry(now_);
    now_ = now_ + absl::Milliseconds(200);
  }
  // Turns of the thread that sends, a millisecond apart.
  void Tend(Newcomer newcomer, int turns = 1) {
    world_.newcomer = newcomer;
    for (int i = 0; i < turns; ++i) {
      output_.Tend(now_);
      now_ = now_ + absl::Milliseconds(1);
    }
  }
  std::vector<std::string> Taken() { return std::exchange(world_.sent, {}); }
  void Lose() {
    world_.alive = false;
    world_.reopen = absl::NotFoundError("gone");
    Turn();
  }
  void Return() {
    world_.alive = true;
    world_.reopen = absl::OkStatus();
    Turn();
  }

  World world_;
  MonoTime now_ = MonoTime::FromNanos(0);
  KeptOutput output_{std::make_unique<FakePort>(&world_), 2};
};

TEST_F(KeptOutputTest, WhatAKilledEdgeLeftBehindEndsAtOnceAndAgain) {
  EXPECT_THAT(Taken(), ElementsAre("cc64=0", "cc123=0"));
  Off(60);
  On(60);
  On(62);
  EXPECT_THAT(Taken(),
              ElementsAre("off 60", "cc64=0", "cc123=0", "on 60", "on 62"));
}

TEST_F(KeptOutputTest, ALostPortTakesNothingAndComesBackSilent) {
  On(60);
  On(64);
  On(100);
  Off(64);
  Taken();
  Lose();
  EXPECT_FALSE(output_.is_open());
  EXPECT_EQ(world_.closed, 1);
  EXPECT_FALSE(Off(60)) << "lost: the off is owed";
  EXPECT_FALSE(output_.Send(MidiMessage::NoteOn(2, 70, 80)));
  Turn();
  EXPECT_THAT(Taken(), IsEmpty());
  Return();
  EXPECT_THAT(Taken(), ElementsAre("off 60", "off 100", "cc64=0", "cc123=0"));
  EXPECT_TRUE(output_.is_open());
  EXPECT_EQ(output_.reopens(), 1u);
  EXPECT_EQ(output_.sounding(), 0);
  On(50);
  EXPECT_THAT(Taken(), ElementsAre("cc64=0", "cc123=0", "on 50"));
}

TEST_F(KeptOutputTest, ARefusedOffIsOwedToo) {
  On(60);
  world_.takes = false;
  Off(60);
  Lose();
  Taken();
  Return();
  EXPECT_THAT(Taken(), ElementsAre("off 60", "cc64=0", "cc123=0"));
}

TEST_F(KeptOutputTest, EachChangeIsOneLineThatNamesThePort) {
  ::testing::internal::CaptureStderr();
  On(60);
  Turn();
  Lose();
  for (int i = 0; i < 5; ++i) Turn();
  world_.reopen = absl::InvalidArgumentError("\"piano\" matches several");
  for (int i = 0; i < 5; ++i) Turn();
  Return();
  const std::string log = ::testing::internal::GetCapturedStderr();
  EXPECT_EQ(std::count(log.begin(), log.end(), '\n'), 3) << log;
  EXPECT_THAT(log, HasSubstr("output lost: fake \"piano\""));
  EXPECT_THAT(log, HasSubstr("output stays closed: \"piano\" matches several"));
  EXPECT_THAT(log, HasSubstr("output is back: fake \"piano\" after 2.2 s, "
                             "notes ended: 1"));
}

TEST_F(KeptOutputTest, WhatIsThereIsLeftAlone) {
  for (int i = 0; i < 5; ++i) Turn();
  EXPECT_EQ(world_.closed, 0);
  EXPECT_EQ(output_.reopens(), 0u);
}

TEST_F(KeptOutputTest, ANewcomerIsResetBeforeAnyNote) {
  Taken();
  Tend(Newcomer::kThere);
  EXPECT_THAT(Taken(), ElementsAre("cc64=0", "cc123=0"));
  Tend(Newcomer::kNone, 1000);
  EXPECT_THAT(Taken(), IsEmpty());
  On(60);
  Off(60);
  EXPECT_THAT(Taken(), ElementsAre("on 60", "off 60"));
  Tend(Newcomer::kComing, 3);
  On(60);
  Off(60);
  EXPECT_THAT(Taken(), ElementsAre("cc64=0", "cc123=0", "on 60", "off 60"));
  Tend(Newcomer::kThere);
  EXPECT_THAT(Taken(), ElementsAre("cc64=0", "cc123=0")) << "heard for sure";
}

TEST_F(KeptOutputTest, ANewcomerIsResetBeforeTheFirstNoteAlone) {
  Taken();
  for (int round = 0; round < 2; ++round) {
    Tend(Newcomer::kComing, 2);
    On(60);
    EXPECT_THAT(Taken(), ElementsAre("cc64=0", "cc123=0", "on 60"));
    Tend(Newcomer::kComing);
    On(62);
    Off(60);
    Off(62);
    EXPECT_THAT(Taken(), ElementsAre("on 62", "off 60", "off 62"));
    Tend(Newcomer::kThere);
    EXPECT_THAT(Taken(), ElementsAre("cc64=0", "cc123=0"));
  }
}

TEST_F(KeptOutputTest, WhatSoundsOutlastsANewcomer) {
  On(0);
  On(127);
  Taken();
  Tend(Newcomer::kThere);
  const std::vector<std::string> sent = Taken();
  ASSERT_EQ(sent.size(), 127u);
  EXPECT_EQ(sent[0], "cc64=0");
  for (int pitch = 1; pitch < 127; ++pitch) {
    EXPECT_EQ(sent[static_cast<size_t>(pitch)], absl::StrCat("off ", pitch));
  }
  EXPECT_EQ(output_.sounding(), 2);
}

TEST_F(KeptOutputTest, WhereNobodyTellsTheResetIsRepeatedUntilANote) {
  Taken();
  Tend(Newcomer::kUntold, 301);
  EXPECT_EQ(Taken().size(), 4u * 2);
  On(60);
  EXPECT_THAT(Taken(), ElementsAre("cc64=0", "cc123=0", "on 60"));
  Tend(Newcomer::kUntold, 10'000);
  EXPECT_THAT(Taken(), IsEmpty());
  Lose();
  Return();
  Taken();
  Tend(Newcomer::kUntold, 60'000);
  EXPECT_EQ(Taken().size(), 2u * KeptOutput::kResets) << "not for ever";
}

TEST_F(KeptOutputTest, ALostPortGreetsNobody) {
  Lose();
  Taken();
  Tend(Newcomer::kThere);
  Tend(Newcomer::kUntold, 1000);
  EXPECT_THAT(Taken(), IsEmpty());
}

// A port that notices when it is used while it is closed.
class StrictPort : public OpenOutput {
 public:
  bool Send(const MidiMessage&) noexcept override {
    Use();
    return true;
  }
  Newcomer LookForNewcomer() noexcept override {
    Use();
    return Newcomer::kThere;
  }
  bool Alive() override { return false; }
  void Close() override {
    if (state_.fetch_add(kClosed) != 0) wrong_ = true;
  }
  absl::Status Reopen() override {
    if (state_.fetch_sub(kClosed) != kClosed) wrong_ = true;
    return absl::OkStatus();
  }
  std::string description() const override { return ""; }
  static inline std::atomic<bool> wrong_{false};

 private:
  void Use() {
    const int inside = state_.fetch_add(1);
    if (inside >= kClosed) wrong_ = true;
    state_.fetch_sub(1);
  }

  static constexpr int kClosed = 1000;
  std::atomic<int> state_{0};
};

TEST(KeptOutput, NoSendIsInsideWhileThePortIsClosed) {
  ::testing::internal::CaptureStderr();
  KeptOutput output(std::make_unique<StrictPort>(), 0);
  std::atomic<bool> stop{false};
  std::thread playback([&] {
    while (!stop) {
      output.Send(MidiMessage::NoteOff(0, 1));
      output.Tend(rt::Now());
    }
  });
  for (int i = 0; i < 300; ++i) {
    output.Check(rt::Now());
    output.Retry(rt::Now());
  }
  stop = true;
  playback.join();
  ::testing::internal::GetCapturedStderr();
  EXPECT_FALSE(StrictPort::wrong_);
  EXPECT_EQ(output.reopens(), 300u);
}

TEST(NoteSet, EndsPedalsThenNotesAndForgetsThem) {
  NoteSet set;
  for (int pitch : {0, 63, 64, 127})
    set.Follow(MidiMessage::NoteOn(15, pitch, 1));
  set.Follow(MidiMessage::ControlChange(3, 64, 64));
  set.Follow(MidiMessage::ControlChange(4, 64, 127));
  set.Follow(MidiMessage::ControlChange(4, 64, 63));
  set.Follow(MidiMessage::NoteOn(15, 63, 0));
  EXPECT_EQ(set.notes(), 3);
  std::vector<std::string> ended;
  const auto keep = [&](const MidiMessage& m) {
    ended.push_back(absl::StrCat(m.channel(), " ", Text(m)));
  };
  EXPECT_EQ(set.EndAll(keep), 3);
  EXPECT_THAT(ended,
              ElementsAre("3 cc64=0", "15 off 0", "15 off 64", "15 off 127"));
  EXPECT_EQ(set.EndAll(keep), 0);
}

TEST(NoteSet, AllNotesOffIsFollowed) {
  NoteSet set;
  set.Follow(MidiMessage::NoteOn(0, 60, 1));
  set.Follow(MidiMessage::NoteOn(1, 61, 1));
  set.Follow(MidiMessage::ControlChange(0, 123, 0));
  EXPECT_EQ(set.notes(), 1);
}

TEST(PortWatcher, FindsAgainWhatIsLost) {
  ::testing::internal::CaptureStderr();
  World world;
  KeptOutput output(std::make_unique<FakePort>(&world), 0);
  world.alive = false;
  {
    PortWatcher watcher({&output});
    const MonoTime patience = rt::Now() + absl::Seconds(10);
    while (output.reopens() == 0 && rt::Now() < patience) {
      std::this_thread::yield();
    }
  }
  EXPECT_GE(output.reopens(), 1u);
  EXPECT_THAT(::testing::internal::GetCapturedStderr(), Not(IsEmpty()));
}

}  // namespace
}  // namespace antiphon::edge
