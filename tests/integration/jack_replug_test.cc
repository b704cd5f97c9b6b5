// SPDX-License-Identifier: Apache-2.0
//
// Ports that are pulled out and put back over a real JACK server: peers that
// vanish and return, a server that ends, is killed, hangs. Judged by clients
// that use JACK's own API.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "common/rt/clock.h"
#include "edge/port/feedback_guard.h"
#include "edge/port/kept_port.h"
#include "edge/port/port_watcher.h"
#include "edge/port/rtmidi_port.h"
#include "tests/integration/jack_fixture.h"
#include "tests/integration/jack_listener.h"
#include "tests/integration/jack_sender.h"

// RtMidi 5.0 leaks its send queue where there is no JACK server; the leak
// sanitizer reads this.
extern "C" const char* __lsan_default_suppressions() {
  return "leak:jack_ringbuffer_create\n";
}

namespace antiphon::edge {
namespace {

using ::testing::ElementsAre;
using testing::JackListener;
using testing::JackSender;
using Bytes = std::vector<uint8_t>;

const Bytes kPedalUp = {0xB0, 64, 0};
const Bytes kAllNotesOff = {0xB0, 123, 0};

class ReplugTest : public testing::JackTest {
 protected:
  void TearDown() override {
    watcher_.reset();
    output_.reset();
    input_.reset();
  }

  PortOptions Options(const std::string& name, const std::string& peer) {
    return {.api = MidiApi::kJack,
            .own_name = name,
            .peer = peer,
            .watch = &watch_};
  }
  // What cannot be opened ends the test: value() throws.
  void OpenOutput(const std::string& peer) {
    auto port = RtMidiOutput::Create(Options("Antiphon Out", peer)).value();
    output_ = std::make_unique<KeptOutput>(std::move(port), 0);
  }
  void OpenInput(const std::string& peer) {
    auto port =
        RtMidiInput::Create(Options("Antiphon In", peer), &ring_).value();
    input_ = std::make_unique<KeptInput>("input", std::move(port));
  }
  void Watch() {
    std::vector<KeptPort*> ports;
    if (input_) ports.push_back(input_.get());
    if (output_) ports.push_back(output_.get());
    watcher_ = std::make_unique<PortWatcher>(ports);
  }

  std::vector<MidiMessage> Received() {
    TimedMessage m;
    while (ring_.TryPop(m)) received_.push_back(m.message);
    return received_;
  }
  // What playback's thread does while there is nothing to play.
  bool TendUntil(const std::function<bool()>& condition) {
    return Eventually([&] {
      output_->Tend(rt::Now());
      return condition();
    });
  }
  bool TendUntilHeard(const JackListener& ear, size_t count) {
    return TendUntil([&] { return ear.count() >= count; });
  }
  bool TendForPeriods(uint64_t count) {
    const uint64_t end = watch_.cycles() + count;
    return TendUntil([&] { return watch_.cycles() >= end; });
  }
  // Nobody hears the reset of its opening.
  void OpenVirtualOutput() {
    OpenOutput("");
    ASSERT_TRUE(TendForPeriods(3));
  }
  static std::vector<Bytes> Heard(const JackListener& ear) {
    std::vector<Bytes> heard;
    for (const auto& event : ear.Events()) heard.push_back(event.bytes);
    return heard;
  }

