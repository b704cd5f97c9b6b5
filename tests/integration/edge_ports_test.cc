// SPDX-License-Identifier: Apache-2.0
//
// antiphon-edge as a program on a real JACK server: names of ports that mean
// none, or more than one, are one line that lists the candidates.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "common/rt/clock.h"
#include "tests/execute.h"
#include "tests/integration/jack_fixture.h"
#include "tests/integration/jack_listener.h"
#include "tests/integration/jack_sender.h"

namespace antiphon::edge {
namespace {

using ::testing::AllOf;
using testing::Executed;
using ::testing::HasSubstr;
using testing::JackListener;
using testing::JackSender;
using Flags = std::vector<std::string>;

const std::string kProgram =
    std::string(ANTIPHON_BINARY_DIR) + "/bin/antiphon-edge";

class EdgePortsTest : public testing::JackTest {
 protected:
  void SetUp() override {
    JackTest::SetUp();
    if (server_ == nullptr) return;
    a_ = JackSender::Create("Keys A").value();
    b_ = JackSender::Create("Keys B").value();
    piano_ = JackListener::Create("Piano").value();
    organ_ = JackListener::Create("Pipe organ").value();
  }

  static Flags With(const Flags& more) {
    Flags flags = {"--midi-api=jack", "--metrics=", "--service=127.0.0.1:1"};
    flags.insert(flags.end(), more.begin(), more.end());
    return flags;
  }
  static void ExpectWrong(const Flags& more, const std::string& named) {
    testing::ExpectRefused(kProgram, With(more), named);
  }

  std::unique_ptr<JackSender> a_, b_;
  std::unique_ptr<JackListener> piano_, organ_;
};

TEST_F(EdgePortsTest, NamesThatMatchNoneOrSeveralListTheCandidates) {
  const std::string keys = "\"Keys A:out\", \"Keys B:out\"";
  const std::string sounds = "\"Piano:in\", \"Pipe organ:in\"";
  ExpectWrong({"--in=Keys"},
              "MIDI input (jack) \"Keys\" matches several: " + keys);
  ExpectWrong({"--in=Oboe"}, "MIDI input (jack) \"Oboe\" not found; there are");
  ExpectWrong({"--in=Oboe"}, keys);
  ExpectWrong({"--clock=Keys"}, "\"Keys\" matches several: " + keys);
  ExpectWrong({"--in=Keys A", "--out=Pi"},
              "MIDI output (jack) \"Pi\" matches several: " + sounds);
  ExpectWrong({"--source=internal", "--in=Keys A", "--out=Drums"},
              "MIDI output (jack) \"Drums\" not found; there are: ");
}

TEST_F(EdgePortsTest, OnePortIsNotTakenTwice) {
  ExpectWrong({"--in=Keys A", "--clock=Keys A:out"},
              "MIDI input \"Keys A:out\" is named twice (jack, connected to ");
}

TEST_F(EdgePortsTest, NamesThatMatchOneAreTakenAndListed) {
  const Executed played = testing::Execute(
      kProgram, With({"--in=Keys A", "--clock=Keys B", "--out=Pia"}),
      {.stop_at = "out: jack"});
  EXPECT_EQ(played.status, 0) << played.err;
  EXPECT_THAT(played.err,
              AllOf(HasSubstr(" in: jack, connected to \"Keys A:out\""),
                    HasSubstr(" clock: jack, connected to \"Keys B:out\""),
                    HasSubstr(" out: jack, connected to \"Piano:in\"")));
  const Executed listed = testing::Execute(kProgram, {"--list-ports"});
  EXPECT_EQ(listed.status, 0);
  EXPECT_THAT(
      listed.out,
      AllOf(HasSubstr("(--in, --clock):\n"), HasSubstr("    Keys A:out\n"),
            HasSubstr("(--out):\n"), HasSubstr("    Pipe organ:in\n")));
}

TEST_F(EdgePortsTest, TheDoctorNamesWhatIsWrongAndFails) {
  const Executed result =
      testing::Execute(kProgram, {"doctor", "--midi-api=jack", "--in=Keys A",
                                  "--out=Piano", "--service=127.0.0.1:1"});
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(
      result.out,
      AllOf(
          HasSubstr("ok     ports      in: jack, connected to \"Keys A:out\""),
          HasSubstr("WRONG  clock      no MIDI clock arrived in 3.0 s"),
          HasSubstr("WRONG  service    127.0.0.1:1 does not answer")));
  EXPECT_THAT(result.err, HasSubstr("\nantiphon-edge: "));
  EXPECT_THAT(result.err, HasSubstr(" findings are WRONG"));
}

TEST_F(EdgePortsTest, TheMonitorShowsWhatArrivesUntilItIsStopped) {
  std::vector<TimedMessage> script;
  for (int i = 0; i < 100; ++i) {
    script.push_back({rt::Now() + i * absl::Milliseconds(100),
                      MidiMessage::NoteOn(0, 60, 80)});
  }
  a_->Play(script);
  const Executed result = testing::Execute(
      kProgram, {"--monitor", "--midi-api=jack", "--in=Keys A"},
      {.stop_at = "note on   60 C4",
       .in_child = [] { dup2(STDERR_FILENO, STDOUT_FILENO); }});
  EXPECT_EQ(result.status, 0);
  EXPECT_THAT(
      result.err,
      AllOf(HasSubstr("in: jack, connected to \"Keys A:out\"\n"),
            HasSubstr("velocity 80  channel 1"), HasSubstr(" | stopped\n")));
}

}  // namespace
}  // namespace antiphon::edge
