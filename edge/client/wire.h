// SPDX-License-Identifier: Apache-2.0
//
// Between the edge's structs and the wire (proto/antiphon/v1). Nothing from
// outside is trusted: a chunk with a note that cannot be played is refused as a
// whole.
#ifndef ANTIPHON_EDGE_CLIENT_WIRE_H_
#define ANTIPHON_EDGE_CLIENT_WIRE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "antiphon/v1/accompanist.pb.h"
#include "edge/client/accompanist.h"

namespace antiphon::edge {

inline constexpr uint32_t kProtocolVersion = 1;

v1::EdgeMessage HelloMessage(const std::string& session_id,
                             const std::string& client);
v1::EdgeMessage JobMessage(const Job& job, absl::Duration budget);
v1::EdgeMessage CancelMessage(JobId job);
v1::EdgeMessage ReportMessage(const BarReport& report);

// One chunk as replies of at most kMaxChunkNotes notes; only the last is
// `done`.
absl::StatusOr<std::vector<Reply>> ToReplies(const v1::BarChunk& chunk,
                                             MonoTime at);

}  // namespace antiphon::edge

#endif  // ANTIPHON_EDGE_CLIENT_WIRE_H_
