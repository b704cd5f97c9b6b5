// SPDX-License-Identifier: Apache-2.0
//
// One musician at 120 quarter notes a minute on one core: how long the shipped
// model takes for an answer of 60 tokens, its context read from the beginning.
//
// `starter_first_note`: what three candidates for the first note take and give
// (docs/decisions/0026), on the same jobs in turns: how long until it is there,
// and how unlikely the model itself finds the note and its onset.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "common/rt/clock.h"
#include "inference/engine/aria_answerer.h"
#include "inference/model/checkpoint.h"
#include "inference/model/mapped_model.h"
#include "inference/model/torch_model.h"
#include "inference/model_answerer.h"
#include "tests/bench/row.h"

namespace antiphon::bench {
namespace {

using inference::Job;
using inference::JobEnd;

constexpr int kJobs = 60;
constexpr int kFirstNotes = 100;
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

std::unique_ptr<inference::Model> Open(const char* folder) {
  const auto checkpoint = inference::Checkpoint::Open(folder);
  if (!checkpoint.ok()) return nullptr;
  auto model = inference::TorchModel::Create(**checkpoint, {});
  if (!model.ok()) return nullptr;
  return inference::ByIds(*std::move(model), (*checkpoint)->card());
}

// Notes when the first one came.
class FirstNote : public inference::AnswerSink {
 public:
  void OnNote(uint32_t index, const Note&) override {
    if (index == 0) at = rt::Now();
  }
  void OnEnd(const JobEnd&) override {}
  bool cancelled() const override { return at.has_value(); }

  std::optional<MonoTime> at;
};

// Of the first note and its onset, by what `reader` says of them.
double NatsOfFirst(inference::Model& reader,
                   const inference::AriaAnswerer& answerer) {
  const inference::Vocabulary vocabulary =
      *inference::Vocabulary::FromRows(reader.info().vocabulary_rows);
  std::vector<inference::TokenId> text = answerer.prompt();
  std::vector<float> logits(static_cast<size_t>(vocabulary.size()));
  double nats = 0;
  for (const inference::TokenId token : answerer.drawn()) {
    const auto kind = vocabulary.ClassOf(token);
    if (kind == inference::TokenClass::kNote ||
        kind == inference::TokenClass::kOnset) {
      reader.Rewind(0, 0);
      if (!reader.Prefill(0, text, absl::MakeSpan(logits)).ok()) return NAN;
      const double best = *std::max_element(logits.begin(), logits.end());
      double sum = 0;
      for (const float logit : logits) sum += std::exp(logit - best);
      nats += best + std::log(sum) - logits[static_cast<size_t>(token)];
    }
    if (kind == inference::TokenClass::kDur) return nats;
    text.push_back(token);
  }
  return NAN;
}

struct FirstNotes {
  std::unique_ptr<inference::AriaAnswerer> answerer;
  std::vector<double> ms;
  double nats = 0;
};

void Median(const char* name, std::vector<double> values, const char* unit) {
  std::sort(values.begin(), values.end());
  Print({name, values[values.size() / 2], unit});
}

int RunFirstNotes(const char* folder) {
  const std::unique_ptr<inference::Model> reader = Open(folder);
  FirstNotes one{*inference::AriaAnswerer::Create(Open(folder), 1), {}, 0};
  FirstNotes three{*inference::AriaAnswerer::Create(Open(folder), 3), {}, 0};
  for (int i = 0; i < kFirstNotes; ++i) {
    const Job job = JobOf(i);
    for (FirstNotes* each : {&one, &three}) {
      FirstNote first;
      const MonoTime begin = rt::Now();
      each->answerer->Answer(job, first);
      if (!first.at) continue;
      each->ms.push_back(absl::ToDoubleMilliseconds(*first.at - begin));
      each->nats += NatsOfFirst(*reader, *each->answerer);
    }
  }
  Median("starter_first_note", one.ms, "ms");
  Median("starter_first_note.of_three", three.ms, "ms");
  const auto mean = [](const FirstNotes& notes) {
    return notes.nats / static_cast<double>(notes.ms.size());
  };
  Print({"starter_first_note.nats", mean(one), "nats"});
  Print({"starter_first_note.nats_of_three", mean(three), "nats"});
  return 0;
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
  constexpr char kStarter[] = ANTIPHON_SOURCE_DIR "/models/starter";
  const int failed = antiphon::bench::Run(kStarter);
  return failed != 0 ? failed : antiphon::bench::RunFirstNotes(kStarter);
}
