// SPDX-License-Identifier: Apache-2.0
//
// `antiphon-edge --monitor`: what arrives, one line a message, each with the
// follower's view of time: bar.beat as people count them (from 1), tempo, lock.
// Clocks would flood the screen: they are told once a beat, with their tempo
// and jitter as measured. Monitor is pure; RunMonitor() feeds it.
#ifndef ANTIPHON_EDGE_MONITOR_H_
#define ANTIPHON_EDGE_MONITOR_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "common/midi/message.h"
#include "common/music/meter.h"
#include "edge/clock/clock_follower.h"
#include "edge/clock_meter.h"
#include "edge/midi_ports.h"

namespace antiphon::edge {

// For people: "note on   60 C4  velocity 80  channel 1".
std::string Describe(const MidiMessage& message);

class Monitor {
 public:
  // `ports`: a short name for each input. Times are told from `start`.
  Monitor(ClockFollower::Options clock, std::vector<std::string> ports,
          MonoTime start);

  // The line for a message; "" where there is none.
  std::string OnMessage(size_t port, const TimedMessage& message);
  // What the follower noticed by itself until `now`; "" for nothing.
  std::string OnTime(MonoTime now);

 private:
  std::string Line(MonoTime at, const std::string& port,
                   const std::string& what) const;
  std::string View(MonoTime at) const;

  const std::vector<std::string> ports_;
  const MonoTime start_;
  ClockFollower follower_;
  ClockMeter meter_;
  int pulses_untold_ = 0;
};

// Opens the inputs and prints what arrives, until `stop` says so.
absl::Status RunMonitor(const MidiPorts::Options& ports,
                        ClockFollower::Options clock,
                        const std::function<bool()>& stop);

}  // namespace antiphon::edge

#endif  // ANTIPHON_EDGE_MONITOR_H_
