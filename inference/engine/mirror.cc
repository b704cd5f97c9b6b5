// SPDX-License-Identifier: Apache-2.0
#include "inference/engine/mirror.h"

#include <algorithm>

namespace antiphon::inference {

std::vector<Note> MirrorOf(const Job& job) {
  const Ticks target = job.target_meter.BarLength();
  std::vector<Note> answer;
  for (Note note : job.notes) {
    if (note.tick < job.human_line() || note.tick >= job.cut) continue;
    note.tick -= job.human_line();
    if (note.tick >= target) continue;
    if (note.held_by != HeldBy::kNone || note.end() > target) {
      note.duration = target - note.tick;
    }
    note.source = NoteSource::kAnswer;
    note.held_by = HeldBy::kNone;
    answer.push_back(note);
  }
  return answer;
}

JobEnd Mirror::Answer(const Job& job, AnswerSink& sink) {
  const std::vector<Note> answer = MirrorOf(job);
  uint32_t index = 0;
  for (const Note& note : answer) {
    if (sink.cancelled()) return {.reason = EndReason::kCancelled};
    sink.OnNote(index++, note);
  }
  JobEnd end;
  end.reason = answer.empty() ? EndReason::kEmpty : EndReason::kComplete;
  end.context_bars = static_cast<uint32_t>(job.bar_lines.size());
  return end;
}

}  // namespace antiphon::inference
