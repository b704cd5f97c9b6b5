// SPDX-License-Identifier: Apache-2.0
//
// The thread that looks after kept ports, Pause() apart: opening a port waits
// for the MIDI server, which neither the conductor nor playback may do
// (docs/decisions names the record). No priority. The destructor ends it: at
// once, or after the one server call that is under way.
#ifndef ANTIPHON_EDGE_PORT_PORT_WATCHER_H_
#define ANTIPHON_EDGE_PORT_PORT_WATCHER_H_

#include <atomic>
#include <thread>
#include <vector>

#include "edge/port/kept_port.h"

namespace antiphon::edge {

class PortWatcher {
 public:
  static constexpr absl::Duration Pause() { return absl::Milliseconds(200); }

  // Not owned; they outlive this.
  explicit PortWatcher(std::vector<KeptPort*> ports);
  ~PortWatcher();
  PortWatcher(const PortWatcher&) = delete;
  PortWatcher& operator=(const PortWatcher&) = delete;

 private:
  void Run();

  const std::vector<KeptPort*> ports_;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace antiphon::edge

#endif  // ANTIPHON_EDGE_PORT_PORT_WATCHER_H_
