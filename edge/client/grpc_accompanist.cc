// SPDX-License-Identifier: Apache-2.0
#include "edge/client/grpc_accompanist.h"

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <utility>

#include "common/log.h"
#include "common/rt/clock.h"
#include "edge/client/round_trip.h"
#include "edge/client/stream.h"
#include "edge/client/wire.h"

namespace antiphon::edge {
namespace {

const absl::Duration kWelcomeWithin = absl::Seconds(2);
const absl::Duration kPingEvery = absl::Milliseconds(500);
const absl::Duration kPongWithin = absl::Seconds(2);
const absl::Duration kFirstPause = absl::Milliseconds(100);
const absl::Duration kLongestPause = absl::Seconds(5);
const absl::Duration kPatience = absl::Milliseconds(10);
const absl::Duration kLongestBudget = absl::Seconds(60);

std::shared_ptr<grpc::Channel> ChannelTo(const std::string& target) {
  grpc::ChannelArguments args;
  args.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  args.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 100);
  args.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 1000);
  args.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 10'000);
  args.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return grpc::CreateCustomChannel(target, grpc::InsecureChannelCredentials(),
                                   args);
}

}  // namespace

// The client thread's state; only what the stream's reactions touch is shared.
class GrpcAccompanist::Session {
 public:
  explicit Session(GrpcAccompanist* owner)
      : owner_(owner),
        stub_(v1::Accompanist::NewStub(ChannelTo(owner->options_.target))) {}
  ~Session() { Close(); }

