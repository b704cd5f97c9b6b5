// SPDX-License-Identifier: Apache-2.0
//
// The client: a thread of its own between the conductor and the service.
// Connects, says Hello, sends jobs with the budget left to them, measures the
// round trip twice a second, reconnects with a growing pause, and sends every
// job that is still open and before its cutoff again with the same id and seed.
// The conductor never waits for any of it: full queues drop and count.
#ifndef ANTIPHON_EDGE_CLIENT_GRPC_ACCOMPANIST_H_
#define ANTIPHON_EDGE_CLIENT_GRPC_ACCOMPANIST_H_

#include <atomic>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "common/rt/spsc_ring.h"
#include "edge/client/accompanist.h"

namespace antiphon::edge {

class GrpcAccompanist : public Accompanist {
 public:
  static constexpr size_t kMaxCommands = 16;
  static constexpr size_t kMaxReplies = 512;
  static constexpr size_t kMaxOpenJobs = 8;

  struct Options {
    std::string target;      // HOST:PORT
    std::string session_id;  // 1..64 characters
    std::string client;      // name and version
  };
  // Any thread may read these.
  struct Stats {
    std::atomic<bool> connected{false};
    std::atomic<uint64_t> connects{0};
    std::atomic<uint64_t> dropped_replies{0};
    std::atomic<uint64_t> dropped_messages{0};
    std::atomic<uint64_t> malformed{0};
    std::atomic<int64_t> round_trip_us{0};  // p95
  };

  explicit GrpcAccompanist(const Options& options);
  ~GrpcAccompanist() override;

  bool Post(const AccompanistCommand& command) override;
  bool Poll(Reply& reply) override;

  const Stats& stats() const { return stats_; }
  uint64_t dropped_commands() const { return commands_.dropped(); }
  // Of the service, after the first Welcome; "" before.
  std::string model() const;

 private:
  class Session;

  void Run();
  void Give(const Reply& reply);

  const Options options_;
  Stats stats_;
  SpscRing<AccompanistCommand> commands_{kMaxCommands};
  mutable std::mutex mutex_;
  std::deque<Reply> replies_;  // guarded by mutex_
  std::string model_;          // guarded by mutex_
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace antiphon::edge

#endif  // ANTIPHON_EDGE_CLIENT_GRPC_ACCOMPANIST_H_
