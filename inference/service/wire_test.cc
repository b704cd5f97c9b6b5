// SPDX-License-Identifier: Apache-2.0
#include "inference/service/wire.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "inference/service/test_jobs.h"

namespace antiphon::inference {
namespace {

using ::testing::HasSubstr;

TEST(ToJob, CarriesEveryField) {
  v1::GenerationJob wire = GoodJob(7);
  wire.mutable_sampling()->set_temperature(0);
  wire.mutable_sampling()->set_min_p(0.1);
  wire.mutable_context()->mutable_notes(1)->set_held_by(v1::HELD_BY_PEDAL);
  wire.mutable_context()->mutable_notes(0)->set_source(v1::SOURCE_ANSWER);
  v1::PedalChange& pedal = *wire.mutable_context()->add_pedal();
  pedal.set_tick(480);
  pedal.set_down(true);
  const MonoTime now = MonoTime::FromNanos(1'000'000);
  const auto job = ToJob(wire, now);
  ASSERT_TRUE(job.ok()) << job.status();
  EXPECT_EQ(job->job_id, 7u);
  EXPECT_EQ(job->epoch, 3u);
  EXPECT_EQ(job->play_seq, 10u);
  EXPECT_EQ(job->bar_index, 4);
  EXPECT_EQ(job->seed, 99u);
  EXPECT_EQ(job->cut.count(), 3840);
  EXPECT_EQ(job->human_line().count(), 1920);
  EXPECT_EQ(job->deadline - now, absl::Seconds(2));
  EXPECT_EQ(job->target_meter, (Meter{3, 4}));
  EXPECT_EQ(job->human_meter, (Meter{4, 4}));
  EXPECT_EQ(job->origin_meter, (Meter{4, 4}));
  ASSERT_TRUE(job->sampling.has_value());
  EXPECT_EQ(job->sampling->temperature, 0);
  EXPECT_EQ(job->sampling->min_p, 0.1);
  ASSERT_EQ(job->notes.size(), 2u);
  EXPECT_EQ(job->notes[0].source, NoteSource::kAnswer);
  EXPECT_EQ(job->notes[1].held_by, HeldBy::kPedal);
  EXPECT_EQ(job->notes[1].tick.count(), 2400);
  ASSERT_EQ(job->pedals.size(), 1u);
  EXPECT_TRUE(job->pedals[0].down);
  ASSERT_EQ(job->tempos.size(), 1u);
  EXPECT_EQ(job->tempos[0].quarters_per_minute, 100);
}

TEST(ToJob, WithoutSamplingItIsLeftToTheModelCard) {
  EXPECT_FALSE(ToJob(GoodJob(1), MonoTime())->sampling.has_value());
}

TEST(ToJob, RefusesWhatBreaksTheContractAndNamesFieldAndValue) {
  for (const BadJob& bad : BadJobs()) {
    v1::GenerationJob wire = GoodJob(1);
    bad.spoil(wire);
    const auto job = ToJob(wire, MonoTime());
    ASSERT_FALSE(job.ok()) << bad.field << " " << bad.value;
    EXPECT_THAT(std::string(job.status().message()), HasSubstr(bad.field));
    EXPECT_THAT(std::string(job.status().message()), HasSubstr(bad.value));
  }
}

// A later meter, of the target say, is not the human bar's.
TEST(ToJob, TheHumanMeterIsTheOneAtTheLastBarLine) {
  v1::GenerationJob wire = GoodJob(1);
  v1::MeterChange& later = *wire.mutable_context()->add_meter();
  later.set_tick(3840);
  later.mutable_meter()->set_numerator(7);
  later.mutable_meter()->set_denominator(8);
  EXPECT_EQ(ToJob(wire, MonoTime())->human_meter, (Meter{4, 4}));
  EXPECT_EQ(ToJob(wire, MonoTime())->origin_meter, (Meter{4, 4}));
}

// The heard answers of a context may lie beyond the cut, the player's not.
TEST(ToJob, AnswersMayLieBeyondTheCut) {
  v1::GenerationJob wire = GoodJob(1);
  wire.mutable_context()->mutable_notes(1)->set_source(v1::SOURCE_ANSWER);
  wire.mutable_context()->mutable_notes(1)->set_tick(3840);
  EXPECT_TRUE(ToJob(wire, MonoTime()).ok());
}

TEST(ToJob, TakesTheLargestValuesAllowed) {
  v1::GenerationJob wire = GoodJob(1);
  wire.set_budget_us(60'000'000);
  wire.mutable_sampling()->set_temperature(2);
  wire.mutable_sampling()->set_top_p(1);
  wire.mutable_context()->mutable_tempo(0)->set_quarters_per_minute(1000);
  while (wire.context().notes_size() < 4096) {
    *wire.mutable_context()->add_notes() = wire.context().notes(1);
  }
  wire.set_horizon_bars(16);
  while (wire.target_meters_size() < 16) {
    *wire.add_target_meters() = wire.target_meters(0);
  }
  EXPECT_TRUE(ToJob(wire, MonoTime()).ok()) << ToJob(wire, MonoTime()).status();
}

TEST(Chunk, NamesTheHumanBarAndCarriesNotesAndTheEnd) {
  const Job job = *ToJob(GoodJob(7), MonoTime());
  v1::ServiceMessage message = ChunkOf(job);
  v1::BarChunk& chunk = *message.mutable_bar_chunk();
  AddNote(5,
          {.tick = Ticks::Of(480),
           .duration = Ticks::Of(240),
           .pitch = 64,
           .velocity = 90},
          chunk);
  JobEnd end{.reason = EndReason::kShortened, .context_bars = 2};
  end.tokens = 6;
  end.queue = absl::Microseconds(11);
  SetEnd(end, MonoTime(), MonoTime::FromNanos(5000), chunk);
  EXPECT_EQ(chunk.job_id(), 7u);
  EXPECT_EQ(chunk.epoch(), 3u);
  EXPECT_EQ(chunk.play_seq(), 10u);
  EXPECT_EQ(chunk.bar_index(), 4);
  ASSERT_EQ(chunk.notes_size(), 1);
  EXPECT_EQ(chunk.notes(0).index(), 5u);
  EXPECT_EQ(chunk.notes(0).tick(), 480);
  EXPECT_EQ(chunk.notes(0).duration(), 240);
  EXPECT_EQ(chunk.notes(0).source(), v1::SOURCE_ANSWER);
  EXPECT_TRUE(chunk.done());
  EXPECT_EQ(chunk.end_reason(), v1::END_REASON_SHORTENED);
  EXPECT_EQ(chunk.context_bars_used(), 2u);
  EXPECT_EQ(chunk.tokens(), 6u);
  EXPECT_EQ(chunk.timings().queue_us(), 11);
  EXPECT_EQ(chunk.timings().total_us(), 5);
}

}  // namespace
}  // namespace antiphon::inference
