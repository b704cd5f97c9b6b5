// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/generators.h"

#include <algorithm>
#include <iterator>

namespace antiphon::sim {
namespace {

using Start = Dialect::Start;
using Elsewhere = Dialect::Elsewhere;
using Loop = Dialect::Loop;

// After so many pulses of a tempo it is known.
constexpr int kKnown = 36;

Ticks BarsOf(Meter meter, int bars) {
  return Ticks::Of(bars * meter.BarLength().count());
}

MeterMap MetersOf(int row) {
  constexpr Meter kConstant[] = {{4, 4}, {3, 4}, {4, 4}, {7, 8},
                                 {5, 4}, {6, 8}, {2, 4}};
  constexpr int kRows = std::size(kConstant);
  if (row % (kRows + 1) < kRows) {
    return MeterMap(kConstant[row % (kRows + 1)]);
  }
  // 4 bars of 4/4, 4 of 3/4, 4 of 6/8, then 5/4.
  const Ticks waltz = BarsOf({4, 4}, 4);
  const Ticks jig = waltz + BarsOf({3, 4}, 4);
  const Ticks five = jig + BarsOf({6, 8}, 4);
  return MeterMap(std::vector<MeterMap::Change>{
      {Ticks(), {4, 4}}, {waltz, {3, 4}}, {jig, {6, 8}}, {five, {5, 4}}});
}

Jitter JitterOf(int row) {
  switch (row % 5) {
    case 1:
      return {Jitter::Kind::kUniform, absl::Microseconds(1330)};
    case 3:
      return {Jitter::Kind::kGaussian, absl::Microseconds(500)};
    default:
      return {};
  }
}

absl::Duration Milliseconds(HostScript& host, int from, int to) {
  return absl::Milliseconds(from + host.Random(to - from));
}

// Some bar line within the first twenty bars that a song position can name.
int SomeLine(HostScript& host) {
  HostBar bar = host.meters().BarAt(Ticks());
  for (int bars = host.Random(20); bars > 0; --bars) {
    bar = host.meters().BarAt(bar.end());
  }
  return static_cast<int>(bar.begin.Pulses() / kPulsesPerSixteenth);
}

// On the line, or up to two pulses before or after it.
void LoopNearALine(const Dialect& dialect, HostScript& host) {
  const int64_t off = host.Random(5) - 2;
  const int64_t pulses = host.PulsesToLine() + off;
  if (pulses > 0) host.Play(pulses, host.Random(8));
  LoopTo(dialect, SomeLine(host), host);
}

void Stumble(HostScript& host) {  // two or more epochs within one bar
  for (int times = 2 + host.Random(3); times > 0; --times) {
    switch (host.Random(4)) {
      case 0:
        host.Start();
        break;
      case 1:
        host.Locate(host.Random(200));
        break;
      case 2:
        host.Stop();
        if (host.Random(2) == 0) host.Wait(Milliseconds(host, 0, 40));
        host.Continue();
        break;
      default:
        host.Stop();
        host.Start();
        host.Start();
    }
    host.Clocks(1 + host.Random(9));
  }
}

// By a quarter at most: nobody can tell a larger step from lost clocks at once.
void ChangeTempo(HostScript& host) {
  const double tempo = host.tempo() * (0.8 + 0.45 * host.Random(1000) / 1000);
  host.set_tempo(std::clamp(tempo, 50.0, 320.0));
  host.Play(kKnown, host.Random(3));
}

void Step(const Dialect& dialect, HostScript& host) {
  host.PlayBars(host.Random(5), host.Random(9));
  switch (host.Random(14)) {
    case 0:
      host.Play(1 + host.Random(90), host.Random(6));
      return StopFor(dialect, Milliseconds(host, 0, 400), host);
    case 1:
      host.Play(1 + host.Random(90), host.Random(6));
      return PlayFromStart(dialect, host);
    case 2:
      host.Play(1 + host.Random(90), host.Random(6));
      return host.Locate(host.Random(200));
    case 3:
    case 4:
    case 5:
    case 6:
      return LoopNearALine(dialect, host);
    case 7:
      return host.Continue();  // while running: nothing
    case 8:
      return Stumble(host);
    case 9:
      return ChangeTempo(host);
    case 10:  // of a clock that is known, some are lost
      host.Play(kKnown + host.Random(90), host.Random(6));
      host.Lose(1 + host.Random(5));
      return host.Play(kKnown, host.Random(3));
    case 11:  // the clock is lost
      host.Play(1 + host.Random(90), host.Random(6));
      return host.Wait(Milliseconds(host, 800, 1500));
    case 12:
      StopFor(dialect, Milliseconds(host, 0, 400), host);
      return PlayFrom(dialect, SomeLine(host), host);
    default:
      return;
  }
}

}  // namespace

const std::vector<Dialect>& Dialects() {
  static const std::vector<Dialect> dialects = {
      {.name = "Live"},
      {.name = "Reaper", .loop = Loop::kNothing, .returns = true},
      {.name = "Cubase, always sends start",
       .elsewhere = Elsewhere::kStart,
       .loop = Loop::kNothing},
      {.name = "Logic for iPad", .loop = Loop::kStart},
      {.name = "Studio One",
       .loop = Loop::kNothing,
       .first_clock = absl::Milliseconds(20)},
      {.name = "Renoise", .always_clocks = true},
      {.name = "Zynthian",
       .start = Start::kStartThenContinue,
       .loop = Loop::kContinue},
      {.name = "norns", .start = Start::kContinue, .loop = Loop::kNothing},
      {.name = "hardware sequencer",
       .elsewhere = Elsewhere::kStart,
       .loop = Loop::kNothing,
       .first_clock = absl::Milliseconds(1),
       .always_clocks = true},
      {.name = "stops to loop", .loop = Loop::kStopLocateContinue},
  };
  return dialects;
}

void PlayFromStart(const Dialect& dialect, HostScript& host) {
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
  if (dialect.elsewhere == Elsewhere::kStart) {
    host.Start();
  } else {
    host.Locate(sixteenths);
    host.Continue();
  }
  host.Wait(dialect.first_clock);
}

void StopFor(const Dialect& dialect, absl::Duration pause, HostScript& host) {
  host.Stop();
  if (dialect.returns) host.Locate(host.Random(64));
  if (dialect.always_clocks) {
    const MonoTime end = host.now() + pause;
    while (host.now() < end) host.Clocks(1);
  } else {
    host.Wait(pause);
  }
  host.Continue();
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

HostScript RestlessHost(uint64_t seed, int steps) {
  const auto row = static_cast<int>(seed % 1000);
  HostScript host({.seed = seed,
                   .meters = MetersOf(row / 3),
                   .quarters_per_minute = 60 + 60.0 * (row % 5),
                   .jitter = JitterOf(row)});
  const Dialect& dialect =
      Dialects()[static_cast<size_t>(row) % Dialects().size()];
  PlayFromStart(dialect, host);
  for (int i = 0; i < steps; ++i) Step(dialect, host);
  host.PlayBars(4, 6);
  return host;
}

NetworkScript RestlessNetwork(uint64_t seed, MonoTime end) {
  using Kind = Trouble::Kind;
  constexpr Kind kKinds[] = {Kind::kDown, Kind::kDown,   Kind::kFrozen,
                             Kind::kDeaf, Kind::kRefuse, Kind::kTwice};
  std::mt19937_64 random(seed ^ 0x6e6574776f726bu);
  const auto ms = [&random](int from, int to) {
    return absl::Milliseconds(
        from + static_cast<int>(random() % static_cast<uint64_t>(to - from)));
  };
  NetworkScript network{.seed = seed};
  for (Delay* delay : {&network.up, &network.down}) {
    *delay = {.least = ms(0, 15),
              .spread = ms(0, 30),
              .spike = seed % 3 == 0 ? 0.02 : 0.0,
              .spike_delay = seed % 3 == 0 ? ms(50, 300) : ms(0, 1)};
  }
  network.think = ms(1, 40);
  network.per_note = absl::Microseconds(static_cast<int>(random() % 4000));
  if (seed % 4 == 0) return network;
  MonoTime at = MonoTime::FromNanos(0) + ms(1000, 8000);
  while (at < end) {
    const Kind kind = kKinds[random() % std::size(kKinds)];
    const MonoTime to = at + ms(20, random() % 3 == 0 ? 4000 : 400);
    network.troubles.push_back({kind, at, to});
    at = to + ms(2000, 15000);
  }
  return network;
}

}  // namespace antiphon::sim
