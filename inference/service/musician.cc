// SPDX-License-Identifier: Apache-2.0
#include "inference/service/musician.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/log.h"
#include "common/rt/clock.h"
#include "inference/service/wire.h"

namespace antiphon::inference {
namespace {

constexpr size_t kMaxSessionId = 64;

}  // namespace

// One job's way back. Lives as long as the engine or the stream needs it.
class Musician::Answer : public AnswerSink {
 public:
  Answer(Musician* musician, const Job& job, InferenceMetrics* metrics)
      : job_(job), metrics_(metrics), musician_(musician) {
    job_.notes.clear();
  }

  void OnNote(uint32_t index, const Note& note) override {
    if (!began_.has_value()) began_ = rt::Now();
    v1::ServiceMessage message = ChunkOf(job_);
    AddNote(index, note, *message.mutable_bar_chunk());
    Give(std::move(message));
  }

  void OnEnd(const JobEnd& end) override {
    const MonoTime now = rt::Now();
    v1::ServiceMessage message = ChunkOf(job_);
    SetEnd(end, job_.arrived, now, *message.mutable_bar_chunk());
    metrics_->jobs[static_cast<size_t>(end.reason)]->Increment();
    if (began_.value_or(now) > job_.deadline) {
      metrics_->deadline_misses->Increment();
    }
    metrics_->queue_time->Observe(absl::ToDoubleSeconds(end.queue));
    metrics_->prefill_time->Observe(absl::ToDoubleSeconds(end.prefill));
    metrics_->decode_time->Observe(absl::ToDoubleSeconds(end.decode));
    metrics_->total_time->Observe(absl::ToDoubleSeconds(now - job_.arrived));
    metrics_->tokens->Increment(end.tokens);
    metrics_->prompt_tokens->Increment(end.prompt_tokens);
    LogInfo("job.done session=", job_.session, " job_id=", job_.job_id,
            " end=", ToString(end.reason), " tokens=", end.tokens);
    Give(std::move(message));
  }

  bool cancelled() const override { return cancelled_.load(); }
  void Cancel() { cancelled_.store(true); }
  // The stream is gone.
  void Detach() {
    Cancel();
    const std::lock_guard lock(mutex_);
    musician_ = nullptr;
  }

 private:
  void Give(v1::ServiceMessage message) {
    const std::lock_guard lock(mutex_);
    if (musician_ != nullptr) musician_->Write(std::move(message));
  }

