// SPDX-License-Identifier: Apache-2.0
#include "inference/evaluate/rows.h"

#include <algorithm>
#include <numeric>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "common/rt/clock.h"
#include "inference/evaluate/window_file.h"

namespace antiphon::inference {
namespace {

class Collector : public AnswerSink {
 public:
  void OnNote(uint32_t, const Note& note) override { notes.push_back(note); }
  void OnEnd(const JobEnd&) override {}
  bool cancelled() const override { return false; }

  std::vector<Note> notes;  // from the target's line
};

// Of the bar after `bars` bars of `notes`.
Job JobAfter(std::vector<Note> notes, int bars, const Passage& call,
             const std::vector<TempoChange>& tempos) {
  const auto line = [&call](int bar) {
    return Ticks::Of(bar * call.bar_length.count());
  };
  Job job;
  job.notes = std::move(notes);
  job.tempos = tempos;
  for (int bar = 0; bar < bars; ++bar) job.bar_lines.push_back(line(bar));
  job.cut = line(bars);
  job.human_meter = job.target_meter = *MeterOf(call.bar_length);
  job.deadline = rt::Now() + absl::Hours(24);
  return job;
}

// As the player's keys are at the cut: what sounds on is held.
void CutHeld(Ticks cut, std::vector<Note>& notes) {
  for (Note& note : notes) {
    if (note.end() <= cut) continue;
    note.duration = cut - note.tick;
    note.held_by = HeldBy::kKey;
  }
}

// Answers by an answerer.
class Player {
 public:
  explicit Player(const ModelAnswers& how) : how_(how) {}

  absl::StatusOr<Passage> operator()(const Case& one, Random& random) const {
    std::vector<Note> notes = how_.jitter
                                  ? Jittered(one.call, one.tempos, random).notes
                                  : one.call.notes;
    CutHeld(one.call.length(), notes);
    const uint64_t seed = random();
    const int bars = one.call.bars;
    for (int bar = 0; bar < one.human.bars; ++bar) {
      Job job = JobAfter(notes, bars + bar, one.call, one.tempos);
      job.sampling = how_.sampling;
      job.seed = seed + static_cast<uint64_t>(bar);
      Collector collector;
      const JobEnd end = how_.answerer->Answer(job, collector);
      if (end.reason == EndReason::kInvalid) {
        return absl::InternalError(absl::StrCat(
            "the model's answer to ", one.file,
            " could not be used; antiphon-model info checks the checkpoint"));
      }
      // The keys that were down are up by now.
      for (Note& note : notes) note.held_by = HeldBy::kNone;
      for (Note note : collector.notes) {
        note.tick += job.cut;
        notes.push_back(note);
      }
    }
    return PassageOf(notes, one.call.length(), one.call.bar_length,
                     one.human.bars);
  }

 private:
  const ModelAnswers how_;
};

}  // namespace

absl::StatusOr<Row> RowOf(const RowOptions& options,
                          const std::vector<Case>& cases,
                          const Answering& answer,
                          const std::function<void()>& on_case) {
  Row row{options.name, options.label, 0, {}};
  for (size_t i = 0; i < cases.size(); ++i) {
    for (int sample = 0; sample < options.samples; ++sample) {
      std::seed_seq seeds{options.seed, uint64_t{i},
                          static_cast<uint64_t>(sample)};
      Random random(seeds);
      const absl::StatusOr<Passage> given = answer(cases[i], random);
      if (!given.ok()) return given.status();
      const Metrics metrics = Compare(cases[i].call, *given);
      for (size_t m = 0; m < metrics.size(); ++m) row.mean[m] += metrics[m];
      ++row.answers;
    }
    if (on_case) on_case();
  }
  for (double& mean : row.mean) mean /= static_cast<double>(row.answers);
  return row;
}

absl::StatusOr<std::vector<Row>> BaselineRows(const std::vector<Case>& cases,
                                              int samples, uint64_t seed) {
  struct Kind {
    RowOptions options;
    Answering answer;
  };
  const std::vector<Kind> kinds = {
      {{"human", "human"}, [](const Case& one, Random&) { return one.human; }},
      {{"repeat_call", "repeat the call"},
       [](const Case& one, Random&) { return one.call; }},
      {{"repeat_last_bar", "repeat the last bar (fallback `repeat`)"},
       [](const Case& one, Random&) { return RepeatLastBar(one.call); }},
      {{"markov_2", "Markov-2 (interval, gap)", samples, seed},
       [](const Case& one, Random& random) {
         return Markov2(one.call, random);
       }},
      {{"random_in_key", "random in key", samples, seed},
       [](const Case& one, Random& random) {
         return RandomInKey(one.call, random);
       }},
  };
  std::vector<Row> rows;
  for (const Kind& kind : kinds) {
    absl::StatusOr<Row> row = RowOf(kind.options, cases, kind.answer);
    if (!row.ok()) return row.status();
    rows.push_back(*std::move(row));
  }
  return rows;
}

Answering ModelAnswering(const ModelAnswers& how) { return Player(how); }

}  // namespace antiphon::inference
