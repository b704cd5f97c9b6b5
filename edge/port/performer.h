// SPDX-License-Identifier: Apache-2.0
//
// A host that does not exist outside this process: it says, message by message,
// what a real one would send and when, in time order. Pure: no thread, no
// clock. PerformerInput plays it into a ring at those instants.
#ifndef ANTIPHON_EDGE_PORT_PERFORMER_H_
#define ANTIPHON_EDGE_PORT_PERFORMER_H_

#include <optional>

#include "absl/time/time.h"
#include "common/midi/message.h"

namespace antiphon::edge {

class Performer {
 public:
  // From START to the first clock pulse: MIDI 1.0 asks for at least 1 ms.
  static constexpr absl::Duration StartLead() { return absl::Milliseconds(1); }
  // Tempo in quarter notes a minute.
  static constexpr double kMinTempo = 20;
  static constexpr double kMaxTempo = 999;

  virtual ~Performer() = default;

  // The next message, never earlier than the one before; nothing after the end.
  virtual std::optional<TimedMessage> Next() = 0;
};

}  // namespace antiphon::edge

#endif  // ANTIPHON_EDGE_PORT_PERFORMER_H_