  MidiRing ring_{kMidiRingCapacity};
  std::vector<MidiMessage> received_;
  JackWatch watch_{"Antiphon Out"};  // outlives the ports
  std::unique_ptr<KeptInput> input_;
  std::unique_ptr<KeptOutput> output_;
  std::unique_ptr<PortWatcher> watcher_;
};

TEST_F(ReplugTest, AVanishedOutputEndsItsNotesWhenItIsBack) {
  auto ear = JackListener::Create("ear").value();
  OpenOutput("ear:in");
  Watch();
  output_->Send(MidiMessage::NoteOn(0, 60, 80));
  output_->Send(MidiMessage::NoteOn(0, 64, 80));
  ASSERT_TRUE(Eventually([&] { return ear->count() == 6; }));
  ear.reset();
  ASSERT_TRUE(Eventually([&] { return !output_->is_open(); }));
  EXPECT_FALSE(output_->Send(MidiMessage::NoteOff(0, 60)));
  EXPECT_FALSE(output_->Send(MidiMessage::NoteOn(0, 70, 80)));
  ear = JackListener::Create("ear").value();
  ASSERT_TRUE(Eventually([&] { return output_->is_open(); }));
  ASSERT_TRUE(Eventually([&] { return ear->count() == 4; }));
  EXPECT_THAT(Heard(*ear), ElementsAre(Bytes{0x80, 60, 0}, Bytes{0x80, 64, 0},
                                       kPedalUp, kAllNotesOff));
  EXPECT_TRUE(output_->Send(MidiMessage::NoteOn(0, 72, 80)));
  EXPECT_TRUE(Eventually([&] { return ear->count() == 7; }));
  EXPECT_EQ(Heard(*ear).back(), (Bytes{0x90, 72, 80}));
}

TEST_F(ReplugTest, AVanishedInputLetsItsKeysGoAndIsHeardAgain) {
  auto keys = JackSender::Create("keys").value();
  OpenInput("keys");
  Watch();
  keys->Play({{rt::Now(), MidiMessage::NoteOn(3, 61, 5)}});
  ASSERT_TRUE(Eventually([&] { return Received().size() == 1; }));
  keys.reset();
  ASSERT_TRUE(Eventually([&] { return Received().size() == 2; }));
  EXPECT_EQ(received_[1], MidiMessage::NoteOff(3, 61));
  EXPECT_FALSE(input_->is_open());
  keys = JackSender::Create("keys").value();
  ASSERT_TRUE(Eventually([&] { return input_->is_open(); }));
  keys->Play({{rt::Now(), MidiMessage::NoteOn(3, 62, 5)}});
  ASSERT_TRUE(Eventually([&] { return Received().size() == 3; }));
  EXPECT_EQ(received_[2], MidiMessage::NoteOn(3, 62, 5));
}

// Quicker than the watcher looks: the name was never missed.
TEST_F(ReplugTest, APortThatIsBackAtOnceIsConnectedAgain) {
  for (int round = 1; round <= 5; ++round) {
    auto ear = JackListener::Create("ear").value();
    if (round == 1) {
      OpenOutput("ear:in");
      Watch();
    }
    ASSERT_TRUE(Eventually([&] {
      return output_->reopens() == static_cast<uint64_t>(round - 1) &&
             output_->is_open();
    })) << "round "
        << round << ": " << output_->reopens();
    ASSERT_TRUE(output_->Send(MidiMessage::NoteOn(0, 60, 1)));
    ASSERT_TRUE(output_->Send(MidiMessage::NoteOff(0, 60)));
    ASSERT_TRUE(Eventually([&] { return ear->count() == 6; }))
        << "round " << round << ": " << ear->count();
  }
}

// A port is there before its client is active, and cannot be connected yet.
TEST_F(ReplugTest, APortIsConnectedOnceItsClientIsActive) {
  auto ear = JackListener::Create("ear").value();
  OpenOutput("ear:in");
  Watch();
  ear.reset();
  ASSERT_TRUE(Eventually([&] { return !output_->is_open(); }));
  ear = JackListener::Create("ear", absl::Milliseconds(500)).value();
  ASSERT_TRUE(Eventually([&] { return output_->is_open(); }));
  EXPECT_TRUE(Eventually([&] { return ear->count() == 2; })) << ear->count();
  EXPECT_THAT(Heard(*ear), ElementsAre(kPedalUp, kAllNotesOff));
}

// Without a note that would bring the reset along.
TEST_F(ReplugTest, WhoConnectsIsResetAtOnce) {
  OpenVirtualOutput();
  for (int round = 1; round <= 3; ++round) {
    auto ear = JackListener::Create("ear").value();
    ASSERT_TRUE(ear->Hear("Antiphon Out:Antiphon Out").ok());
    ASSERT_TRUE(TendUntilHeard(*ear, 2)) << "round " << round;
    ASSERT_TRUE(TendForPeriods(20));
    EXPECT_THAT(Heard(*ear), ElementsAre(kPedalUp, kAllNotesOff));
  }
}

TEST_F(ReplugTest, WhoConnectsCutsNoNoteOfOthers) {
  auto first = JackListener::Create("first").value();
  OpenVirtualOutput();
  ASSERT_TRUE(first->Hear("Antiphon Out:Antiphon Out").ok());
  ASSERT_TRUE(TendUntilHeard(*first, 2));
  output_->Send(MidiMessage::NoteOn(0, 60, 80));
  ASSERT_TRUE(TendUntilHeard(*first, 3));
  auto second = JackListener::Create("second").value();
  ASSERT_TRUE(second->Hear("Antiphon Out:Antiphon Out").ok());
  ASSERT_TRUE(TendUntilHeard(*second, 128));
  std::vector<Bytes> others = {kPedalUp};
  for (uint8_t pitch = 0; pitch < 128; ++pitch) {
    if (pitch != 60) others.push_back({0x80, pitch, 0});
  }
  EXPECT_EQ(Heard(*second), others);
}

// Connections elsewhere are none of its business.
TEST_F(ReplugTest, OnlyItsOwnListenersAreReset) {
  auto keys = JackSender::Create("keys").value();
  auto ear = JackListener::Create("ear").value();
  OpenInput("");
  OpenVirtualOutput();
  ASSERT_TRUE(ear->Hear("Antiphon Out:Antiphon Out").ok());
  ASSERT_TRUE(TendUntilHeard(*ear, 2));
  ASSERT_TRUE(keys->PlayTo("Antiphon In:Antiphon In").ok());
  ASSERT_TRUE(TendForPeriods(20));
  EXPECT_EQ(ear->count(), 2u);
}

// The output is wired to the edge's own input.
TEST_F(ReplugTest, OwnOutputIsRecognisedAndCut) {
  OpenInput("");
  OpenOutput("Antiphon In:Antiphon In");
  FeedbackGuard guard(output_.get(), 1);
  guard.NameInput(0, "the input");
  int passed = 0;
  const auto play_for_20_ms = [&] {
    const MonoTime until = rt::Now() + absl::Milliseconds(20);
    while (rt::Now() < until) {
      TimedMessage m;
      while (ring_.TryPop(m)) {
        passed += guard.Passes(0, m) && m.message.IsNoteOn();
      }
      rt::SleepUntil(rt::Now() + absl::Milliseconds(1));
    }
  };
  for (int i = 0; i < 40; ++i) {
    guard.Send(MidiMessage::NoteOn(0, 40 + i, 50 + i));
    play_for_20_ms();
    guard.Send(MidiMessage::NoteOff(0, 40 + i));
    play_for_20_ms();
  }
  std::printf("%d notes passed before the loop was proved\n", passed);
  EXPECT_LE(passed, 4);
  EXPECT_GE(guard.echoes(), 70u);
}

class ReplugServerTest : public ReplugTest,
                         public ::testing::WithParamInterface<bool> {};

// Both virtual and connected ports find the next server, under their names.
TEST_P(ReplugServerTest, ARestartedServerIsFoundAgain) {
  auto ear = JackListener::Create("ear").value();
  OpenInput("");
  OpenOutput("ear:in");
  Watch();
  output_->Send(MidiMessage::NoteOn(0, 60, 80));
  ASSERT_TRUE(Eventually([&] { return ear->count() == 5; }));
  server_->End(GetParam());
  ear.reset();
  ASSERT_TRUE(
      Eventually([&] { return !output_->is_open() && !input_->is_open(); }));
  for (int i = 0; i < 5000; ++i) {
    EXPECT_FALSE(output_->Send(MidiMessage::NoteOff(0, 60)));
  }
  rt::SleepUntil(rt::Now() + absl::Milliseconds(500));
  ASSERT_TRUE(server_->StartAgain().ok());
  ASSERT_TRUE(Eventually([&] { return input_->is_open(); }));
  ear = JackListener::Create("ear").value();
  ASSERT_TRUE(Eventually([&] { return output_->is_open(); }));
  ASSERT_TRUE(Eventually([&] { return ear->count() == 3; }));
  EXPECT_THAT(Heard(*ear),
              ElementsAre(Bytes{0x80, 60, 0}, kPedalUp, kAllNotesOff));
  auto keys = JackSender::Create("keys").value();
  ASSERT_TRUE(keys->PlayTo("Antiphon In:Antiphon In").ok());
  keys->Play({{rt::Now(), MidiMessage::NoteOn(0, 62, 5)}});
  EXPECT_TRUE(Eventually([&] { return Received().size() == 1; }));
}

INSTANTIATE_TEST_SUITE_P(EndedOrKilled, ReplugServerTest,
                         ::testing::Values(false, true),
                         [](const auto& i) -> std::string {
                           return i.param ? "Killed" : "Ended";
                         });

// Sends as playback does at its worst while nobody takes anything.
absl::Duration LongestSend(KeptOutput& output, int count) {
  absl::Duration longest;
  for (int i = 0; i < count; ++i) {
    const MonoTime before = rt::Now();
    output.Send(MidiMessage::NoteOff(0, i % 128));
    longest = std::max(longest, rt::Now() - before);
  }
  return longest;
}

TEST_F(ReplugTest, SendNeverWaitsForAServerThatHangs) {
  auto ear = JackListener::Create("ear").value();
  OpenOutput("ear:in");
  Watch();
  server_->Freeze(true);
  rt::SleepUntil(rt::Now() + absl::Milliseconds(20));
  absl::Duration longest;
  std::atomic<bool> done{false};
  std::thread playback([&] {
    longest = LongestSend(*output_, 20'000);
    done = true;
  });
  EXPECT_TRUE(Eventually([&] { return done.load(); })) << "Send() waits";
  server_->Freeze(false);
  playback.join();
  std::printf("20000 messages to a server that hangs: longest Send %.3f ms\n",
              absl::ToDoubleMilliseconds(longest));
  EXPECT_TRUE(Eventually([&] {
    return output_->Send(MidiMessage::NoteOff(0, 1));
  })) << "goes on with the server";
}

TEST_F(ReplugTest, SendNeverWaitsForAServerThatIsKilled) {
  auto ear = JackListener::Create("ear").value();
  OpenOutput("ear:in");
  Watch();
  std::atomic<bool> stop{false};
  absl::Duration longest;
  std::thread playback([&] {
    while (!stop) {
      longest = std::max(longest, LongestSend(*output_, 20));
      rt::SleepUntil(rt::Now() + absl::Milliseconds(1));
    }
  });
  rt::SleepUntil(rt::Now() + absl::Milliseconds(100));
  server_->End(true);
  ear.reset();
  EXPECT_TRUE(Eventually([&] { return !output_->is_open(); }));
  rt::SleepUntil(rt::Now() + absl::Milliseconds(300));
  stop = true;
  playback.join();
  std::printf("20000 messages a second to a killed server: longest %.3f ms\n",
              absl::ToDoubleMilliseconds(longest));
}

}  // namespace
}  // namespace antiphon::edge
