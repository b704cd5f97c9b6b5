// SPDX-License-Identifier: Apache-2.0
//
// What the client is told at the start and shows of itself, for those who do
// not see gRPC or protobuf. Plain values; any thread may read the statistics.
#ifndef ANTIPHON_EDGE_CLIENT_LINK_STATE_H_
#define ANTIPHON_EDGE_CLIENT_LINK_STATE_H_

#include <atomic>
#include <cstdint>
#include <string>

namespace antiphon::edge {

struct LinkOptions {
  std::string target;      // HOST:PORT
  std::string session_id;  // 1..64 characters
  std::string client;      // name and version
};

struct LinkStats {
  std::atomic<bool> connected{false};
  std::atomic<uint64_t> connects{0};
  std::atomic<uint64_t> dropped_replies{0};
  std::atomic<uint64_t> dropped_messages{0};
  std::atomic<uint64_t> malformed{0};
  std::atomic<int64_t> round_trip_us{0};  // p95
};

}  // namespace antiphon::edge

#endif  // ANTIPHON_EDGE_CLIENT_LINK_STATE_H_
