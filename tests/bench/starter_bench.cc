// SPDX-License-Identifier: Apache-2.0
//
// One musician at 120 quarter notes a minute on one core: how long the shipped
// model takes for an answer of 60 tokens, its context read from the beginning.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <vector>

#include "common/rt/clock.h"
#include "inference/model_answerer.h"
#include "tests/bench/row.h"

namespace antiphon::bench {
namespace {

using inference::Job;
using inference::JobEnd;

constexpr int kJobs = 60;
constexpr int kContextBars = 3;  // as the edge sends at most
constexpr double kAnswerTokens = 60;
constexpr double kBarMs = 2000;
constexpr double kFifthOfABeatMs = 100;

class Nobody : public inference::AnswerSink {
 public:
  void OnNote(uint32_t, const Note&) override {}
  void OnEnd(const JobEnd&) override {}
  bool cancelled() const override { return false; }
};

// Eighths over two chords a bar, in another key each time, so that nothing of
// the context is known from the job before.
Job JobOf(int number) {
  constexpr int kScale[] = {0, 2, 4, 5, 7, 9, 11, 12};
  Job job;
  job.job_id = static_cast<uint64_t>(number);
  job.seed = static_cast<uint64_t>(number);
  job.tempos = {{Ticks(), 120}};
  const int key = 55 + number * 5 % 12;
  const auto add = [&job](int64_t tick, int64_t length, int pitch) {
    job.notes.push_back({.tick = Ticks::Of(tick),
                         .duration = Ticks::Of(length),
                         .pitch = static_cast<uint8_t>(pitch),
                         .velocity = 80});
  };
  for (int bar = 0; bar < kContextBars; ++bar) {
    const int64_t line = bar * 4 * kTicksPerQuarter;
    job.bar_lines.push_back(Ticks::Of(line));
    for (int eighth = 0; eighth < 8; ++eighth) {
      const int64_t tick = line + eighth * kTicksPerQuarter / 2;
      if (eighth % 4 == 0) {
        for (const int third : {0, 4, 7}) {
          add(tick, 2 * kTicksPerQuarter, key - 12 + third);
        }
      }
      add(tick, kTicksPerQuarter / 2,
          key + 12 + kScale[(eighth * 3 + bar + number) % 8]);
    }
  }
  job.cut = Ticks::Of(kContextBars * 4 * kTicksPerQuarter);
  job.deadline = rt::Now() + absl::Hours(1);
  return job;
}

int Run(const char* folder) {
  const auto model = inference::LoadAnswerer({.path = folder});
  if (!model.ok()) {
    std::fprintf(stderr, "%s\n", model.status().ToString().c_str());
    return 1;
  }
  Nobody nobody;
  std::vector<double> bars;
  double tokens = 0;
  double seconds = 0;
  for (int i = 0; i < kJobs; ++i) {
    Job job = JobOf(i);
    inference::Sampling sampling;
    sampling.temperature = model->info.temperature;
    sampling.top_p = model->info.top_p.value_or(1);
    job.sampling = sampling;
    const JobEnd end = model->answerer->Answer(job, nobody);
    if (end.tokens == 0) continue;
    const double decode = absl::ToDoubleMilliseconds(end.decode);
    bars.push_back(absl::ToDoubleMilliseconds(end.prefill) +
                   decode / end.tokens * kAnswerTokens);
    tokens += end.tokens;
    seconds += decode / 1e3;
  }
  std::sort(bars.begin(), bars.end());
  const double median = bars[bars.size() / 2];
  Print({"starter_bar", median, "ms", kFifthOfABeatMs});
  Print({"starter_bar.p95", bars[bars.size() * 95 / 100], "ms"});
  Print({"starter_bar.share_of_bar", 100 * median / kBarMs, "%"});
  Print({"starter_bar.decode", tokens / seconds, "tokens/s"});
  return 0;
}

}  // namespace
}  // namespace antiphon::bench

int main() {
  return antiphon::bench::Run(ANTIPHON_SOURCE_DIR "/models/starter");
}
