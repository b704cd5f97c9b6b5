// SPDX-License-Identifier: Apache-2.0
#include "inference/service/stream_answer.h"

#include <utility>

#include "common/log.h"
#include "common/rt/clock.h"
#include "inference/service/musician.h"
#include "inference/service/wire.h"

namespace antiphon::inference {
namespace {

Job WithoutMusic(const Job& job) {
  Job head;
  head.session = job.session;
  head.job_id = job.job_id;
  head.epoch = job.epoch;
  head.play_seq = job.play_seq;
  head.bar_index = job.bar_index;
  head.arrived = job.arrived;
  head.deadline = job.deadline;
  return head;
}

double Milliseconds(absl::Duration duration) {
  return absl::ToDoubleMilliseconds(duration);
}

}  // namespace

StreamAnswer::StreamAnswer(Musician* musician, Stage* stage, const Job& job)
    : stage_(stage), job_(WithoutMusic(job)), musician_(musician) {}

void StreamAnswer::OnNote(uint32_t index, const Note& note) {
  if (!began_.has_value()) began_ = rt::Now();
  v1::ServiceMessage message = ChunkOf(job_);
  AddNote(index, note, *message.mutable_bar_chunk());
  const std::lock_guard lock(mutex_);
  if (musician_ != nullptr) musician_->Write(std::move(message));
}

void StreamAnswer::OnEnd(const JobEnd& end) {
  const MonoTime now = rt::Now();
  v1::ServiceMessage message = ChunkOf(job_);
  SetEnd(end, job_.arrived, now, *message.mutable_bar_chunk());
  Measure(end, now);
  LogInfo("job.done session=", job_.session, " job_id=", job_.job_id,
          " bar=", job_.bar_index, " end=", ToString(end.reason),
          " context_bars=", end.context_bars,
          " prompt_tokens=", end.prompt_tokens, " tokens=", end.tokens,
          " queue_ms=", Milliseconds(end.queue),
          " prefill_ms=", Milliseconds(end.prefill),
          " decode_ms=", Milliseconds(end.decode));
  const std::lock_guard lock(mutex_);
  if (musician_ == nullptr) return;
  // Forgotten first: whoever has read the end may send this job_id again.
  musician_->Forget(job_.job_id);
  musician_->Write(std::move(message));
}

void StreamAnswer::Detach() {
  Cancel();
  const std::lock_guard lock(mutex_);
  musician_ = nullptr;
}

void StreamAnswer::Measure(const JobEnd& end, MonoTime now) {
  InferenceMetrics& metrics = *stage_->metrics;
  metrics.jobs[static_cast<size_t>(end.reason)]->Increment();
  if (end.reason != EndReason::kCancelled &&
      began_.value_or(now) > job_.deadline) {
    metrics.deadline_misses->Increment();
  }
  metrics.queue_time->Observe(absl::ToDoubleSeconds(end.queue));
  metrics.prefill_time->Observe(absl::ToDoubleSeconds(end.prefill));
  metrics.decode_time->Observe(absl::ToDoubleSeconds(end.decode));
  metrics.total_time->Observe(absl::ToDoubleSeconds(now - job_.arrived));
  metrics.tokens->Increment(end.tokens);
  metrics.prompt_tokens->Increment(end.prompt_tokens);
  metrics.queue_depth->Set(static_cast<double>(stage_->engine->queued()));
}

}  // namespace antiphon::inference
