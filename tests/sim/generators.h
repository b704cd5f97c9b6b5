// SPDX-License-Identifier: Apache-2.0
//
// Scripts drawn from a seed: hosts that speak as real ones do, players who
// play anything, networks that fail. A new dialect is a row of Dialects(), a
// new way of being hostile a line of RestlessHost().
#ifndef ANTIPHON_TESTS_SIM_GENERATORS_H_
#define ANTIPHON_TESTS_SIM_GENERATORS_H_

#include <vector>

#include "tests/sim/fake_network.h"
#include "tests/sim/host_script.h"

namespace antiphon::sim {

// What a host sends for what its user does (read in manuals and forums).
struct Dialect {
  enum class Start {
    kStart,
    kContinue,           // without a START
    kStartThenContinue,  // 6 ms apart
  };
  enum class Elsewhere { kLocateContinue, kStart };
  enum class Loop {
    kLocate,              // a song position, and clocks go on
    kStopLocateContinue,  // within one pulse
    kStart,               // START again: loops to the beginning only
    kContinue,            // CONTINUE, and nothing moves
    kNothing,             // the clock runs on
  };
  const char* name;
  Start start = Start::kStart;
  Elsewhere elsewhere = Elsewhere::kLocateContinue;
  Loop loop = Loop::kLocate;
  absl::Duration first_clock = absl::ZeroDuration();  // after the start
  bool returns = false;        // after STOP, a song position where play began
  bool always_clocks = false;  // while stopped too
};

const std::vector<Dialect>& Dialects();

// The user's gestures in a dialect.
void PlayFromStart(const Dialect& dialect, HostScript& host);
void PlayFrom(const Dialect& dialect, int sixteenths, HostScript& host);
void StopFor(const Dialect& dialect, absl::Duration pause, HostScript& host);
void LoopTo(const Dialect& dialect, int sixteenths, HostScript& host);

// A host that does anything at any place, `steps` times.
HostScript RestlessHost(uint64_t seed, int steps);
// Delays and troubles until `end`.
NetworkScript RestlessNetwork(uint64_t seed, MonoTime end);

}  // namespace antiphon::sim

#endif  // ANTIPHON_TESTS_SIM_GENERATORS_H_
