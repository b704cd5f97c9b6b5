// SPDX-License-Identifier: Apache-2.0
//
// A port that can be lost and opened again: what KeptPort needs of it. One
// thread at a time calls these, and it may be kept waiting: a MIDI server takes
// tens of milliseconds to open a port, a dead one a second to let go of it.
#ifndef ANTIPHON_EDGE_PORT_OPEN_PORT_H_
#define ANTIPHON_EDGE_PORT_OPEN_PORT_H_

#include <string>

#include "absl/status/status.h"
#include "edge/port/midi_port.h"

namespace antiphon::edge {

class OpenPort {
 public:
  virtual ~OpenPort() = default;

  // False: the server, or the port that this one is connected to, is gone.
  virtual bool Alive() = 0;
  // Lets go of what is gone. An input ends the notes it has begun.
  virtual void Close() = 0;
  // Tries once.
  virtual absl::Status Reopen() = 0;
  // For people, as it was opened last.
  virtual std::string description() const = 0;
};

// Whether somebody connects to a port, or to one that cannot be told from it.
enum class Newcomer {
  kNone,    // nobody since the one told last; or nobody can
  kComing,  // somebody, who may not hear everything yet
  kThere,   // who hears from here on; told once
  kUntold,  // others may connect, and the system does not tell
};

class OpenOutput : public MidiOutput, public OpenPort {
 public:
  // Of the thread that sends. Real-time safe.
  virtual Newcomer LookForNewcomer() noexcept { return Newcomer::kNone; }
};

}  // namespace antiphon::edge

#endif  // ANTIPHON_EDGE_PORT_OPEN_PORT_H_
