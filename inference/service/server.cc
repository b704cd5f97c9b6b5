// SPDX-License-Identifier: Apache-2.0
#include "inference/service/server.h"

#include <grpc/support/log.h>
#include <grpcpp/ext/health_check_service_server_builder_option.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>

#include <chrono>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "common/rt/clock.h"
#include "inference/service/musician.h"
#include "inference/service/wire.h"

namespace antiphon::inference {
namespace {

constexpr char kServiceName[] = "antiphon.v1.Accompanist";

class Service : public v1::Accompanist::CallbackService {
 public:
  explicit Service(Stage* stage) : stage_(stage) {}

  grpc::ServerBidiReactor<v1::EdgeMessage, v1::ServiceMessage>* Accompany(
      grpc::CallbackServerContext* context) override {
    return new Musician(stage_, context);  // deletes itself in OnDone
  }

 private:
  Stage* const stage_;
};

// gRPC says at length on stderr what the one line of our error says.
std::unique_ptr<grpc::Server> StartQuietly(grpc::ServerBuilder& builder) {
  gpr_set_log_function([](gpr_log_func_args*) {});
  std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  gpr_set_log_function(nullptr);
  return server;
}

}  // namespace

struct Server::State {
  State(const Options& options, Answerer* answerer, Metrics* registry)
      : metrics(*registry, options.version), engine(answerer), service(&stage) {
    stage.engine = &engine;
    stage.metrics = &metrics;
    stage.model = options.model;
    stage.model_sha256 = options.model_sha256;
    stage.time_base = options.time_base;
    stage.context_tokens = options.context_tokens;
  }

  InferenceMetrics metrics;
  Stage stage;
  Engine engine;
  Service service;
  std::unique_ptr<grpc::Server> server;
  int port = 0;
};

absl::StatusOr<std::unique_ptr<Server>> Server::Create(const Options& options,
                                                       Answerer* answerer,
                                                       Metrics* metrics) {
  grpc::EnableDefaultHealthCheckService(true);
  auto state = std::make_unique<State>(options, answerer, metrics);
  grpc::ServerBuilder builder;
  builder.AddListeningPort(options.listen, grpc::InsecureServerCredentials(),
                           &state->port);
  builder.SetMaxReceiveMessageSize(kMaxMessageBytes);
  // Two servers on one port would share the musicians at random.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, 10'000);
  builder.AddChannelArgument(
      GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 5'000);
  builder.RegisterService(&state->service);
  state->server = StartQuietly(builder);
  if (state->server == nullptr || state->port == 0) {
    return absl::UnavailableError(
        absl::StrCat("cannot listen on ", options.listen,
                     ": is the address in use? Choose another with --listen"));
  }
  state->server->GetHealthCheckService()->SetServingStatus(kServiceName, true);
  return absl::WrapUnique(new Server(std::move(state)));
}

Server::Server(std::unique_ptr<State> state) : state_(std::move(state)) {}

Server::~Server() { Drain(absl::ZeroDuration()); }

int Server::port() const { return state_->port; }

void Server::Drain(absl::Duration patience) {
  if (state_->server == nullptr) return;
  state_->stage.draining.store(true);
  state_->server->GetHealthCheckService()->SetServingStatus(false);
  {
    v1::ServiceMessage notice;
    notice.mutable_server_notice()->set_kind(v1::ServerNotice::KIND_DRAINING);
    notice.mutable_server_notice()->set_message("the service is shutting down");
    const std::lock_guard lock(state_->stage.mutex);
    for (const auto& [id, musician] : state_->stage.sessions) {
      musician->Write(notice);
    }
  }
  const MonoTime until = rt::Now() + patience;
  while (!state_->engine.idle() && rt::Now() < until) {
    rt::SleepUntil(rt::Now() + absl::Milliseconds(5));
  }
  {
    const std::lock_guard lock(state_->stage.mutex);
    for (const auto& [id, musician] : state_->stage.sessions) {
      musician->End(
          {grpc::StatusCode::UNAVAILABLE, "the service is shutting down"},
          /*flush=*/true);
    }
  }
  state_->server->Shutdown(std::chrono::system_clock::now() +
                           std::chrono::milliseconds(200));
  state_->server.reset();
}

}  // namespace antiphon::inference