  // What time demands: opening, giving up, pinging.
  void Tend(MonoTime now) {
    if (stream_ == nullptr) {
      if (now >= next_attempt_) Open(now);
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

  void Handle(const AccompanistCommand& command, MonoTime now) {
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

 private:
  // Written by gRPC's threads, read by the client's.
  struct Arrivals {
    std::atomic<bool> welcome{false};
    std::atomic<uint64_t> pong{0};
    std::atomic<int64_t> pong_at{0};
    std::mutex mutex;
    std::deque<JobId> done;  // guarded by mutex
  };

  void Open(MonoTime now) {
    arrivals_ = std::make_shared<Arrivals>();
    welcomed_ = false;
    opened_ = now;
    stream_ = Stream::Open(
        stub_.get(),
        HelloMessage(owner_->options_.session_id, owner_->options_.client),
        [owner = owner_, arrivals = arrivals_](const v1::ServiceMessage& m) {
          OnMessage(*owner, *arrivals, m);
        });
  }

  void Welcomed(MonoTime now) {
    welcomed_ = true;
    pause_ = kFirstPause;
    ping_id_ = 0;
    last_ping_ = MonoTime::Min();
    last_heard_ = now;
    owner_->stats_.connected.store(true);
    owner_->stats_.connects.fetch_add(1);
    told_ = false;
    LogInfo("service ", owner_->options_.target, " connected, model ",
            owner_->model());
    owner_->Give({.kind = Reply::Kind::kConnected, .at = now});
    for (const auto& [id, job] : open_) SendJob(*job, now);
  }

  void Lost(MonoTime now) {
    const grpc::Status status = stream_->status();
    if (welcomed_ || !told_) {
      LogWarning(
          "service ", owner_->options_.target,
          welcomed_ ? " lost (" : " unreachable (", status.error_message(),
          "): playing fallbacks, retrying. Is antiphon-inference running "
          "there?");
      told_ = true;
    }
    if (welcomed_)
      owner_->Give({.kind = Reply::Kind::kDisconnected, .at = now});
    owner_->stats_.connected.store(false);
    welcomed_ = false;
    stream_.reset();
    next_attempt_ = now + pause_;
    pause_ = std::min(2 * pause_, kLongestPause);
    std::erase_if(open_, [now](const auto& entry) {
      return entry.second->cutoff <= now;
    });
  }

  void TendPing(MonoTime now) {
    if (const uint64_t pong = arrivals_->pong.exchange(0); pong != 0) {
      last_heard_ = now;
      if (pong == ping_id_) {
        round_trip_.Add(MonoTime::FromNanos(arrivals_->pong_at.load()) -
                        last_ping_);
        owner_->stats_.round_trip_us.store(
            absl::ToInt64Microseconds(round_trip_.P95()));
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

  void ForgetDoneJobs() {
    const std::lock_guard lock(arrivals_->mutex);
    for (const JobId id : arrivals_->done) open_.erase(id);
    arrivals_->done.clear();
  }

  void SendJob(const Job& job, MonoTime now) {
    const absl::Duration budget =
        std::min(job.cutoff - now - round_trip_.P95(), kLongestBudget);
    if (budget <= absl::ZeroDuration()) {
      owner_->Give(
          {.kind = Reply::Kind::kRefused, .at = now, .job_id = job.id});
      return;
    }
    Write(JobMessage(job, budget));
    owner_->Give({.kind = Reply::Kind::kStarted, .at = now, .job_id = job.id});
  }

  void Write(v1::EdgeMessage message) {
    if (!stream_->Write(std::move(message))) {
      owner_->stats_.dropped_messages.fetch_add(1);
    }
  }

  void Close() {
    if (stream_ == nullptr) return;
    stream_->Cancel();
    const MonoTime until = rt::Now() + absl::Seconds(1);
    while (!stream_->done() && rt::Now() < until) {
      rt::SleepUntil(rt::Now() + absl::Milliseconds(1));
    }
  }

  static void OnMessage(GrpcAccompanist& owner, Arrivals& arrivals,
                        const v1::ServiceMessage& m) {
    const MonoTime now = rt::Now();
    if (m.has_welcome()) {
      const std::lock_guard lock(owner.mutex_);
      owner.model_ = m.welcome().model();
      arrivals.welcome.store(true);
    } else if (m.has_bar_chunk()) {
      absl::StatusOr<std::vector<Reply>> replies =
          ToReplies(m.bar_chunk(), now);
      if (!replies.ok()) {
        owner.stats_.malformed.fetch_add(1);
        return;
      }
      for (const Reply& reply : *replies) owner.Give(reply);
      if (m.bar_chunk().done()) JobDone(arrivals, m.bar_chunk().job_id());
    } else if (m.has_job_refused()) {
      LogWarning("job.refused job_id=", m.job_refused().job_id(), " ",
                 m.job_refused().reason());
      owner.Give({.kind = Reply::Kind::kRefused,
                  .at = now,
                  .job_id = m.job_refused().job_id()});
      JobDone(arrivals, m.job_refused().job_id());
    } else if (m.has_pong()) {
      arrivals.pong_at.store(now.nanos());
      arrivals.pong.store(m.pong().id());
    } else if (m.has_server_notice()) {
      LogWarning("service notice: ", m.server_notice().message());
    }
  }

  static void JobDone(Arrivals& arrivals, JobId id) {
    const std::lock_guard lock(arrivals.mutex);
    arrivals.done.push_back(id);
    if (arrivals.done.size() > kMaxReplies) arrivals.done.pop_front();
  }

  GrpcAccompanist* const owner_;
  const std::unique_ptr<v1::Accompanist::Stub> stub_;
  std::shared_ptr<Arrivals> arrivals_;
  std::shared_ptr<Stream> stream_;
  std::map<JobId, std::unique_ptr<Job>> open_;
  RoundTrip round_trip_;
  bool welcomed_ = false;
  bool told_ = false;  // that the service cannot be reached
  uint64_t ping_id_ = 0;
  absl::Duration pause_ = kFirstPause;
  MonoTime opened_;
  MonoTime next_attempt_ = MonoTime::Min();
  MonoTime last_ping_;
  MonoTime last_heard_;
};

GrpcAccompanist::GrpcAccompanist(const Options& options)
    : options_(options), thread_([this] { Run(); }) {}

GrpcAccompanist::~GrpcAccompanist() {
  stop_.store(true);
  thread_.join();
}

bool GrpcAccompanist::Post(const AccompanistCommand& command) {
  return commands_.TryPush(command);
}

bool GrpcAccompanist::Poll(Reply& reply) {
  const std::lock_guard lock(mutex_);
  if (replies_.empty()) return false;
  reply = replies_.front();
  replies_.pop_front();
  return true;
}

std::string GrpcAccompanist::model() const {
  const std::lock_guard lock(mutex_);
  return model_;
}

void GrpcAccompanist::Run() {
  Session session(this);
  const auto command = std::make_unique<AccompanistCommand>();
  while (!stop_.load()) {
    session.Tend(rt::Now());
    if (commands_.PopWithin(*command, kPatience)) {
      session.Handle(*command, rt::Now());
    }
  }
}

void GrpcAccompanist::Give(const Reply& reply) {
  const std::lock_guard lock(mutex_);
  if (replies_.size() == kMaxReplies) {
    stats_.dropped_replies.fetch_add(1);
    return;
  }
  replies_.push_back(reply);
}

}  // namespace antiphon::edge
