// SPDX-License-Identifier: Apache-2.0
#include "edge/port/port_watcher.h"

#include <algorithm>
#include <utility>

#include "common/rt/clock.h"

namespace antiphon::edge {

PortWatcher::PortWatcher(std::vector<KeptPort*> ports)
    : ports_(std::move(ports)), thread_([this] { Run(); }) {}

PortWatcher::~PortWatcher() {
  stop_.store(true);
  thread_.join();
}

void PortWatcher::Run() {
  const absl::Duration patience = absl::Milliseconds(20);
  MonoTime next = rt::Now();
  while (!stop_.load(std::memory_order_relaxed)) {
    const MonoTime now = rt::Now();
    if (now < next) {
      rt::SleepUntil(std::min(next, now + patience));
      continue;
    }
    for (KeptPort* port : ports_) port->Check(rt::Now());
    for (KeptPort* port : ports_) port->Retry(rt::Now());
    next = rt::Now() + Pause();
  }
}

}  // namespace antiphon::edge
