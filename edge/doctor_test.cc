// SPDX-License-Identifier: Apache-2.0
#include "edge/doctor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace antiphon::edge {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using Verdict = Finding::Verdict;

ClockMeter::Reading Reading(double jitter_ms) {
  return {120, absl::Milliseconds(jitter_ms)};
}

TEST(Doctor, NoClockNamesTheHostsSetting) {
  const Finding finding = JudgeClock({absl::Seconds(3)});
  EXPECT_EQ(finding.verdict, Verdict::kWrong);
  EXPECT_THAT(ToLine(finding),
              AllOf(HasSubstr("WRONG  clock      no MIDI clock arrived in 3.0"),
                    HasSubstr("; remedy: in the host, send clock (Sync)")));
}

TEST(Doctor, AClockThatStoppedAtOnceIsWrong) {
  EXPECT_EQ(JudgeClock({absl::Seconds(3), 5}).verdict, Verdict::kWrong);
}

TEST(Doctor, AGoodClockIsToldWithTempoJitterAndTransport) {
  const Finding plays =
      JudgeClock({absl::Seconds(3), 144, Reading(0.61), true});
  EXPECT_EQ(plays.verdict, Verdict::kFine);
  EXPECT_EQ(ToLine(plays),
            "ok     clock      120.0 BPM, jitter 0.61 ms, the host plays");
  EXPECT_THAT(
      JudgeClock({absl::Seconds(3), 144, Reading(0), false}).text,
      HasSubstr("no START yet: press play; a host that plays already is "
                "joined"));
}

TEST(Doctor, JitterIsWrongBeyondItsBoundOnly) {
  EXPECT_EQ(JudgeClock({absl::Seconds(3), 144, Reading(5.0), true}).verdict,
            Verdict::kFine);
  EXPECT_EQ(JudgeClock({absl::Seconds(3), 144, Reading(5.1), true}).verdict,
            Verdict::kWrong);
}

TEST(Doctor, TheServiceIsJudgedByAnswerAndRoundTrip) {
  EXPECT_THAT(ToLine(JudgeService({"host:1"})),
              AllOf(HasSubstr("WRONG  service    host:1 does not answer"),
                    HasSubstr("start antiphon-inference")));
  EXPECT_EQ(JudgeService({"host:1", true, "m"}).verdict, Verdict::kWrong);
  EXPECT_EQ(
      ToLine(JudgeService({"host:1", true, "aria", absl::Microseconds(1250)})),
      "ok     service    host:1 answers, model aria, round trip 1.2 ms");
  EXPECT_EQ(
      JudgeService({"host:1", true, "aria", absl::Milliseconds(51)}).verdict,
      Verdict::kWrong);
}

TEST(Doctor, RefusedPriorityGivesTheRemedyAlone) {
  EXPECT_EQ(JudgePriority(absl::OkStatus()).verdict, Verdict::kFine);
  const Finding refused = JudgePriority(
      absl::PermissionDeniedError("refused (error 1). Remedy: ask the king"));
  EXPECT_EQ(refused.verdict, Verdict::kWrong);
  EXPECT_THAT(ToLine(refused), AllOf(HasSubstr("; remedy: ask the king"),
                                     Not(HasSubstr("error 1"))));
}

TEST(Doctor, LoopBackIsANoteNeverWrong) {
  EXPECT_THAT(ToLine(JudgeLoopBack(10, {})),
              HasSubstr("note   loop-back  the output is not connected"));
  EXPECT_THAT(
      ToLine(JudgeLoopBack(10, {absl::Milliseconds(9), absl::Milliseconds(1),
                                absl::Milliseconds(2)})),
      HasSubstr("2.00 ms from output to input (median; 3 of 10 came back)"));
}

TEST(PortLists, AreReadBesideTheirFlags) {
  EXPECT_EQ(
      ToText({{"jack", absl::OkStatus(), {"Keys:out", "Live:out"}, {}},
              {"alsa", absl::UnavailableError("why; remedy: this"), {}, {}}}),
      "jack\n"
      "  Antiphon can listen to (--in, --clock):\n"
      "    Keys:out\n"
      "    Live:out\n"
      "  Antiphon can play to (--out): none\n"
      "alsa is not there. why; remedy: this\n"
      "Without --in and --out Antiphon makes ports of its own, where the "
      "system lets it:\n"
      "\"Antiphon In\" and \"Antiphon Out\", to be chosen in the host.\n");
}

}  // namespace
}  // namespace antiphon::edge
