// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/generators.h"

#include <iterator>

#include "tests/sim/dialects.h"
#include "tests/sim/misdeeds.h"

namespace antiphon::sim {
namespace {

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

// What leaves the clock whole.
void Move(const Dialect& dialect, HostScript& host) {
  switch (host.Random(10)) {
    case 0:
      host.Play(1 + host.Random(90), host.Random(6));
      return StopFor(dialect, Milliseconds(host, 0, 400), host);
    case 1:
      host.Play(1 + host.Random(90), host.Random(6));
      return PlayFromStart(dialect, host);
    case 2:
      host.Play(1 + host.Random(90), host.Random(6));
      return StormTo(host.Random(200), host);
    case 3:
      StopFor(dialect, Milliseconds(host, 0, 400), host);
      return PlayFrom(dialect, SomeLine(host), host);
    case 4:
      return host.Continue();  // while running: nothing
    case 5:
      return StormInPlace(host);
    case 6:
      return Stumble(host);
    default:
      return LoopNearALine(dialect, host);
  }
}

void DisturbClock(HostScript& host) {
  switch (host.Random(6)) {
    case 0:
      return StepTempo(host);
    case 1:
      return RampTempo(host, 24 * (1 + host.Random(16)));
    case 2:
      return Drift(host, 1 + host.Random(8));
    case 3:
      return LoseClocks(host);
    case 4:
      return Burst(host);
    default:  // the clock is lost
      host.Play(1 + host.Random(90), host.Random(6));
      return host.Wait(Milliseconds(host, 800, 1500));
  }
}

}  // namespace

HostScript RestlessHost(uint64_t seed, int steps) {
  std::mt19937_64 random(seed ^ 0x686f7374u);
  const auto some = [&random](const auto& rows) {
    return rows[random() % rows.size()];
  };
  const Dialect dialect = some(Dialects());
  const Jitter jitter = some(JitterRows()).jitter;
  HostScript host(
      {.seed = seed,
       .meters = MetersOf(static_cast<int>(random() % 8)),
       .quarters_per_minute = 60 + 60.0 * static_cast<double>(random() % 5),
       .jitter = jitter});
  PlayFromStart(dialect, host);
  for (int i = 0; i < steps; ++i) {
    host.PlayBars(host.Random(5), host.Random(9));
    // A known limit: where clocks wait for a buffer of half a pulse or more, or
    // jitter by nearly as much, a step of tempo or a lost clock looks like it,
    // and the count of bars may go off. So these two do not meet here.
    if (host.Random(3) > 0 || jitter.Hides(host.period())) {
      Move(dialect, host);
    } else {
      DisturbClock(host);
    }
  }
  host.PlayBars(4, 6);
  return host;
}

NetworkScript RestlessNetwork(uint64_t seed, MonoTime end) {
  using Kind = Trouble::Kind;
  constexpr Kind kKinds[] = {Kind::kDown, Kind::kDown,   Kind::kFrozen,
                             Kind::kDeaf, Kind::kRefuse, Kind::kTwice,
                             Kind::kSlow, Kind::kSlow};
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
