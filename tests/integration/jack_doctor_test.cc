// SPDX-License-Identifier: Apache-2.0
//
// The doctor at a real JACK server: a host that plays, a service that answers,
// an output that is wired to the input.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/metrics/metrics.h"
#include "common/rt/clock.h"
#include "edge/doctor.h"
#include "inference/engine/mirror.h"
#include "inference/service/server.h"
#include "tests/integration/jack_fixture.h"
#include "tests/integration/jack_sender.h"

// RtMidi 5.0 leaks its send queue where there is no JACK server; the leak
// sanitizer reads this.
extern "C" const char* __lsan_default_suppressions() {
  return "leak:jack_ringbuffer_create\n";
}

namespace antiphon::edge {
namespace {

using ::testing::HasSubstr;
using testing::JackSender;
using Verdict = Finding::Verdict;

class DoctorTest : public testing::JackTest {
 protected:
  void SetUp() override {
    JackTest::SetUp();
    inference::Server::Options server;
    server.model = "mirror";
    auto service = inference::Server::Create(server, &mirror_, &metrics_);
    ASSERT_TRUE(service.ok()) << service.status();
    service_ = *std::move(service);
    options_.ports.api = MidiApi::kJack;
    options_.ports.in = {"host:out"};
    options_.ports.out = "";
    options_.service = absl::StrCat("127.0.0.1:", service_->port());
    options_.client = "test";
  }

  static std::vector<TimedMessage> Clock(int pulses) {
    const MonoTime start = rt::Now() + absl::Milliseconds(200);
    std::vector<TimedMessage> script = {
        {start - absl::Milliseconds(1), MidiMessage::Start()}};
    for (int i = 0; i < pulses; ++i) {
      script.push_back(
          {start + i * absl::Milliseconds(500) / 24, MidiMessage::Clock()});
    }
    return script;
  }

  // `listening` is called when the ports are open. How long that takes is up to
  // JACK.
  bool Examine(const std::function<void()>& listening = [] {}) {
    findings_.clear();
    MonoTime open = MonoTime::Max();
    const bool fine = Doctor::Examine(
        options_,
        [this](const Finding& finding) {
          std::printf("%s\n", ToLine(finding).c_str());
          findings_[finding.subject] = finding;
        },
        [&](const std::string&) {
          open = rt::Now();
          listening();
        });
    EXPECT_LT(rt::Now() - open, absl::Seconds(5));
    return fine;
  }

  inference::Mirror mirror_;
  Metrics metrics_;
  std::unique_ptr<inference::Server> service_;
  Doctor::Options options_;
  std::map<std::string, Finding> findings_;
};

TEST_F(DoctorTest, AHealthySetUpIsFineAndTheLoopIsMeasured) {
  auto host = JackSender::Create("host").value();
  options_.ports.out = "Antiphon In";
  Examine([&] { host->Play(Clock(24 * 12)); });
  // A container may refuse the priority; everything else is in our hands.
  for (const char* subject : {"ports", "clock", "service"}) {
    EXPECT_EQ(findings_[subject].verdict, Verdict::kFine) << subject;
  }
  EXPECT_THAT(findings_["clock"].text, HasSubstr("the host plays"));
  EXPECT_THAT(findings_["service"].text, HasSubstr("model mirror"));
  EXPECT_THAT(findings_["loop-back"].text, HasSubstr("10 of 10 came back"));
}

TEST_F(DoctorTest, WhatIsMissingIsNamed) {
  auto host = JackSender::Create("host").value();
  options_.service = "127.0.0.1:1";
  EXPECT_FALSE(Examine());
  EXPECT_EQ(findings_["ports"].verdict, Verdict::kFine);
  EXPECT_EQ(findings_["clock"].verdict, Verdict::kWrong);
  EXPECT_EQ(findings_["service"].verdict, Verdict::kWrong);
  EXPECT_THAT(findings_["loop-back"].text, HasSubstr("not connected"));
}

TEST_F(DoctorTest, AnUnknownPortAndAnotherEdgeAreNamed) {
  options_.ports.in = {"oboe"};
  EXPECT_FALSE(Examine());
  EXPECT_THAT(findings_["ports"].text, HasSubstr("\"oboe\" not found"));
  MidiRing ring(kMidiRingCapacity);
  auto other = RtMidiInput::Create(
      {.api = MidiApi::kJack, .own_name = "Antiphon In"}, &ring);
  ASSERT_TRUE(other.ok());
  options_.ports.in = {""};
  EXPECT_FALSE(Examine());
  EXPECT_THAT(findings_["ports"].text, HasSubstr("another antiphon-edge"));
}

}  // namespace
}  // namespace antiphon::edge
