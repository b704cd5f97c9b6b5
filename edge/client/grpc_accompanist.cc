// SPDX-License-Identifier: Apache-2.0
#include "edge/client/grpc_accompanist.h"

#include <grpcpp/grpcpp.h>

#include <utility>

#include "antiphon/v1/accompanist.grpc.pb.h"
#include "common/rt/clock.h"
#include "edge/client/service_link.h"
#include "edge/client/stream.h"

namespace antiphon::edge {
namespace {

const absl::Duration kPatience = absl::Milliseconds(10);
const absl::Duration kCloseWithin = absl::Seconds(1);

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

struct GrpcAccompanist::Connection {
  Connection(const Options& options, ServiceLink::Give give, Stats* stats)
      : stub(v1::Accompanist::NewStub(ChannelTo(options.target))),
        link(
            options,
            [this](v1::EdgeMessage hello, MessageStream::OnMessage on_message) {
              return Stream::Open(stub.get(), std::move(hello),
                                  std::move(on_message));
            },
            std::move(give), stats) {}

  const std::unique_ptr<v1::Accompanist::Stub> stub;
  ServiceLink link;
};

GrpcAccompanist::GrpcAccompanist(const Options& options)
    : connection_(std::make_unique<Connection>(
          options, [this](const Reply& reply) { Give(reply); }, &stats_)),
      thread_([this] { Run(); }) {}

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

std::string GrpcAccompanist::model() const { return connection_->link.model(); }

void GrpcAccompanist::Run() {
  const auto command = std::make_unique<AccompanistCommand>();
  while (!stop_.load()) {
    connection_->link.Tend(rt::Now());
    if (commands_.PopWithin(*command, kPatience)) {
      connection_->link.Handle(*command, rt::Now());
    }
  }
  const MonoTime until = rt::Now() + kCloseWithin;
  while (!connection_->link.Close() && rt::Now() < until) {
    rt::SleepUntil(rt::Now() + absl::Milliseconds(1));
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
