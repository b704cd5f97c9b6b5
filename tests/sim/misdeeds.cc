// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/misdeeds.h"

#include <algorithm>
#include <cmath>

namespace antiphon::sim {
namespace {

// After so many pulses of a tempo it is known.
constexpr int kKnown = 36;
constexpr int kPulsesPerBeat = 24;
constexpr double kSlowest = 50;
constexpr double kFastest = 320;

double NewTempo(HostScript& host) {
  const double tempo = host.tempo() * (0.8 + 0.45 * Fraction(host.random()));
  return std::clamp(tempo, kSlowest, kFastest);
}

}  // namespace

absl::Duration Milliseconds(HostScript& host, int from, int to) {
  return absl::Milliseconds(from + host.Random(to - from));
}

void Stumble(HostScript& host) {
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

void StepTempo(HostScript& host) {
  host.set_tempo(NewTempo(host));
  host.Play(kKnown, host.Random(3));
}

void RampTempo(HostScript& host, int64_t pulses) {
  const double factor = std::pow(NewTempo(host) / host.tempo(),
                                 1.0 / static_cast<double>(pulses));
  for (; pulses > 0; --pulses) {
    host.set_tempo(host.tempo() * factor);
    host.Play(1, host.Random(12) == 0 ? 1 : 0);
  }
}

void Drift(HostScript& host, int beats) {
  for (; beats > 0; --beats) {
    const double factor = 1 + 1e-3 * (Fraction(host.random()) - 0.5);
    host.set_tempo(std::clamp(host.tempo() * factor, kSlowest, kFastest));
    host.Play(kPulsesPerBeat, host.Random(3));
  }
}

void LoseClocks(HostScript& host) {
  host.Play(kKnown + host.Random(90), host.Random(6));
  // So few that the clock itself does not count as lost.
  const int most = static_cast<int>(absl::Milliseconds(225) / host.period());
  host.Lose(1 + host.Random(std::clamp(most, 1, 5)));
  host.Play(kKnown, host.Random(3));
}

void Burst(HostScript& host) {
  host.Play(kKnown + host.Random(90), host.Random(6));
  host.HoldUp(Milliseconds(host, 10, 150));
  host.Play(kKnown, host.Random(3));
}

void StormInPlace(HostScript& host) {
  host.Play(kPulsesPerSixteenth - host.next_song() % kPulsesPerSixteenth, 0);
  StormTo(static_cast<int>(host.next_song() / kPulsesPerSixteenth), host);
}

void StormTo(int sixteenths, HostScript& host) {
  for (int positions = host.Random(40); positions > 0; --positions) {
    host.Locate(host.Random(400));
  }
  host.Locate(sixteenths);
}

}  // namespace antiphon::sim
