// SPDX-License-Identifier: Apache-2.0
#include "edge/plan/planner.h"

#include <gtest/gtest.h>

namespace antiphon::edge {
namespace {

constexpr MonoTime kNow = MonoTime::FromNanos(1);

Reply::AnswerNote NoteAt(uint32_t index, int64_t tick) {
  return {index,
          {.tick = Ticks::Of(tick),
           .duration = Ticks::Of(10),
           .pitch = 60,
           .velocity = 80}};
}

TEST(Planner, NotesInTimeAreTheAnswer) {
  Planner planner;
  planner.Expect(5, 3, 3, 7);
  Plan* plan = planner.PlanOf(7);
  ASSERT_NE(plan, nullptr);
  EXPECT_TRUE(planner.AddNote(*plan, NoteAt(0, 0), kNow));
  EXPECT_FALSE(planner.AddNote(*plan, NoteAt(0, 0), kNow)) << "duplicate";
  EXPECT_EQ(planner.Decide(5, true).outcome, Outcome::kAnswer);
  EXPECT_EQ(planner.Decide(5, true).reason, Reason::kInTime);
  EXPECT_EQ(planner.Decide(5, true).notes.size(), 1u);
}

TEST(Planner, NothingByTheCutoffRepeatsTheLastAnswerOrIsSilent) {
  Planner planner;
  planner.Expect(2, 0, 0, 1);
  EXPECT_EQ(planner.Decide(2, true).outcome, Outcome::kSilence);
  EXPECT_EQ(planner.Decide(2, true).reason, Reason::kLate);
  planner.Expect(3, 1, 1, 2);
  planner.AddNote(*planner.PlanOf(2), NoteAt(0, 0), kNow);
  planner.Decide(3, true);
  planner.Expect(4, 2, 2, 3);
  EXPECT_EQ(planner.Decide(4, false).outcome, Outcome::kRepeat);
  EXPECT_EQ(planner.Decide(4, false).reason, Reason::kUnavailable);
  EXPECT_EQ(planner.Decide(4, false).notes.size(), 1u);
}

TEST(Planner, AnEmptyAnswerIsARest) {
  Planner planner;
  planner.Expect(2, 0, 0, 1);
  planner.Finish(*planner.PlanOf(1), EndReason::kEmpty, kNow);
  EXPECT_EQ(planner.Decide(2, true).outcome, Outcome::kRest);
  EXPECT_EQ(planner.Decide(2, true).reason, Reason::kEmpty);
}

TEST(Planner, EachFailureKeepsItsReason) {
  Planner planner;
  planner.Expect(2, 0, 0, 1);
  planner.Fail(*planner.PlanOf(1), Reason::kRefused);
  EXPECT_EQ(planner.Decide(2, true).reason, Reason::kRefused);
  planner.Expect(3, 1, 1, 2);
  planner.Finish(*planner.PlanOf(2), EndReason::kInvalid, kNow);
  EXPECT_EQ(planner.Decide(3, true).reason, Reason::kInvalid);
}

TEST(Planner, AFixedBarStaysAsItIs) {
  Planner planner;
  planner.Fix(1, Outcome::kRest, Reason::kWarmUp);
  planner.Expect(1, 0, 0, 9);
  EXPECT_EQ(planner.PlanOf(9), nullptr);
  EXPECT_EQ(planner.Decide(1, true).reason, Reason::kWarmUp);
}

TEST(Planner, ARepeatSaysForWhichBarItWasMade) {
  Planner planner;
  planner.Expect(2, 0, 0, 1, Ticks::Of(1920));
  planner.AddNote(*planner.PlanOf(1), NoteAt(0, 0), kNow);
  EXPECT_EQ(planner.Decide(2, true).made_for, Ticks::Of(1920));
  planner.Expect(3, 1, 1, 2, Ticks::Of(1440));
  EXPECT_EQ(planner.Decide(3, true).made_for, Ticks::Of(1920));
}

TEST(Planner, ABreakForgetsWhatMayBeRepeated) {
  Planner planner;
  planner.Expect(2, 0, 0, 1);
  planner.AddNote(*planner.PlanOf(1), NoteAt(0, 0), kNow);
  planner.Decide(2, true);
  planner.Expect(3, 1, 1, 2);
  EXPECT_EQ(planner.Clear(), (std::vector<JobId>{1, 2}));
  EXPECT_EQ(planner.Decide(9, true).outcome, Outcome::kSilence);
}

}  // namespace
}  // namespace antiphon::edge
