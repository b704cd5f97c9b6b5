// SPDX-License-Identifier: Apache-2.0
#include "inference/engine/engine.h"

#include <gtest/gtest.h>

#include "inference/engine/mirror.h"

namespace antiphon::inference {
namespace {

Job JobWith(std::vector<Note> notes) {
  Job job;
  job.notes = std::move(notes);
  job.bar_lines = {Ticks(), Ticks::Of(1920)};
  job.cut = Ticks::Of(3840);
  return job;
}

Note At(int64_t tick, int64_t duration, HeldBy held = HeldBy::kNone) {
  return {.tick = Ticks::Of(tick),
          .duration = Ticks::Of(duration),
          .pitch = 60,
          .velocity = 70,
          .held_by = held};
}

TEST(Mirror, GivesTheLastBarBack) {
  const auto answer =
      MirrorOf(JobWith({At(100, 50), At(1920, 240), At(3000, 100)}));
  ASSERT_EQ(answer.size(), 2u);
  EXPECT_EQ(answer[0].tick.count(), 0);
  EXPECT_EQ(answer[0].duration.count(), 240);
  EXPECT_EQ(answer[1].tick.count(), 1080);
  EXPECT_EQ(answer[0].source, NoteSource::kAnswer);
}

TEST(Mirror, AHeldNoteLastsToTheEndAndAnEarlierOneIsNotStruckAgain) {
  const auto answer = MirrorOf(
      JobWith({At(1000, 2840, HeldBy::kKey), At(2400, 1440, HeldBy::kPedal)}));
  ASSERT_EQ(answer.size(), 1u);
  EXPECT_EQ(answer[0].tick.count(), 480);
  EXPECT_EQ(answer[0].duration.count(), 1440);
}

TEST(Mirror, AShorterTargetCuts) {
  Job job = JobWith({At(1920, 1900), At(3400, 100)});
  job.target_meter = {3, 4};
  const auto answer = MirrorOf(job);
  ASSERT_EQ(answer.size(), 1u);
  EXPECT_EQ(answer[0].duration.count(), 1440);
}

class SilentSink : public AnswerSink {
 public:
  void OnNote(uint32_t, const Note&) override {}
  void OnEnd(const JobEnd&) override {}
  bool cancelled() const override { return stop; }

  bool stop = false;
};

// A queue of jobs 1, 2, 3 that are due in the order 2, 3, 1.
class JobQueueTest : public ::testing::Test {
 protected:
  JobQueueTest() {
    for (const int64_t deadline : {30, 10, 10}) {
      Job job;
      job.deadline = MonoTime::FromNanos(deadline);
      job.job_id = queue_.size() + 1;
      EXPECT_TRUE(queue_.Push({job, sinks_[queue_.size()]}));
    }
  }

  const std::vector<std::shared_ptr<SilentSink>> sinks_ = {
      std::make_shared<SilentSink>(), std::make_shared<SilentSink>(),
      std::make_shared<SilentSink>()};
  JobQueue queue_{3};
};

TEST_F(JobQueueTest, EarliestDeadlineFirstThenArrivalAndALimit) {
  EXPECT_FALSE(queue_.Push({Job(), sinks_[0]}));
  EXPECT_EQ(queue_.Pop()->job.job_id, 2u);
  EXPECT_EQ(queue_.Pop()->job.job_id, 3u);
  EXPECT_EQ(queue_.Pop()->job.job_id, 1u);
  EXPECT_FALSE(queue_.Pop().has_value());
}

TEST_F(JobQueueTest, CancelledJobsDoNotWaitForTheirTurn) {
  sinks_[0]->stop = true;
  EXPECT_EQ(queue_.Pop()->job.job_id, 1u);
  EXPECT_EQ(queue_.Pop()->job.job_id, 2u);
}

}  // namespace
}  // namespace antiphon::inference
