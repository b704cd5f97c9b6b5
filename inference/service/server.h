// SPDX-License-Identifier: Apache-2.0
//
// The gRPC server: the Accompanist service, grpc.health.v1, keepalive, limits.
// SERVING from Create() until Drain(); Drain() tells every edge, lets what runs
// end within a bounded time and closes the streams.
#ifndef ANTIPHON_INFERENCE_SERVICE_SERVER_H_
#define ANTIPHON_INFERENCE_SERVICE_SERVER_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/metrics/metrics.h"
#include "inference/engine/engine.h"
#include "inference/model/model.h"

namespace antiphon::inference {

class Server {
 public:
  struct Options {
    std::string listen = "127.0.0.1:0";  // HOST:PORT, port 0: a free one
    std::string model;                   // name told to edges
    std::string model_sha256;
    TimeBase time_base = TimeBase::kReal;
    uint32_t context_tokens = 0;
    std::string version = "0";
  };

  // `answerer` and `metrics` outlive the server. The error names the address.
  static absl::StatusOr<std::unique_ptr<Server>> Create(const Options& options,
                                                        Answerer* answerer,
                                                        Metrics* metrics);
  ~Server();

  int port() const;
  void Drain(absl::Duration patience);

 private:
  struct State;
  explicit Server(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace antiphon::inference

#endif  // ANTIPHON_INFERENCE_SERVICE_SERVER_H_
