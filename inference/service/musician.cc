// SPDX-License-Identifier: Apache-2.0
#include "inference/service/musician.h"

#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "common/log.h"
#include "common/rt/clock.h"
#include "inference/service/wire.h"

namespace antiphon::inference {
namespace {

using grpc::StatusCode;

constexpr size_t kMaxSessionId = 64;
constexpr size_t kMaxLoggedText = 64;
constexpr int64_t kRetryAfterUs = 100'000;

// What a stranger wrote, as one harmless piece of a log line.
std::string Quoted(const std::string& text) {
  return absl::StrCat("\"", absl::CHexEscape(text.substr(0, kMaxLoggedText)),
                      "\"");
}

}  // namespace

Musician::Musician(Stage* stage, grpc::CallbackServerContext* context)
    : stage_(stage),
      context_(context),
      session_(stage->next_session.fetch_add(1)) {
  StartRead(&incoming_);
}

void Musician::Write(v1::ServiceMessage message) {
  const std::lock_guard lock(mutex_);
  if (ending_ || JoinsTheLast(message)) return;
  if (queue_.size() == kMaxQueuedWrites) {
    stage_->metrics->dropped_messages->Increment();
    return;
  }
  queue_.push_back(std::move(message));
  if (queue_.size() == 1) StartWrite(&queue_.front());
}

// The front one is on its way; behind it a chunk waits anyway.
bool Musician::JoinsTheLast(const v1::ServiceMessage& message) {
  if (queue_.size() < 2 || !message.has_bar_chunk()) return false;
  const v1::BarChunk& last = queue_.back().bar_chunk();
  if (last.job_id() != message.bar_chunk().job_id() || last.done()) {
    return false;
  }
  queue_.back().MergeFrom(message);
  return true;
}

void Musician::End(const grpc::Status& status, bool flush) {
  const std::lock_guard lock(mutex_);
  if (std::exchange(ending_, true)) return;
  status_ = status;
  for (const auto& [id, answer] : answers_) answer->Cancel();
  if (!flush && queue_.size() > 1) queue_.resize(1);
  if (queue_.empty()) Finish(status_);
}

void Musician::Forget(uint64_t job_id) {
  const std::lock_guard lock(mutex_);
  answers_.erase(job_id);
}

void Musician::OnReadDone(bool ok) {
  if (!ok) return End(grpc::Status::OK, /*flush=*/true);
  if (const grpc::Status status = Handle(incoming_); !status.ok()) {
    LogWarning("stream.refused session=", session_, " ",
               status.error_message());
    return End(status);
  }
  StartRead(&incoming_);
}

void Musician::OnWriteDone(bool ok) {
  const std::lock_guard lock(mutex_);
  queue_.pop_front();
  if (!ok) {  // the stream is broken: reading ends it
    queue_.clear();
  }
  if (!queue_.empty()) {
    StartWrite(&queue_.front());
  } else if (ending_) {
    Finish(status_);
  }
}

void Musician::OnCancel() { End({StatusCode::CANCELLED, "cancelled"}); }

void Musician::OnDone() {
  std::map<uint64_t, std::shared_ptr<StreamAnswer>> answers;
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
  LogInfo("stream.closed session=", session_);
  delete this;
}

grpc::Status Musician::Handle(const v1::EdgeMessage& message) {
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
    case v1::EdgeMessage::kCancel:
      OnCancelJob(message.cancel().job_id());
      break;
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
      break;  // a hint: dropping it changes no answer
    default:
      return {StatusCode::INVALID_ARGUMENT, "an empty or unknown message"};
  }
  return grpc::Status::OK;
}

grpc::Status Musician::OnHello(const v1::Hello& hello) {
  if (hello.protocol_version() != kProtocolVersion) {
    return {StatusCode::FAILED_PRECONDITION,
            absl::StrCat("protocol_version ", hello.protocol_version(),
                         " is not served, want ", kProtocolVersion)};
  }
  if (hello.session_id().empty() || hello.session_id().size() > kMaxSessionId) {
    return {StatusCode::INVALID_ARGUMENT,
            absl::StrCat("session_id has ", hello.session_id().size(),
                         " characters, want 1..", kMaxSessionId)};
  }
  if (!hello.model().empty() && hello.model() != stage_->model) {
    return {StatusCode::FAILED_PRECONDITION,
            absl::StrCat("model ", Quoted(hello.model()),
                         " is not served, this is ", Quoted(stage_->model))};
  }
  if (stage_->draining.load()) {
    return {StatusCode::UNAVAILABLE, "the service is shutting down"};
  }
  const grpc::Status taken = TakePlace(hello.session_id());
  if (!taken.ok()) return taken;
  greeted_ = true;
  LogInfo("stream.open session=", session_, " client=", Quoted(hello.client()));
  Welcome();
  return grpc::Status::OK;
}

