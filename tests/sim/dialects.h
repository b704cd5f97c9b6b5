// SPDX-License-Identifier: Apache-2.0
//
// What hosts send for what their users do, a row each, as read in manuals and
// forums; none was tried. A new host is a row of Dialects().
#ifndef ANTIPHON_TESTS_SIM_DIALECTS_H_
#define ANTIPHON_TESTS_SIM_DIALECTS_H_

#include <vector>

#include "tests/sim/host_script.h"

namespace antiphon::sim {

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
  bool searches = false;       // every move of the cursor is a song position
  bool silences = false;       // CC120 and CC123 on all channels before a start
  bool waits = false;          // for the next beat, before it sends a start
  bool always_clocks = false;  // while stopped too
};

const std::vector<Dialect>& Dialects();

// The user's gestures in a dialect.
void PlayFromStart(const Dialect& dialect, HostScript& host);
void PlayFrom(const Dialect& dialect, int sixteenths, HostScript& host);
void Stop(const Dialect& dialect, HostScript& host);
// With its clock or without.
void StandStill(const Dialect& dialect, absl::Duration pause, HostScript& host);
// Stops, and goes on from there.
void StopFor(const Dialect& dialect, absl::Duration pause, HostScript& host);
void LoopTo(const Dialect& dialect, int sixteenths, HostScript& host);

}  // namespace antiphon::sim

#endif  // ANTIPHON_TESTS_SIM_DIALECTS_H_
