// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/hostile_hosts.h"

#include <iterator>
#include <random>
#include <vector>

#include "tests/sim/misdeeds.h"

namespace antiphon::sim {
namespace {

HostScript Started(const HostScript::Options& options) {
  HostScript host(options);
  host.Start();
  host.PlayBars(3, 6);
  return host;
}

HostScript Jitters(uint64_t seed) {
  HostScript host =
      Started({.seed = seed,
               .jitter = {Jitter::Kind::kUniform, absl::Milliseconds(10)}});
  host.PlayBars(30, 6);
  return host;
}

HostScript Drifts(uint64_t seed) {
  HostScript host = Started({.seed = seed});
  Drift(host, 120);
  return host;
}

HostScript Bursts(uint64_t seed) {
  HostScript host = Started({.seed = seed});
  for (int i = 0; i < 15; ++i) {
    Burst(host);
    host.PlayBars(2, 6);
  }
  return host;
}

HostScript DropsClocks(uint64_t seed) {
  HostScript host = Started({.seed = seed});
  for (int i = 0; i < 10; ++i) {
    LoseClocks(host);
    host.PlayBars(6, 6);
  }
  return host;
}

HostScript StepsTempo(uint64_t seed) {
  HostScript host = Started({.seed = seed});
  for (int i = 0; i < 10; ++i) {
    StepTempo(host);
    host.PlayBars(6, 6);
  }
  return host;
}

HostScript RampsTempo(uint64_t seed) {
  HostScript host = Started({.seed = seed});
  for (int i = 0; i < 8; ++i) {
    RampTempo(host, 4 * 96);
    host.PlayBars(2, 6);
  }
  return host;
}

// Between any two clocks, while it stands, and at a loop.
HostScript Storms(uint64_t seed) {
  HostScript host = Started({.seed = seed});
  for (int i = 0; i < 8; ++i) {
    for (int storms = 0; storms < 20; ++storms) StormInPlace(host);
    host.PlayBars(4, 6);
    StormTo(16 * host.Random(8), host);
    host.PlayBars(4, 6);
    host.Stop();
    host.Wait(Milliseconds(host, 100, 300));
    StormTo(16 * host.Random(8), host);
    host.Continue();
    host.PlayBars(4, 6);
  }
  return host;
}

// For less time than a stop takes to act, and for more.
HostScript StopsAndStarts(uint64_t seed) {
  HostScript host = Started({.seed = seed, .quarters_per_minute = 240});
  for (int64_t pulse = 0; pulse < 96; ++pulse) {
    host.Play(pulse, 4);
    host.Stop();
    host.Wait(Milliseconds(host, 0, 100));
    host.Locate(host.Random(64));
    if (host.Random(2) == 0) {
      host.Start();
    } else {
      host.Continue();
    }
    host.PlayBars(5, 6);
  }
  return host;
}

HostScript ChangesMeters(uint64_t seed) {
  constexpr Meter kMeters[] = {{4, 4}, {3, 4}, {6, 8}, {7, 8},
                               {5, 4}, {2, 4}, {1, 8}, {12, 8}};
  std::mt19937_64 random(seed);
  std::vector<MeterMap::Change> changes;
  Ticks line;
  for (int bar = 0; bar < 60; ++bar) {
    const Meter meter = kMeters[random() % std::size(kMeters)];
    changes.push_back({line, meter});
    line = line + meter.BarLength();
  }
  HostScript host = Started({.seed = seed, .meters = MeterMap(changes)});
  host.PlayBars(60, 5);
  return host;
}

}  // namespace

const std::vector<HostileHost>& HostileHosts() {
  static const std::vector<HostileHost> hosts = {
      {"jitters", Jitters, 28},
      {"drifts", Drifts, 28},
      {"delivers clocks in bursts", Bursts, 30},
      {"drops clocks", DropsClocks, 20},
      {"steps its tempo", StepsTempo, 20},
      {"ramps its tempo", RampsTempo, 30},
      {"storms of song positions", Storms, 40},
      {"stops and starts at every pulse of a bar", StopsAndStarts, 150},
      {"changes its meter at every bar", ChangesMeters, 50},
  };
  return hosts;
}

}  // namespace antiphon::sim
