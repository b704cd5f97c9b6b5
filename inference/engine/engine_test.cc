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

TEST(JobQueue, EarliestDeadlineFirstThenArrivalAndALimit) {
  JobQueue queue(3);
  for (const int64_t deadline : {30, 10, 10}) {
    Job job;
    job.deadline = MonoTime::FromNanos(deadline);
    job.job_id = queue.size() + 1;
    EXPECT_TRUE(queue.Push({job, nullptr}));
  }
  EXPECT_FALSE(queue.Push({}));
  EXPECT_EQ(queue.Pop()->job.job_id, 2u);
  EXPECT_EQ(queue.Pop()->job.job_id, 3u);
  EXPECT_EQ(queue.Pop()->job.job_id, 1u);
  EXPECT_FALSE(queue.Pop().has_value());
}

}  // namespace
}  // namespace antiphon::inference
