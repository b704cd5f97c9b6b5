// SPDX-License-Identifier: Apache-2.0
//
// Prints the clock follower's figures, and those of the filters it is compared
// with on the same pulses, as JSON lines. With --trace, prints instead what
// scripts/timing_svg.py draws: phase errors over time, one line a pulse.
#include <cstdio>
#include <cstring>
#include <vector>

#include "tests/bench/follower_figures.h"

namespace antiphon::bench {
namespace {

void PrintAll(const std::vector<Row>& rows) {
  for (const Row& row : rows) Print(row);
}

// 120 to 126 quarter notes a minute with 1 ms of jitter and late pulses.
void PrintTrace() {
  constexpr double kBefore = 12;
  PulseStream stream = PulseStream::Step(120, 126, kBefore);
  stream.Jitter(1, 5).Late(0.01, 3, 10, 5);
  Follower follower;
  std::vector<std::vector<Sample>> all = {Follow(stream, follower)};
  std::printf("seconds follower");
  for (NamedPredictor& other : Others()) {
    std::printf(" %s", other.name.c_str());
    all.push_back(Follow(stream, *other.predictor));
  }
  std::printf("\n");
  for (size_t i = 0; i < all[0].size(); ++i) {
    std::printf("%.4f", all[0][i].seconds - kBefore);
    for (const auto& samples : all) std::printf(" %.3f", samples[i].pulse);
    std::printf("\n");
  }
}

}  // namespace
}  // namespace antiphon::bench

int main(int argc, char** argv) {
  using namespace antiphon::bench;
  if (argc == 2 && std::strcmp(argv[1], "--trace") == 0) {
    PrintTrace();
    return 0;
  }
  if (argc > 1) {
    std::fprintf(stderr, "follower_bench: %s is not --trace\n", argv[1]);
    return 2;
  }
  PrintAll(Jitter({}));
  PrintAll(Skew({}));
  PrintAll(Quantised({}));
  PrintAll(Swung({}));
  PrintAll(Settle({.seeds = 100}));
  PrintAll(Ramp({.seeds = 20}));
  PrintAll(Losses({}));
  PrintAll(Drift(3600));
  PrintAll(Range());
  return 0;
}
