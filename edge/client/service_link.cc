// SPDX-License-Identifier: Apache-2.0
#include "edge/client/service_link.h"

#include <algorithm>
#include <deque>
#include <utility>
#include <vector>

#include "common/log.h"
#include "edge/client/wire.h"

namespace antiphon::edge {
namespace {

const absl::Duration kWelcomeWithin = absl::Seconds(2);
const absl::Duration kPingEvery = absl::Milliseconds(500);
const absl::Duration kPongWithin = absl::Seconds(2);
const absl::Duration kFirstPause = absl::Milliseconds(100);
const absl::Duration kLongestPause = absl::Seconds(5);
const absl::Duration kLongestBudget = absl::Seconds(60);
constexpr size_t kMaxDone = 512;

}  // namespace

// Written by the stream's thread, read by the client's.
struct ServiceLink::Arrivals {
  std::atomic<bool> welcome{false};
  std::atomic<uint64_t> pong{0};
  std::atomic<int64_t> pong_at{0};
  std::mutex mutex;
  std::deque<JobId> done;  // guarded by mutex

  void JobDone(JobId id) {
    const std::lock_guard lock(mutex);
    done.push_back(id);
    if (done.size() > kMaxDone) done.pop_front();
  }
};

ServiceLink::ServiceLink(Options options, Open open, Give give, Stats* stats)
    : options_(std::move(options)),
      open_stream_(std::move(open)),
      give_(std::move(give)),
      stats_(stats),
      pause_(kFirstPause) {}

void ServiceLink::Tend(MonoTime now) {
  if (stream_ == nullptr) {
    if (now >= next_attempt_) OpenStream(now);
  } else if (stream_->done()) {
    Lost(now);
  } else if (!welcomed_) {
    if (arrivals_->welcome.load()) {
      Welcomed(now);
    } else if (now - opened_ > kWelcomeWithin) {
      stream_->Cancel();
    }
  } else {
    TendPing(now);
  }
}

void ServiceLink::Handle(const AccompanistCommand& command, MonoTime now) {
  switch (command.kind) {
    case AccompanistCommand::Kind::kJob:
      while (open_.size() >= kMaxOpenJobs) open_.erase(open_.begin());
      open_[command.job.id] = std::make_unique<Job>(command.job);
      if (welcomed_) SendJob(command.job, now);
      return;
    case AccompanistCommand::Kind::kCancel:
      open_.erase(command.cancel);
      if (welcomed_) Write(CancelMessage(command.cancel));
      return;
    case AccompanistCommand::Kind::kReport:
      if (welcomed_) Write(ReportMessage(command.report));
      return;
  }
}

bool ServiceLink::Close() {
  if (stream_ == nullptr) return true;
  stream_->Cancel();
  return stream_->done();
}

std::string ServiceLink::model() const {
  const std::lock_guard lock(mutex_);
  return model_;
}

void ServiceLink::OpenStream(MonoTime now) {
  arrivals_ = std::make_shared<Arrivals>();
  welcomed_ = false;
  opened_ = now;
  stream_ = open_stream_(
      HelloMessage(options_.session_id, options_.client),
      [this, arrivals = arrivals_](const v1::ServiceMessage& m, MonoTime at) {
        OnMessage(*arrivals, m, at);
      });
}

void ServiceLink::Welcomed(MonoTime now) {
  welcomed_ = true;
  pause_ = kFirstPause;
  ping_id_ = 0;
  last_ping_ = MonoTime::Min();
  last_heard_ = now;
  stats_->connected.store(true);
  stats_->connects.fetch_add(1);
  told_ = false;
  LogInfo("service ", options_.target, " connected, model ", model());
  give_({.kind = Reply::Kind::kConnected, .at = now});
  for (const auto& [id, job] : open_) SendJob(*job, now);
}

void ServiceLink::Lost(MonoTime now) {
  if (welcomed_ || !told_) {
    LogWarning("service ", options_.target,
               welcomed_ ? " lost (" : " unreachable (", stream_->error(),
               "): playing fallbacks, retrying. Is antiphon-inference running "
               "there?");
    told_ = true;
  }
  if (welcomed_) give_({.kind = Reply::Kind::kDisconnected, .at = now});
  stats_->connected.store(false);
  welcomed_ = false;
  ForgetDoneJobs();  // what ended together with the stream
  stream_.reset();
  next_attempt_ = now + pause_;
  pause_ = std::min(2 * pause_, kLongestPause);
  std::erase_if(
      open_, [now](const auto& entry) { return entry.second->cutoff <= now; });
}

void ServiceLink::TendPing(MonoTime now) {
  if (const uint64_t pong = arrivals_->pong.exchange(0); pong != 0) {
    last_heard_ = now;
    if (pong == ping_id_) {
      round_trip_.Add(MonoTime::FromNanos(arrivals_->pong_at.load()) -
                      last_ping_);
      stats_->round_trip_us.store(absl::ToInt64Microseconds(round_trip_.P95()));
    }
  }
  ForgetDoneJobs();
  if (last_ping_ == MonoTime::Min() || now - last_ping_ >= kPingEvery) {
    last_ping_ = now;
    v1::EdgeMessage ping;
    ping.mutable_ping()->set_id(++ping_id_);
    Write(std::move(ping));
  }
  if (now - last_heard_ > kPongWithin) stream_->Cancel();  // frozen
}

void ServiceLink::ForgetDoneJobs() {
  const std::lock_guard lock(arrivals_->mutex);
  for (const JobId id : arrivals_->done) open_.erase(id);
  arrivals_->done.clear();
}

void ServiceLink::SendJob(const Job& job, MonoTime now) {
  const absl::Duration budget =
      std::min(job.cutoff - now - round_trip_.P95(), kLongestBudget);
  if (budget <= absl::ZeroDuration()) {
    give_({.kind = Reply::Kind::kRefused, .at = now, .job_id = job.id});
    return;
  }
  Write(JobMessage(job, budget));
  give_({.kind = Reply::Kind::kStarted, .at = now, .job_id = job.id});
}

void ServiceLink::Write(v1::EdgeMessage message) {
  if (!stream_->Write(std::move(message))) {
    stats_->dropped_messages.fetch_add(1);
  }
}

void ServiceLink::OnMessage(Arrivals& arrivals, const v1::ServiceMessage& m,
                            MonoTime at) {
  if (m.has_welcome()) {
    const std::lock_guard lock(mutex_);
    model_ = m.welcome().model();
    arrivals.welcome.store(true);
  } else if (m.has_bar_chunk()) {
    absl::StatusOr<std::vector<Reply>> replies = ToReplies(m.bar_chunk(), at);
    if (!replies.ok()) {
      stats_->malformed.fetch_add(1);
      return;
    }
    for (const Reply& reply : *replies) give_(reply);
    if (m.bar_chunk().done()) arrivals.JobDone(m.bar_chunk().job_id());
  } else if (m.has_job_refused()) {
    LogWarning("job.refused job_id=", m.job_refused().job_id(), " ",
               m.job_refused().reason());
    give_({.kind = Reply::Kind::kRefused,
           .at = at,
           .job_id = m.job_refused().job_id()});
    arrivals.JobDone(m.job_refused().job_id());
  } else if (m.has_pong()) {
    arrivals.pong_at.store(at.nanos());
    arrivals.pong.store(m.pong().id());
  } else if (m.has_server_notice()) {
    LogWarning("service notice: ", m.server_notice().message());
  }
}

}  // namespace antiphon::edge
