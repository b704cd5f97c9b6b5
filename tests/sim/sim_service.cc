// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/sim_service.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "inference/engine/mirror.h"
#include "inference/service/wire.h"

namespace antiphon::sim {
namespace {

// As the real service's.
constexpr size_t kMaxOpenJobs = 16;

}  // namespace

// What the mirror says at once, to be sent at the service's pace.
class SimService::Answer : public inference::AnswerSink {
 public:
  Answer(FakeNetwork::StreamId of, const inference::Job& its_job, Fate its_fate)
      : stream(of), job(its_job), fate(its_fate) {}

  void OnNote(uint32_t, const Note& note) override { notes.push_back(note); }
  void OnEnd(const inference::JobEnd&) override {}
  bool cancelled() const override { return is_cancelled && !fate.stubborn; }

  const FakeNetwork::StreamId stream;
  const inference::Job job;
  const Fate fate;
  bool is_cancelled = false;
  std::vector<Note> notes;
  uint32_t sent = 0;
  inference::JobEnd end;
};

SimService::SimService(const NetworkScript* script, FakeNetwork* network,
                       const MonoTime* now, Fates fates)
    : script_(script), network_(network), now_(now), fates_(std::move(fates)) {}

// ---- What arrives ----

void SimService::OnBytes(FakeNetwork::StreamId stream,
                         const std::string& bytes) {
  v1::EdgeMessage message;
  if (!message.ParseFromString(bytes)) {
    complaints.push_back("bytes that are no EdgeMessage");
  } else if (!streams_.contains(stream) && !message.has_hello()) {
    complaints.push_back("the first message is not Hello");
  } else {
    Handle(stream, message);
  }
}

void SimService::OnBroken(FakeNetwork::StreamId stream) {
  for (const auto& [id, answer] : streams_[stream]) answer->is_cancelled = true;
  streams_.erase(stream);
}

std::vector<uint64_t> SimService::OpenJobs() const {
  std::vector<uint64_t> open;
  for (const auto& [stream, jobs_of_it] : streams_) {
    for (const auto& [id, answer] : jobs_of_it) {
      if (!answer->is_cancelled) open.push_back(id);
    }
  }
  return open;
}

void SimService::Handle(FakeNetwork::StreamId stream,
                        const v1::EdgeMessage& message) {
  switch (message.message_case()) {
    case v1::EdgeMessage::kHello:
      return OnHello(stream);
    case v1::EdgeMessage::kJob:
      return OnJob(stream, message.job());
    case v1::EdgeMessage::kCancel: {
      cancels.push_back(message.cancel().job_id());
      const Jobs& open = streams_[stream];
      const auto found = open.find(message.cancel().job_id());
      if (found != open.end()) found->second->is_cancelled = true;
      return;
    }
    case v1::EdgeMessage::kBarReport:
      return reports.push_back(message.bar_report());
    case v1::EdgeMessage::kPing: {
      v1::ServiceMessage pong;
      pong.mutable_pong()->set_id(message.ping().id());
      return Send(stream, pong);
    }
    default:
      complaints.push_back("an empty or unknown message");
  }
}

void SimService::OnHello(FakeNetwork::StreamId stream) {
  if (!streams_.try_emplace(stream).second) {
    complaints.push_back("a second Hello on one stream");
  }
  v1::ServiceMessage welcome;
  welcome.mutable_welcome()->set_protocol_version(inference::kProtocolVersion);
  welcome.mutable_welcome()->set_model("mirror");
  Send(stream, welcome);
}

void SimService::OnJob(FakeNetwork::StreamId stream,
                       const v1::GenerationJob& wire) {
  jobs.push_back({*now_, wire});
  Jobs& open = streams_[stream];
  const absl::StatusOr<inference::Job> job = inference::ToJob(wire, *now_);
  if (!job.ok()) {
    complaints.push_back(
        absl::StrCat("job ", wire.job_id(), ": ", job.status().message()));
    return Refuse(stream, v1::REFUSAL_CODE_INVALID,
                  std::string(job.status().message()));
  }
  const Fate fate = FateOf(*job);
  if (fate.refused || open.size() >= kMaxOpenJobs) {
    return Refuse(stream, v1::REFUSAL_CODE_OVERLOADED, "overloaded");
  }
  const auto answer = std::make_shared<Answer>(stream, *job, fate);
  if (!open.emplace(job->job_id, answer).second) {
    complaints.push_back(absl::StrCat("job ", wire.job_id(), " is open twice"));
    return Refuse(stream, v1::REFUSAL_CODE_INVALID, "already open");
  }
  if (fate.lost) return;
  held_.emplace(*now_ + fate.delay, inference::JobQueue::Entry{*job, answer});
}

Fate SimService::FateOf(const inference::Job& job) {
  const std::optional<Fate> fate = fates_ ? fates_(job) : std::nullopt;
  if (fate) {
    fated.push_back({Trouble::Kind::kFate, *now_, *now_});
    return *fate;
  }
  const bool slow = script_->Is(Trouble::Kind::kSlow, *now_);
  // Drawn from the job, as everything of an answer is.
  const double part = static_cast<double>(job.seed % 1000) / 1000;
  return {.delay = slow ? part * Trouble::kSlowest : absl::ZeroDuration(),
          .lost = script_->Is(Trouble::Kind::kDeaf, *now_),
          .refused = script_->Is(Trouble::Kind::kRefuse, *now_),
          .stubborn = slow,
          .twice = script_->Is(Trouble::Kind::kTwice, *now_)};
}

// ---- The engine ----

MonoTime SimService::Due() const {
  if (current_ != nullptr) return next_;
  if (queue_.size() > 0) return *now_;
  return held_.empty() ? MonoTime::Max() : held_.begin()->first;
}

void SimService::Run() {
  while (!held_.empty() && held_.begin()->first <= *now_) {
    queue_.Push(std::move(held_.begin()->second));
    held_.erase(held_.begin());
  }
  while (Due() <= *now_) Step();
}

// As the engine's thread does: takes a job, or gives the next note, or ends.
void SimService::Step() {
  if (current_ == nullptr) {
    const inference::JobQueue::Entry entry = *queue_.Pop();
    current_ = std::static_pointer_cast<Answer>(entry.sink);
    if (current_->cancelled()) {
      return Finish({.reason = inference::EndReason::kCancelled});
    }
    if (*now_ > current_->job.deadline && !current_->fate.stubborn) {
      return Finish({.reason = inference::EndReason::kShortened});
    }
    current_->end = inference::Mirror().Answer(current_->job, *current_);
    next_ = *now_ + script_->think;
  } else if (current_->cancelled()) {
    Finish({.reason = inference::EndReason::kCancelled});
  } else if (current_->sent == current_->notes.size()) {
    Finish(current_->end);
  } else {
    v1::ServiceMessage chunk = inference::ChunkOf(current_->job);
    inference::AddNote(current_->sent, current_->notes[current_->sent],
                       *chunk.mutable_bar_chunk());
    ++current_->sent;
    next_ = *now_ + script_->per_note;
    SendChunk(chunk);
    if (current_->fate.breaks && current_->sent == 2) {
      network_->Break(current_->stream);
    }
  }
}

void SimService::Finish(const inference::JobEnd& end) {
  const std::shared_ptr<Answer> answer = current_;
  v1::ServiceMessage chunk = inference::ChunkOf(answer->job);
  inference::SetEnd(end, answer->job.arrived, *now_,
                    *chunk.mutable_bar_chunk());
  const auto stream = streams_.find(answer->stream);
  if (stream != streams_.end()) stream->second.erase(answer->job.job_id);
  SendChunk(chunk);
  current_ = nullptr;
}

// ---- What leaves ----

void SimService::SendChunk(const v1::ServiceMessage& chunk) {
  for (int times = current_->fate.twice ? 2 : 1; times > 0; --times) {
    Send(current_->stream, chunk);
  }
}

void SimService::Send(FakeNetwork::StreamId stream,
                      const v1::ServiceMessage& message) {
  network_->ToEdge(stream, message.SerializeAsString());
}

void SimService::Refuse(FakeNetwork::StreamId stream, v1::RefusalCode code,
                        const std::string& reason) {
  v1::ServiceMessage message;
  message.mutable_job_refused()->set_job_id(jobs.back().job.job_id());
  message.mutable_job_refused()->set_code(code);
  message.mutable_job_refused()->set_reason(reason);
  jobs.back().refused = true;
  Send(stream, message);
}

}  // namespace antiphon::sim
