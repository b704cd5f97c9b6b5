// SPDX-License-Identifier: Apache-2.0
//
// For tests: a job that keeps the contract, and every way to break it.
#ifndef ANTIPHON_INFERENCE_SERVICE_TEST_JOBS_H_
#define ANTIPHON_INFERENCE_SERVICE_TEST_JOBS_H_

#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "antiphon/v1/accompanist.pb.h"

namespace antiphon::inference {

// Two bars of 4/4 at 100 BPM, one note in each; the target is 3/4.
inline v1::GenerationJob GoodJob(uint64_t id) {
  v1::GenerationJob job;
  job.set_job_id(id);
  job.set_epoch(3);
  job.set_play_seq(10);
  job.set_bar_index(4);
  job.set_target_play_seq(12);
  job.set_target_bar_index(6);
  job.set_cut(3840);
  job.set_horizon_bars(1);
  job.set_seed(99);
  job.set_budget_us(2'000'000);
  v1::Meter& target = *job.add_target_meters();
  target.set_numerator(3);
  target.set_denominator(4);
  v1::Context& context = *job.mutable_context();
  context.set_origin_play_seq(9);
  for (uint32_t i = 0; i < 2; ++i) {
    v1::Note& note = *context.add_notes();
    note.set_index(i);
    note.set_tick(i == 0 ? 0 : 2400);
    note.set_duration(240);
    note.set_pitch(60 + i);
    note.set_velocity(80);
    v1::MeterChange& meter = *context.add_meter();
    meter.set_tick(i * 1920);
    meter.mutable_meter()->set_numerator(4);
    meter.mutable_meter()->set_denominator(4);
    context.add_bar_lines(i * 1920);
  }
  v1::TempoChange& tempo = *context.add_tempo();
  tempo.set_quarters_per_minute(100);
  return job;
}

struct BadJob {
  std::string field;  // what the refusal must name
  std::string value;  // and the value it must show
  std::function<void(v1::GenerationJob&)> spoil;
};

inline std::vector<BadJob> BadJobs() {
  using J = v1::GenerationJob;
  const auto note = [](J& j) { return j.mutable_context()->mutable_notes(1); };
  const auto meter = [](v1::Meter* m, uint32_t over, uint32_t under) {
    m->set_numerator(over);
    m->set_denominator(under);
  };
  constexpr int64_t kFar = int64_t{1} << 41;
  const double nan = std::nan("");
  return {
      {"job_id", "0", [](J& j) { j.set_job_id(0); }},
      {"bar_index", "-1", [](J& j) { j.set_bar_index(-1); }},
      {"target_play_seq", "10", [](J& j) { j.set_target_play_seq(10); }},
      {"budget_us", "0", [](J& j) { j.set_budget_us(0); }},
      {"budget_us", "-5", [](J& j) { j.set_budget_us(-5); }},
      {"budget_us", "60000001", [](J& j) { j.set_budget_us(60'000'001); }},
      {"cut", "-1", [](J& j) { j.set_cut(-1); }},
      {"cut", "2199023255552", [](J& j) { j.set_cut(kFar); }},
      {"temperature", "nan",
       [=](J& j) { j.mutable_sampling()->set_temperature(nan); }},
      {"temperature", "-0.5",
       [](J& j) { j.mutable_sampling()->set_temperature(-0.5); }},
      {"temperature", "2.5",
       [](J& j) { j.mutable_sampling()->set_temperature(2.5); }},
      {"temperature", "inf",
       [](J& j) { j.mutable_sampling()->set_temperature(HUGE_VAL); }},
      {"top_p", "0", [](J& j) { j.mutable_sampling()->set_top_p(0); }},
      {"top_p", "1.5", [](J& j) { j.mutable_sampling()->set_top_p(1.5); }},
      {"top_p", "nan", [=](J& j) { j.mutable_sampling()->set_top_p(nan); }},
      {"min_p", "2", [](J& j) { j.mutable_sampling()->set_min_p(2); }},
      {"notes", "5000",
       [](J& j) {
         while (j.context().notes_size() < 5000) {
           *j.mutable_context()->add_notes() = j.context().notes(1);
         }
       }},
      {"notes[1].pitch", "128", [=](J& j) { note(j)->set_pitch(128); }},
      {"notes[1].velocity", "0", [=](J& j) { note(j)->set_velocity(0); }},
      {"notes[1].velocity", "128", [=](J& j) { note(j)->set_velocity(128); }},
      {"notes[1].duration", "0", [=](J& j) { note(j)->set_duration(0); }},
      {"notes[1].duration", "-1", [=](J& j) { note(j)->set_duration(-1); }},
      {"notes[1].tick", "-2199023255552",
       [=](J& j) { note(j)->set_tick(-kFar); }},
      {"notes[1].tick", "-7", [=](J& j) { note(j)->set_tick(-7); }},
      {"target_meters", "0/4",
       [=](J& j) { meter(j.mutable_target_meters(0), 0, 4); }},
      {"target_meters", "4/3",
       [=](J& j) { meter(j.mutable_target_meters(0), 4, 3); }},
      {"target_meters", "4/0",
       [=](J& j) { meter(j.mutable_target_meters(0), 4, 0); }},
      {"target_meters", "4/64",
       [=](J& j) { meter(j.mutable_target_meters(0), 4, 64); }},
      {"target_meters", "65/4",
       [=](J& j) { meter(j.mutable_target_meters(0), 65, 4); }},
      {"target_meters", "0", [](J& j) { j.clear_target_meters(); }},
      {"meter[0]", "0/4",
       [=](J& j) {
         meter(j.mutable_context()->mutable_meter(0)->mutable_meter(), 0, 4);
       }},
      {"meter[1].tick", "-1920",
       [](J& j) { j.mutable_context()->mutable_meter(1)->set_tick(-1920); }},
      {"horizon_bars", "0", [](J& j) { j.set_horizon_bars(0); }},
      {"horizon_bars", "17", [](J& j) { j.set_horizon_bars(17); }},
      {"tempo[0]", "nan",
       [=](J& j) {
         j.mutable_context()->mutable_tempo(0)->set_quarters_per_minute(nan);
       }},
      {"tempo[0]", "0.5",
       [](J& j) {
         j.mutable_context()->mutable_tempo(0)->set_quarters_per_minute(0.5);
       }},
      {"tempo[0]", "1001",
       [](J& j) {
         j.mutable_context()->mutable_tempo(0)->set_quarters_per_minute(1001);
       }},
      {"tempo[1].tick", "-480",
       [](J& j) {
         v1::TempoChange& tempo = *j.mutable_context()->add_tempo();
         tempo = j.context().tempo(0);
         tempo.set_tick(-480);
       }},
      {"pedal[0].tick", "2199023255552",
       [](J& j) { j.mutable_context()->add_pedal()->set_tick(kFar); }},
      // What the context must say about every tick up to the cut.
      {"context.tempo", "0", [](J& j) { j.mutable_context()->clear_tempo(); }},
      {"tempo[0].tick", "1",
       [](J& j) { j.mutable_context()->mutable_tempo(0)->set_tick(1); }},
      {"tempo[1].tick", "3841",
       [](J& j) {
         v1::TempoChange& tempo = *j.mutable_context()->add_tempo();
         tempo = j.context().tempo(0);
         tempo.set_tick(3841);
       }},
      {"context.tempo", "257",
       [](J& j) {
         while (j.context().tempo_size() < 257) {
           *j.mutable_context()->add_tempo() = j.context().tempo(0);
         }
       }},
      {"context.meter", "0", [](J& j) { j.mutable_context()->clear_meter(); }},
      {"meter[0].tick", "1",
       [](J& j) { j.mutable_context()->mutable_meter(0)->set_tick(1); }},
      {"context.meter", "257",
       [](J& j) {
         while (j.context().meter_size() < 257) {
           *j.mutable_context()->add_meter() = j.context().meter(1);
         }
       }},
      {"context.bar_lines", "0",
       [](J& j) { j.mutable_context()->clear_bar_lines(); }},
      {"bar_lines[0]", "7",
       [](J& j) { j.mutable_context()->set_bar_lines(0, 7); }},
      {"context.bar_lines", "257",
       [](J& j) {
         while (j.context().bar_lines_size() < 257) {
           j.mutable_context()->add_bar_lines(1920 +
                                              j.context().bar_lines_size());
         }
       }},
      {"cut", "1920", [](J& j) { j.set_cut(1920); }},
      {"cut", "3841", [](J& j) { j.set_cut(3841); }},
      {"notes[1].tick", "3840", [=](J& j) { note(j)->set_tick(3840); }},
      {"bar_lines[2]", "1920",
       [](J& j) { j.mutable_context()->add_bar_lines(1920); }},
      {"bar_lines[2]", "2199023255552",
       [](J& j) { j.mutable_context()->add_bar_lines(kFar); }},
  };
}

}  // namespace antiphon::inference

#endif  // ANTIPHON_INFERENCE_SERVICE_TEST_JOBS_H_
