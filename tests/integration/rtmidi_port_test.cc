// SPDX-License-Identifier: Apache-2.0
//
// RtMidi's ports over a JACK server, judged by clients that use JACK's own API.
#include "edge/port/rtmidi_port.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "common/rt/clock.h"
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

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using testing::HeardEvent;
using testing::JackListener;
using testing::JackSender;

class RtMidiPortTest : public testing::JackTest {
 protected:
  std::unique_ptr<RtMidiInput> MakeInput(const std::string& name,
                                         const std::string& peer = "") {
    auto input = RtMidiInput::Create(
        {.api = MidiApi::kJack, .own_name = name, .peer = peer}, &ring_);
    EXPECT_TRUE(input.ok()) << input.status();
    return input.ok() ? *std::move(input) : nullptr;
  }

  std::vector<TimedMessage> Received() {
    TimedMessage m;
    while (ring_.TryPop(m)) received_.push_back(m);
    return received_;
  }

  MidiRing ring_{kMidiRingCapacity};
  std::vector<TimedMessage> received_;
};

std::unique_ptr<RtMidiOutput> MakeOutput(const std::string& name,
                                         const std::string& peer = "") {
  auto output = RtMidiOutput::Create(
      {.api = MidiApi::kJack, .own_name = name, .peer = peer});
  EXPECT_TRUE(output.ok()) << output.status();
  return output.ok() ? *std::move(output) : nullptr;
}

std::vector<uint8_t> BytesOf(const MidiMessage& m) {
  return {m.data(), m.data() + m.size()};
}

TEST_F(RtMidiPortTest, WhatIsSentIsHeardSoonAndInOrder) {
  auto listener = JackListener::Create("ear").value();
  auto output = MakeOutput("Antiphon Out");
  ASSERT_NE(output, nullptr);
  ASSERT_TRUE(listener->Hear("Antiphon Out:Antiphon Out").ok());
  std::vector<TimedMessage> sent;
  for (int i = 0; i < 200; ++i) {
    const MidiMessage m = i % 2 == 0 ? MidiMessage::NoteOn(1, 60 + i / 4, 99)
                                     : MidiMessage::NoteOff(1, 60 + i / 4);
    sent.push_back({rt::Now(), m});
    ASSERT_TRUE(output->Send(m));
    rt::SleepUntil(rt::Now() + absl::Milliseconds(3));
  }
  ASSERT_TRUE(Eventually([&] { return listener->count() == sent.size(); }))
      << listener->count();
  std::vector<double> delays;
  const std::vector<HeardEvent> heard = listener->Events();
  for (size_t i = 0; i < sent.size(); ++i) {
    EXPECT_EQ(heard[i].bytes, BytesOf(sent[i].message));
    delays.push_back(absl::ToDoubleMilliseconds(heard[i].at - sent[i].at));
  }
  std::sort(delays.begin(), delays.end());
  std::printf("delay of a sent message: p50 %.2f ms, p95 %.2f ms\n",
              delays[delays.size() / 2], delays[delays.size() * 95 / 100]);
  EXPECT_LT(delays[delays.size() / 2], 4) << "ms; a period is 1.33 ms";
}

TEST_F(RtMidiPortTest, ClockAndTransportArriveStamped) {
  auto input = MakeInput("Antiphon In");
  ASSERT_NE(input, nullptr);
  auto sender = JackSender::Create("host").value();
  ASSERT_TRUE(sender->PlayTo("Antiphon In:Antiphon In").ok());
  const MonoTime start = rt::Now() + absl::Milliseconds(50);
  std::vector<TimedMessage> script = {{start, MidiMessage::SongPosition(16)},
                                      {start, MidiMessage::Start()}};
  for (int i = 0; i < 96; ++i) {
    script.push_back({start + i * absl::Milliseconds(5), MidiMessage::Clock()});
  }
  const MonoTime end = start + absl::Milliseconds(500);
  script.push_back({end, MidiMessage::NoteOn(9, 36, 1)});
  script.push_back({end, MidiMessage::FromBytes(0xFE)});
  script.push_back({end, MidiMessage::Stop()});
  sender->Play(script);
  ASSERT_TRUE(Eventually([&] { return Received().size() == script.size(); }))
      << received_.size();
  std::vector<double> errors;
  for (size_t i = 0; i < script.size(); ++i) {
    EXPECT_EQ(received_[i].message, script[i].message);
    errors.push_back(
        absl::ToDoubleMilliseconds(received_[i].at - script[i].at));
  }
  std::sort(errors.begin(), errors.end());
  std::printf("arrival against schedule: p5 %.2f, p50 %.2f, p95 %.2f ms\n",
              errors[errors.size() / 20], errors[errors.size() / 2],
              errors[errors.size() * 95 / 100]);
  EXPECT_LT(std::abs(errors[errors.size() / 2]), 4);
  EXPECT_EQ(input->malformed(), 0u);
}

TEST_F(RtMidiPortTest, NothingSentBeforeTheEndIsLost) {
  auto listener = JackListener::Create("ear").value();
  for (int round = 1; round <= 5; ++round) {
    auto output = MakeOutput("Antiphon Out", "ear:in");
    ASSERT_NE(output, nullptr);
    for (int pitch = 0; pitch < 100; ++pitch) {
      ASSERT_TRUE(output->Send(MidiMessage::NoteOff(0, pitch)));
    }
    output.reset();
    EXPECT_TRUE(Eventually([&] {
      return listener->count() == static_cast<size_t>(100 * round);
    })) << "round "
        << round << ": " << listener->count();
  }
}

