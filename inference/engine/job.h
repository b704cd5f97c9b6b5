// SPDX-License-Identifier: Apache-2.0
//
// One bar to answer, as the engine sees it: checked, with its deadline as an
// instant of this host's clock. Plain values.
#ifndef ANTIPHON_INFERENCE_ENGINE_JOB_H_
#define ANTIPHON_INFERENCE_ENGINE_JOB_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/music/meter.h"
#include "common/music/note.h"
#include "common/time/mono_time.h"

namespace antiphon::inference {

struct Sampling {
  double temperature = 0.8;  // 0: greedy
  double top_p = 0.9;
  std::optional<double> min_p;  // where given, top_p is not used
};

struct Job {
  uint64_t session = 0;  // of the stream, unique in the process
  uint64_t job_id = 0;
  Epoch epoch = 0;
  PlaySeq play_seq = 0;  // of the human bar
  BarIndex bar_index = 0;
  std::vector<Note> notes;  // by tick, from the origin
  std::vector<antiphon::PedalChange> pedals;
  std::vector<TempoChange> tempos;
  std::vector<Ticks> bar_lines;  // from the origin's to the human bar's
  Ticks cut;
  // At the origin; a first bar that is shorter is a pickup. Unknown: it is not.
  std::optional<Meter> origin_meter;
  Meter human_meter;
  Meter target_meter;
  std::optional<Sampling> sampling;
  uint64_t seed = 0;
  MonoTime arrived;
  MonoTime deadline;

  // Line of the bar that is answered.
  Ticks human_line() const {
    return bar_lines.empty() ? Ticks() : bar_lines.back();
  }
};

enum class EndReason { kComplete, kEmpty, kShortened, kCancelled, kInvalid };
inline constexpr int kEndReasons = 5;
const char* ToString(EndReason reason);

// How it went.
struct JobEnd {
  EndReason reason = EndReason::kComplete;
  uint32_t context_bars = 0;
  uint32_t prompt_tokens = 0;
  uint32_t tokens = 0;
  absl::Duration queue{};
  absl::Duration prefill{};
  absl::Duration decode{};
};

// Where an answer goes, note by note. Called on the engine's thread; must not
// block.
class AnswerSink {
 public:
  virtual ~AnswerSink() = default;

  // Ticks from the target bar's line. `index` counts from 0 within the answer.
  virtual void OnNote(uint32_t index, const Note& note) = 0;
  virtual void OnEnd(const JobEnd& end) = 0;
  // The answer is not wanted any more. Any thread.
  virtual bool cancelled() const = 0;
};

// Makes one answer at a time. Engine thread.
class Answerer {
 public:
  virtual ~Answerer() = default;

  // Gives notes as they are finished; looks at sink.cancelled() and the
  // deadline between tokens. Returns how it ended; times of queueing are the
  // engine's.
  virtual JobEnd Answer(const Job& job, AnswerSink& sink) = 0;
};

}  // namespace antiphon::inference

#endif  // ANTIPHON_INFERENCE_ENGINE_JOB_H_
