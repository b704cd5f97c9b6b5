// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdio>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "common/midi/midi_file.h"
#include "common/rt/clock.h"
#include "inference/model_answerer.h"
#include "inference/tool/command.h"
#include "inference/tool/midi_prompt.h"

namespace antiphon::inference {
namespace {

// As the edge's contexts grow, W to 2W − 1 bars, so that what was read of one
// bar serves the next (docs/architecture.md). Longer than there: an answer to
// an answer needs to know where it began.
constexpr BarIndex kContextBars = 8;

// Prints notes as they come, and keeps them.
class Listener : public AnswerSink {
 public:
  Listener(BarIndex bar, Ticks line) : bar_(bar), line_(line) {}

  void OnNote(uint32_t, const Note& note) override {
    std::printf("bar %d: tick %4d, %4d long, pitch %3d, velocity %3d\n",
                static_cast<int>(bar_), static_cast<int>(note.tick.count()),
                static_cast<int>(note.duration.count()), note.pitch,
                note.velocity);
    std::fflush(stdout);
    notes.push_back(note);
    notes.back().tick += line_;
  }
  void OnEnd(const JobEnd&) override {}
  bool cancelled() const override { return false; }

  std::vector<Note> notes;

 private:
  const BarIndex bar_;
  const Ticks line_;
};

// Of bar `bar`, which follows `notes`.
Job JobFor(const Piece& piece, const std::vector<Note>& notes,
           const HostBar& bar, BarIndex first) {
  const BarIndex human = bar.index - 1;
  const BarIndex windows = (human - first + 1) / kContextBars;
  const BarIndex origin =
      first + kContextBars * std::max<BarIndex>(0, windows - 1);
  Job job;
  job.job_id = static_cast<uint64_t>(bar.index);
  job.bar_index = human;
  for (HostBar earlier = bar; earlier.index > origin;) {
    earlier = piece.meters.BarAt(earlier.begin - Ticks::Of(1));
    job.bar_lines.insert(job.bar_lines.begin(), earlier.begin);
    if (job.bar_lines.size() == 1) job.human_meter = earlier.meter;
  }
  for (const Note& note : notes) {
    if (note.tick >= job.bar_lines.front()) job.notes.push_back(note);
  }
  job.tempos = piece.tempos;
  job.cut = bar.begin;
  job.target_meter = bar.meter;
  job.deadline = rt::Now() + absl::Hours(24);
  return job;
}

Sampling SamplingOf(const ModelInfo& card, const GenerateOptions& options) {
  Sampling sampling;
  sampling.temperature = options.temperature.value_or(card.temperature);
  sampling.top_p = options.top_p.value_or(card.top_p.value_or(1));
  if (!options.top_p) sampling.min_p = card.min_p;
  return sampling;
}

absl::Status Unusable(const HostBar& bar, const JobEnd& end) {
  if (end.reason == EndReason::kInvalid) {
    return absl::InternalError(absl::StrCat(
        "the model's output for bar ", bar.index,
        " could not be used; antiphon-model info checks the checkpoint"));
  }
  if (end.context_bars == 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        "bar ", bar.index - 1,
        " alone has more notes than the model reads at once; thin it out"));
  }
  return absl::OkStatus();
}

void PrintEnd(const HostBar& bar, size_t notes, const JobEnd& end) {
  std::printf(
      "bar %d: %zu notes, %s; %u bars of context, %u tokens read in %.2f s, "
      "%u drawn in %.2f s\n",
      static_cast<int>(bar.index), notes, ToString(end.reason),
      end.context_bars, end.prompt_tokens, absl::ToDoubleSeconds(end.prefill),
      end.tokens, absl::ToDoubleSeconds(end.decode));
  std::fflush(stdout);
}

}  // namespace

absl::Status RunGenerate(const GenerateOptions& options) {
  const absl::StatusOr<Piece> piece =
      ReadPiece(options.prompt, "--prompt=" + options.prompt);
  if (!piece.ok()) return piece.status();
  absl::StatusOr<LoadedModel> model =
      LoadAnswerer({.path = options.model, .dtype = options.dtype});
  if (!model.ok()) return model.status();

  std::vector<Note> notes = piece->notes;
  HostBar bar = piece->BarAfter();
  const BarIndex first = std::max<BarIndex>(0, bar.index - kContextBars);
  std::vector<Note> answer;
  for (int i = 0; i < options.bars; ++i) {
    Job job = JobFor(*piece, notes, bar, first);
    job.sampling = SamplingOf(model->info, options);
    job.seed = options.seed + (static_cast<uint64_t>(i) << 32);
    Listener listener(bar.index, bar.begin);
    const JobEnd end = model->answerer->Answer(job, listener);
    if (absl::Status status = Unusable(bar, end); !status.ok()) return status;
    PrintEnd(bar, listener.notes.size(), end);
    answer.insert(answer.end(), listener.notes.begin(), listener.notes.end());
    notes.insert(notes.end(), listener.notes.begin(), listener.notes.end());
    bar = piece->meters.BarAt(bar.end());
  }
  absl::Status written = WriteMidiFile(FileOf(*piece, answer), options.out);
  if (!written.ok()) return written;
  std::printf("%s: %d bars, %zu notes\n", options.out.c_str(), options.bars,
              answer.size());
  return absl::OkStatus();
}

}  // namespace antiphon::inference
