// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/dialects.h"

namespace antiphon::sim {
namespace {

using Start = Dialect::Start;
using Elsewhere = Dialect::Elsewhere;
using Loop = Dialect::Loop;

void BeforeAStart(const Dialect& dialect, HostScript& host) {
  if (dialect.waits && !host.playing()) {
    host.Wait(absl::Milliseconds(host.Random(400)));
  }
  if (dialect.silences) host.SilenceAll();
}

void Search(const Dialect& dialect, HostScript& host) {
  if (!dialect.searches) return;
  for (int moves = host.Random(4); moves > 0; --moves) {
    host.Locate(host.Random(400));
    if (!host.playing()) host.Wait(absl::Milliseconds(host.Random(30)));
  }
}

void Resume(const Dialect& dialect, HostScript& host) {
  BeforeAStart(dialect, host);
  host.Continue();
  // So short a stop was none: the clock keeps its beat.
  if (!host.goes_on()) host.Wait(dialect.first_clock);
}

}  // namespace

const std::vector<Dialect>& Dialects() {
  static const std::vector<Dialect> dialects = {
      {.name = "Ableton Live"},
      {.name = "Reaper",
       .loop = Loop::kNothing,
       .returns = true,
       .searches = true,
       .silences = true},
      {.name = "Cubase", .loop = Loop::kNothing},
      {.name = "Cubase, MIDI clock follows project position",
       .loop = Loop::kStopLocateContinue},
      {.name = "Cubase, always send start",
       .elsewhere = Elsewhere::kStart,
       .loop = Loop::kNothing,
       .always_clocks = true},
      {.name = "Logic (iPad)"},
      {.name = "Logic (iPad), restart at pattern",
       .elsewhere = Elsewhere::kStart,
       .loop = Loop::kStart},
      {.name = "Studio One",
       .loop = Loop::kNothing,
       .first_clock = absl::Milliseconds(20),
       .searches = true,
       .waits = true},
      {.name = "Studio One, starts with CONTINUE",
       .start = Start::kContinue,
       .loop = Loop::kNothing,
       .searches = true,
       .waits = true},
      {.name = "Renoise", .always_clocks = true},
      {.name = "Zynthian (till 2025-09)",
       .start = Start::kStartThenContinue,
       .loop = Loop::kContinue},
      {.name = "norns", .start = Start::kContinue, .loop = Loop::kNothing},
      {.name = "hardware sequencers",
       .elsewhere = Elsewhere::kStart,
       .loop = Loop::kNothing,
       .first_clock = absl::Milliseconds(1),
       .always_clocks = true},
  };
  return dialects;
}

void PlayFromStart(const Dialect& dialect, HostScript& host) {
  BeforeAStart(dialect, host);
  if (dialect.start == Start::kContinue) {
    host.Continue();
  } else {
    host.Start();
  }
  if (dialect.start == Start::kStartThenContinue) {
    host.Wait(absl::Milliseconds(6));
    host.Continue();
  }
  host.Wait(dialect.first_clock);
}

void PlayFrom(const Dialect& dialect, int sixteenths, HostScript& host) {
  BeforeAStart(dialect, host);
  if (dialect.elsewhere == Elsewhere::kStart) {
    host.Start();
  } else {
    Search(dialect, host);
    host.Locate(sixteenths);
    host.Continue();
  }
  host.Wait(dialect.first_clock);
}

void Stop(const Dialect& dialect, HostScript& host) {
  host.Stop();
  if (dialect.returns) host.Locate(host.began_at());
}

void StandStill(const Dialect& dialect, absl::Duration pause,
                HostScript& host) {
  if (!dialect.always_clocks) return host.Wait(pause);
  const MonoTime end = host.now() + pause;
  while (host.now() < end) host.Clocks(1);
}

void StopFor(const Dialect& dialect, absl::Duration pause, HostScript& host) {
  Stop(dialect, host);
  StandStill(dialect, pause, host);
  Resume(dialect, host);
}

void LoopTo(const Dialect& dialect, int sixteenths, HostScript& host) {
  switch (dialect.loop) {
    case Loop::kLocate:
      return host.Locate(sixteenths);
    case Loop::kStopLocateContinue:
      host.Stop();
      host.Locate(sixteenths);
      return host.Continue();
    case Loop::kStart:
      return host.Start();
    case Loop::kContinue:
      return host.Continue();
    case Loop::kNothing:
      return;
  }
}

}  // namespace antiphon::sim