TEST_F(RtMidiPortTest, PortsAreFoundByName) {
  auto sender = JackSender::Create("Ableton Live").value();
  auto listener = JackListener::Create("Piano").value();
  auto input = MakeInput("Antiphon In", "Ableton");
  ASSERT_NE(input, nullptr);
  auto output = MakeOutput("Antiphon Out", "Piano:in");
  ASSERT_NE(output, nullptr);
  EXPECT_THAT(input->description(), HasSubstr("Ableton Live:out"));
  sender->Play({{rt::Now(), MidiMessage::NoteOn(0, 61, 5)}});
  EXPECT_TRUE(output->Send(MidiMessage::NoteOn(0, 62, 5)));
  EXPECT_TRUE(Eventually([&] { return Received().size() == 1; }));
  EXPECT_TRUE(Eventually([&] { return listener->count() == 1; }));
}

TEST_F(RtMidiPortTest, NoneOrSeveralAreListed) {
  auto a = JackSender::Create("Keys A").value();
  auto b = JackSender::Create("Keys B").value();
  const auto refusal = [this](MidiApi api, const std::string& peer) {
    return RtMidiInput::Create(
               {.api = api, .own_name = "Antiphon In", .peer = peer}, &ring_)
        .status();
  };
  for (MidiApi api : {MidiApi::kJack, MidiApi::kAuto}) {
    EXPECT_TRUE(absl::IsInvalidArgument(refusal(api, "Keys")));
    EXPECT_TRUE(absl::IsNotFound(refusal(api, "Oboe")));
    EXPECT_THAT(std::string(refusal(api, "Keys").message()),
                AllOf(HasSubstr("matches several"), HasSubstr("Keys A:out"),
                      HasSubstr("Keys B:out")));
    EXPECT_THAT(std::string(refusal(api, "Oboe").message()),
                AllOf(HasSubstr("not found"), HasSubstr("Keys A:out"),
                      HasSubstr("Keys B:out")));
  }
}

TEST_F(RtMidiPortTest, ListsPortsOfBothDirections) {
  auto sender = JackSender::Create("host").value();
  auto listener = JackListener::Create("ear").value();
  const std::vector<PortList> lists = ListPorts(MidiApi::kJack);
  ASSERT_EQ(lists.size(), 1u);
  EXPECT_TRUE(lists[0].status.ok()) << lists[0].status;
  EXPECT_THAT(lists[0].inputs, Contains("host:out"));
  EXPECT_THAT(lists[0].outputs, Contains("ear:in"));
  EXPECT_FALSE(ListPorts(MidiApi::kAuto).empty());
}

TEST_F(RtMidiPortTest, AutoFindsTheServer) {
  auto output = RtMidiOutput::Create({.own_name = "Antiphon Out"});
  ASSERT_TRUE(output.ok()) << output.status();
  EXPECT_THAT((*output)->description(), HasSubstr("jack"));
}

TEST_F(RtMidiPortTest, TwoInputsAreTwoSources) {
  MidiRing clock_ring(kMidiRingCapacity);
  auto notes = MakeInput("Antiphon In");
  ASSERT_NE(notes, nullptr);
  auto clock = RtMidiInput::Create(
      {.api = MidiApi::kJack, .own_name = "Antiphon Clock"}, &clock_ring);
  ASSERT_TRUE(clock.ok()) << clock.status();
  auto sender = JackSender::Create("host").value();
  ASSERT_TRUE(sender->PlayTo("Antiphon Clock:Antiphon Clock").ok());
  sender->Play({{rt::Now(), MidiMessage::Clock()}});
  TimedMessage m;
  EXPECT_TRUE(Eventually([&] { return clock_ring.TryPop(m); }));
  EXPECT_TRUE(m.message.IsClock());
  EXPECT_TRUE(Received().empty());
}

TEST(RtMidiPortAlone, WithoutAServerTheStatusSaysWhatToDoAndNothingIsPrinted) {
  setenv("JACK_DEFAULT_SERVER", "antiphon-no-such-server", 1);
  setenv("JACK_NO_START_SERVER", "1", 1);
  MidiRing ring(kMidiRingCapacity);
  ::testing::internal::CaptureStderr();
  const absl::Status input =
      RtMidiInput::Create({.api = MidiApi::kJack, .own_name = "In"}, &ring)
          .status();
  const absl::Status output =
      RtMidiOutput::Create({.api = MidiApi::kJack, .own_name = "Out"}).status();
  const absl::Status any = RtMidiOutput::Create({.own_name = "Out"}).status();
  const std::vector<PortList> lists = ListPorts(MidiApi::kJack);
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
  EXPECT_THAT(std::string(input.message()), HasSubstr("start a JACK server"));
  EXPECT_THAT(std::string(output.message()), HasSubstr("start a JACK server"));
  if (!any.ok()) {
    EXPECT_THAT(std::string(any.message()), HasSubstr("start a JACK server"));
  }
  ASSERT_EQ(lists.size(), 1u);
  EXPECT_FALSE(lists[0].status.ok());
}

TEST(RtMidiPortAlone, ApisHaveNames) {
  EXPECT_EQ(ParseMidiApi("auto"), MidiApi::kAuto);
  EXPECT_EQ(ParseMidiApi("jack"), MidiApi::kJack);
  EXPECT_EQ(ParseMidiApi("alsa"), MidiApi::kAlsa);
  EXPECT_EQ(ParseMidiApi("oss"), std::nullopt);
}

}  // namespace
}  // namespace antiphon::edge
