// SPDX-License-Identifier: Apache-2.0
//
// Takes everything and sends nothing: where the answer goes to session.mid
// alone, and where a session is played again. Real-time safe.
#ifndef ANTIPHON_EDGE_PORT_NO_OUTPUT_H_
#define ANTIPHON_EDGE_PORT_NO_OUTPUT_H_

#include "edge/port/midi_port.h"

namespace antiphon::edge {

class NoOutput : public MidiOutput {
 public:
  bool Send(const MidiMessage&) noexcept override { return true; }
};

}  // namespace antiphon::edge

#endif  // ANTIPHON_EDGE_PORT_NO_OUTPUT_H_
