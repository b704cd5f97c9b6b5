// SPDX-License-Identifier: Apache-2.0
//
// The ports of a session over a real JACK server: several inputs merged, the
// clock from one of them alone, one channel of the notes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <utility>
#include <vector>

#include "common/rt/clock.h"
#include "edge/midi_ports.h"
#include "tests/integration/jack_fixture.h"
#include "tests/integration/jack_sender.h"

// RtMidi 5.0 leaks its send queue where there is no JACK server; the leak
// sanitizer reads this.
extern "C" const char* __lsan_default_suppressions() {
  return "leak:jack_ringbuffer_create\n";
}

namespace antiphon::edge {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::JackSender;

const MidiMessage kNote = MidiMessage::NoteOn(0, 60, 1);
const MidiMessage kOther = MidiMessage::NoteOn(4, 61, 1);
const MidiMessage kClock = MidiMessage::Clock();

class PortsTest : public testing::JackTest {
 protected:
  void SetUp() override {
    JackTest::SetUp();
    keys_ = JackSender::Create("keys").value();
    pads_ = JackSender::Create("pads").value();
    options_.api = MidiApi::kJack;
  }

  // Both senders send a clock and two notes; what comes out of each ring.
  std::vector<std::vector<MidiMessage>> Arrived() {
    auto ports = MidiPorts::Create(options_);
    EXPECT_TRUE(ports.ok()) << ports.status();
    if (!ports.ok()) return {};
    const MonoTime at = rt::Now() + absl::Milliseconds(50);
    keys_->Play({{at, kClock}, {at, kNote}, {at, kOther}});
    pads_->Play({{at, kClock}, {at, kNote}, {at, kOther}});
    rt::SleepUntil(at + absl::Milliseconds(200));
    std::vector<std::vector<MidiMessage>> arrived;
    for (MidiRing* ring : (*ports)->rings()) {
      TimedMessage m;
      arrived.emplace_back();
      while (ring->TryPop(m)) arrived.back().push_back(m.message);
    }
    labels_ = (*ports)->labels();
    return arrived;
  }

  std::unique_ptr<JackSender> keys_;
  std::unique_ptr<JackSender> pads_;
  MidiPorts::Options options_;
  std::vector<std::string> labels_;
};

TEST_F(PortsTest, MergedInputsHaveOneClockTheFirsts) {
  options_.in = {"keys", "pads"};
  EXPECT_THAT(Arrived(), ElementsAre(ElementsAre(kClock, kNote, kOther),
                                     ElementsAre(kNote, kOther)));
  EXPECT_THAT(labels_, ElementsAre("in", "in 2"));
}

TEST_F(PortsTest, AClockPortBringsTheClockAlone) {
  options_.in = {"keys"};
  options_.clock = "pads";
  EXPECT_THAT(Arrived(),
              ElementsAre(ElementsAre(kNote, kOther), ElementsAre(kClock)));
  EXPECT_THAT(labels_, ElementsAre("in", "clock"));
}

TEST_F(PortsTest, OneChannelAndNoClockWhereTimeComesFromElsewhere) {
  options_.in = {"keys"};
  options_.takes_clock = false;
  options_.in_channel = 5;
  EXPECT_THAT(Arrived(), ElementsAre(ElementsAre(kOther)));
}

TEST_F(PortsTest, APortNamedTwiceIsRefused) {
  options_.in = {"keys", "keys:out"};
  EXPECT_THAT(std::string(MidiPorts::Create(options_).status().message()),
              HasSubstr("\"keys:out\" is named twice"));
  options_.in = {"keys"};
  options_.clock = "keys";
  EXPECT_TRUE(absl::IsInvalidArgument(MidiPorts::Create(options_).status()));
}

TEST_F(PortsTest, WithoutPortsTheOutputTakesEverything) {
  auto ports = MidiPorts::Create(options_).value();
  EXPECT_THAT(ports->rings(), IsEmpty());
  EXPECT_THAT(ports->Descriptions(), IsEmpty());
  EXPECT_TRUE(ports->output()->Send(kNote));
}

}  // namespace
}  // namespace antiphon::edge