  Job job_;  // without its notes
  InferenceMetrics* const metrics_;
  std::optional<MonoTime> began_;  // engine thread
  std::atomic<bool> cancelled_{false};
  std::mutex mutex_;
  Musician* musician_;  // guarded by mutex_
};

Musician::Musician(Stage* stage)
    : stage_(stage), session_(stage->next_session.fetch_add(1)) {
  StartRead(&incoming_);
}

void Musician::Write(v1::ServiceMessage message) {
  const std::lock_guard lock(mutex_);
  // A reader that does not read gets no more: the edge counts what is missing.
  if (finished_ || queue_.size() == kMaxQueuedWrites) return;
  queue_.push_back(std::move(message));
  if (queue_.size() == 1) StartWrite(&queue_.front());
}

void Musician::End(const grpc::Status& status) {
  const std::lock_guard lock(mutex_);
  if (std::exchange(finished_, true)) return;
  Finish(status);
}

void Musician::OnReadDone(bool ok) {
  if (!ok) return End(grpc::Status::OK);
  if (const grpc::Status status = Handle(incoming_); !status.ok()) {
    LogWarning("stream ended: ", status.error_message());
    return End(status);
  }
  StartRead(&incoming_);
}

void Musician::OnWriteDone(bool ok) {
  const std::lock_guard lock(mutex_);
  queue_.pop_front();
  if (ok && !finished_ && !queue_.empty()) StartWrite(&queue_.front());
}

void Musician::OnCancel() { CancelAll(); }

void Musician::OnDone() {
  std::map<uint64_t, std::shared_ptr<Answer>> answers;
  {
    const std::lock_guard lock(mutex_);
    answers.swap(answers_);
  }
  for (const auto& [id, answer] : answers) answer->Detach();
  {
    const std::lock_guard lock(stage_->mutex);
    const auto found = stage_->sessions.find(session_id_);
    if (found != stage_->sessions.end() && found->second == this) {
      stage_->sessions.erase(found);
    }
    stage_->metrics->streams->Set(static_cast<double>(stage_->sessions.size()));
  }
  delete this;
}

grpc::Status Musician::Handle(const v1::EdgeMessage& message) {
  using grpc::StatusCode;
  if (message.has_hello()) {
    if (greeted_) {
      return {StatusCode::INVALID_ARGUMENT, "a second Hello on one stream"};
    }
    return OnHello(message.hello());
  }
  if (!greeted_) {
    return {StatusCode::INVALID_ARGUMENT, "the first message must be Hello"};
  }
  switch (message.message_case()) {
    case v1::EdgeMessage::kJob:
      OnJob(message.job());
      break;
    case v1::EdgeMessage::kCancel: {
      const std::lock_guard lock(mutex_);
      const auto found = answers_.find(message.cancel().job_id());
      if (found != answers_.end()) found->second->Cancel();
      break;
    }
    case v1::EdgeMessage::kBarReport:
      OnReport(message.bar_report());
      break;
    case v1::EdgeMessage::kPing: {
      v1::ServiceMessage pong;
      pong.mutable_pong()->set_id(message.ping().id());
      Write(std::move(pong));
      break;
    }
    case v1::EdgeMessage::kPromptUpdate:
      break;  // a hint; nothing prefills ahead yet
    default:
      return {StatusCode::INVALID_ARGUMENT, "an empty or unknown message"};
  }
  return grpc::Status::OK;
}

grpc::Status Musician::OnHello(const v1::Hello& hello) {
  using grpc::StatusCode;
  if (hello.protocol_version() != kProtocolVersion) {
    return {StatusCode::FAILED_PRECONDITION,
            absl::StrCat("protocol_version ", hello.protocol_version(),
                         " is not served, want ", kProtocolVersion)};
  }
  if (hello.session_id().empty() || hello.session_id().size() > kMaxSessionId) {
    return {StatusCode::INVALID_ARGUMENT,
            "session_id must be 1..64 characters"};
  }
  if (!hello.model().empty() && hello.model() != stage_->model) {
    return {StatusCode::FAILED_PRECONDITION,
            absl::StrCat("model ", hello.model(), " is not served, this is ",
                         stage_->model)};
  }
  Musician* before = nullptr;
  {
    const std::lock_guard lock(stage_->mutex);
    if (stage_->sessions.size() >= Stage::kMaxStreams) {
      return {StatusCode::RESOURCE_EXHAUSTED,
              absl::StrCat("all ", Stage::kMaxStreams, " places are taken")};
    }
    before = std::exchange(stage_->sessions[hello.session_id()], this);
    session_id_ = hello.session_id();
    stage_->metrics->streams->Set(static_cast<double>(stage_->sessions.size()));
    // Under the lock: its OnDone waits for it, so it is still there.
    if (before != nullptr) {
      before->End(
          {StatusCode::ABORTED, "the session continues on another stream"});
    }
  }
  greeted_ = true;
  v1::ServiceMessage message;
  v1::Welcome& welcome = *message.mutable_welcome();
  welcome.set_protocol_version(kProtocolVersion);
  welcome.set_model(stage_->model);
  welcome.set_model_sha256(stage_->model_sha256);
  welcome.set_time_base(v1::TIME_BASE_REAL);
  v1::Limits& limits = *welcome.mutable_limits();
  limits.set_context_tokens(stage_->context_tokens);
  limits.set_notes_per_job(kMaxJobNotes);
  limits.set_message_bytes(kMaxMessageBytes);
  limits.set_jobs_per_session(kMaxOpenJobs);
  LogInfo("stream.open session=", session_, " client=", hello.client());
  Write(std::move(message));
  return grpc::Status::OK;
}

void Musician::OnJob(const v1::GenerationJob& wire) {
  absl::StatusOr<Job> job = ToJob(wire, rt::Now());
  if (!job.ok()) {
    return Refuse(wire.job_id(), v1::REFUSAL_CODE_INVALID,
                  std::string(job.status().message()));
  }
  if (stage_->draining.load()) {
    return Refuse(wire.job_id(), v1::REFUSAL_CODE_DRAINING,
                  "the service is shutting down");
  }
  job->session = session_;
  auto answer = std::make_shared<Answer>(this, *job, stage_->metrics);
  {
    const std::lock_guard lock(mutex_);
    // Jobs come in order: the oldest is long over.
    while (answers_.size() >= kMaxOpenJobs) answers_.erase(answers_.begin());
    answers_[job->job_id] = answer;
  }
  LogInfo("job.start session=", session_, " job_id=", job->job_id,
          " bar=", job->bar_index, " notes=", job->notes.size());
  const size_t queued = stage_->engine->queued();
  stage_->metrics->queue_depth->Set(static_cast<double>(queued));
  if (!stage_->engine->Submit(*std::move(job), answer)) {
    Refuse(wire.job_id(), v1::REFUSAL_CODE_OVERLOADED,
           absl::StrCat("the queue holds ", queued, " jobs"));
  }
}

void Musician::OnReport(const v1::BarReport& report) {
  const int outcome = static_cast<int>(report.outcome()) - 1;
  const int reason = static_cast<int>(report.reason()) - 1;
  if (outcome < 0 || outcome >= kOutcomes || reason < 0 || reason >= kReasons) {
    return;
  }
  stage_->metrics
      ->bars[static_cast<size_t>(outcome)][static_cast<size_t>(reason)]
      ->Increment();
  if (report.has_slack_us()) {
    stage_->metrics->slack->Observe(static_cast<double>(report.slack_us()) /
                                    1e6);
  }
}

void Musician::Refuse(uint64_t job_id, v1::RefusalCode code,
                      const std::string& reason) {
  stage_->metrics->refusals[static_cast<size_t>(code) - 1]->Increment();
  LogWarning("job.refused session=", session_, " job_id=", job_id, " ", reason);
  v1::ServiceMessage message;
  message.mutable_job_refused()->set_job_id(job_id);
  message.mutable_job_refused()->set_code(code);
  message.mutable_job_refused()->set_reason(reason);
  Write(std::move(message));
}

void Musician::CancelAll() {
  const std::lock_guard lock(mutex_);
  for (const auto& [id, answer] : answers_) answer->Cancel();
}

}  // namespace antiphon::inference
