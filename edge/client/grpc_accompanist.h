// SPDX-License-Identifier: Apache-2.0
//
// The client: a thread of its own between the conductor and the service, which
// runs a ServiceLink over gRPC. The conductor never waits for any of it: full
// queues drop and count.
#ifndef ANTIPHON_EDGE_CLIENT_GRPC_ACCOMPANIST_H_
#define ANTIPHON_EDGE_CLIENT_GRPC_ACCOMPANIST_H_

#include <atomic>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "common/rt/spsc_ring.h"
#include "edge/client/accompanist.h"
#include "edge/client/link_state.h"

namespace antiphon::edge {

class GrpcAccompanist : public Accompanist {
 public:
  static constexpr size_t kMaxCommands = 16;
  static constexpr size_t kMaxReplies = 512;

  using Options = LinkOptions;
  using Stats = LinkStats;

  explicit GrpcAccompanist(const Options& options);
  ~GrpcAccompanist() override;

  bool Post(const AccompanistCommand& command) override;
  bool Poll(Reply& reply) override;

  const Stats& stats() const { return stats_; }
  uint64_t dropped_commands() const { return commands_.dropped(); }
  // Of the service, after the first Welcome; "" before.
  std::string model() const;

 private:
  struct Connection;  // channel and link: what knows gRPC

  void Run();
  void Give(const Reply& reply);

  Stats stats_;
  SpscRing<AccompanistCommand> commands_{kMaxCommands};
  std::mutex mutex_;
  std::deque<Reply> replies_;  // guarded by mutex_
  std::atomic<bool> stop_{false};
  const std::unique_ptr<Connection> connection_;
  std::thread thread_;
};

}  // namespace antiphon::edge

#endif  // ANTIPHON_EDGE_CLIENT_GRPC_ACCOMPANIST_H_