grpc::Status Musician::TakePlace(const std::string& session_id) {
  const std::lock_guard lock(stage_->mutex);
  const auto found = stage_->sessions.find(session_id);
  if (found == stage_->sessions.end() &&
      stage_->sessions.size() >= Stage::kMaxStreams) {
    context_->AddTrailingMetadata("capacity",
                                  std::to_string(Stage::kMaxStreams));
    context_->AddTrailingMetadata("retry-after-us",
                                  std::to_string(kRetryAfterUs));
    return {StatusCode::RESOURCE_EXHAUSTED,
            absl::StrCat("all ", Stage::kMaxStreams, " places are taken")};
  }
  // Under the lock: the OnDone of the one before waits for it, so it lives.
  if (found != stage_->sessions.end()) {
    found->second->End(
        {StatusCode::ABORTED, "the session continues on another stream"});
  }
  stage_->sessions[session_id] = this;
  session_id_ = session_id;
  stage_->metrics->streams->Set(static_cast<double>(stage_->sessions.size()));
  return grpc::Status::OK;
}

void Musician::Welcome() {
  v1::ServiceMessage message;
  v1::Welcome& welcome = *message.mutable_welcome();
  welcome.set_protocol_version(kProtocolVersion);
  welcome.set_model(stage_->model);
  welcome.set_model_sha256(stage_->model_sha256);
  welcome.set_time_base(stage_->time_base == TimeBase::kBar
                            ? v1::TIME_BASE_BAR
                            : v1::TIME_BASE_REAL);
  v1::Limits& limits = *welcome.mutable_limits();
  limits.set_context_tokens(stage_->context_tokens);
  limits.set_notes_per_job(kMaxJobNotes);
  limits.set_message_bytes(kMaxMessageBytes);
  limits.set_jobs_per_session(kMaxOpenJobs);
  Write(std::move(message));
}

void Musician::OnJob(const v1::GenerationJob& wire) {
  const uint64_t id = wire.job_id();
  absl::StatusOr<Job> job = ToJob(wire, rt::Now());
  if (!job.ok()) {
    return Refuse(id, v1::REFUSAL_CODE_INVALID,
                  std::string(job.status().message()));
  }
  if (stage_->draining.load()) {
    return Refuse(id, v1::REFUSAL_CODE_DRAINING,
                  "the service is shutting down");
  }
  job->session = session_;
  const auto answer = std::make_shared<StreamAnswer>(this, stage_, *job);
  bool known = false;
  bool full = false;
  {
    const std::lock_guard lock(mutex_);
    if (ending_) return;  // nobody would read the answer
    known = answers_.contains(id);
    full = answers_.size() >= kMaxOpenJobs;
    if (!known && !full) answers_.emplace(id, answer);
  }
  if (known) {
    return Refuse(id, v1::REFUSAL_CODE_INVALID,
                  absl::StrCat("job_id ", id, " is already open"));
  }
  if (full) {
    return Refuse(id, v1::REFUSAL_CODE_OVERLOADED,
                  absl::StrCat(kMaxOpenJobs, " jobs of this session are open"));
  }
  LogInfo("job.start session=", session_, " job_id=", id,
          " bar=", job->bar_index, " notes=", job->notes.size());
  const bool taken = stage_->engine->Submit(*std::move(job), answer);
  const size_t queued = stage_->engine->queued();
  stage_->metrics->queue_depth->Set(static_cast<double>(queued));
  if (!taken) {
    Forget(id);
    Refuse(id, v1::REFUSAL_CODE_OVERLOADED,
           absl::StrCat("the queue holds ", queued, " jobs"));
  }
}

void Musician::OnCancelJob(uint64_t job_id) {
  const std::lock_guard lock(mutex_);
  const auto found = answers_.find(job_id);
  if (found != answers_.end()) found->second->Cancel();
}

void Musician::OnReport(const v1::BarReport& report) {
  // Open enums: any number may arrive. The first of ours is 1.
  const int outcome = static_cast<int>(report.outcome());
  const int reason = static_cast<int>(report.reason());
  if (outcome < 1 || outcome > kOutcomes || reason < 1 || reason > kReasons) {
    return;
  }
  stage_->metrics
      ->bars[static_cast<size_t>(outcome - 1)][static_cast<size_t>(reason - 1)]
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
  v1::JobRefused& refused = *message.mutable_job_refused();
  refused.set_job_id(job_id);
  refused.set_code(code);
  refused.set_reason(reason);
  if (code == v1::REFUSAL_CODE_OVERLOADED) {
    refused.set_retry_after_us(kRetryAfterUs);
  }
  Write(std::move(message));
}

}  // namespace antiphon::inference
