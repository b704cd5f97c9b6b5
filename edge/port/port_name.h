// SPDX-License-Identifier: Apache-2.0
//
// Which port a name means. In this order: the exact name; the name without a
// trailing number, which systems hand out anew at each start ("Keystation
// 20:0", "loopMIDI Port 2"); a prefix. The first rule with a hit decides: one
// hit is the port, several are an error that lists them. Pure, any thread.
#ifndef ANTIPHON_EDGE_PORT_PORT_NAME_H_
#define ANTIPHON_EDGE_PORT_PORT_NAME_H_

#include <cstddef>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace antiphon::edge {

// Index into `available`. `kind` names the port in errors ("MIDI input").
absl::StatusOr<size_t> MatchPortName(std::string_view kind,
                                     std::string_view wanted,
                                     absl::Span<const std::string> available);

}  // namespace antiphon::edge

#endif  // ANTIPHON_EDGE_PORT_PORT_NAME_H_
