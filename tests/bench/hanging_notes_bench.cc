// SPDX-License-Identifier: Apache-2.0
//
// 10^5 bars of fuzzed sessions in virtual time (tests/sim): in how many
// sessions a note hung, sounded out of its epoch or twice, or anything else was
// wrong. Prints rows as JSON lines; how far it is, what failed, and how to see
// that again goes to standard error.
//
//   hanging_notes_bench        all of it
//   hanging_notes_bench SEED   that session alone; exit status 1 if it fails
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "tests/bench/row.h"
#include "tests/sim/fuzz.h"

namespace antiphon::bench {
namespace {

constexpr size_t kBars = 100'000;
constexpr size_t kTellEvery = 10'000;
constexpr uint64_t kFirstSeed = 1'000'000;  // tests begin at 0

// Standard error without the log of every bar that the edge writes to it.
FILE* QuietLog() {
  FILE* const people = fdopen(dup(STDERR_FILENO), "w");
  if (people == nullptr || freopen("/dev/null", "w", stderr) == nullptr) {
    std::abort();
  }
  setvbuf(people, nullptr, _IOLBF, BUFSIZ);
  return people;
}

// Sessions, by what happened in them.
struct Findings {
  double hanging = 0;
  double old_epoch = 0;
  double duplicates = 0;
  double others = 0;

  void Add(const sim::Fuzzed& session) {
    hanging += session.hanging_note ? 1 : 0;
    old_epoch += session.old_epoch ? 1 : 0;
    duplicates += session.duplicate ? 1 : 0;
    const bool one =
        session.hanging_note || session.old_epoch || session.duplicate;
    others += !one && !session.problem.empty() ? 1 : 0;
  }
};

void Tell(FILE* people, uint64_t seed, const sim::Fuzzed& session) {
  if (session.problem.empty()) return;
  std::fprintf(people, "%s\n  build/release/bin/hanging_notes_bench %ju\n",
               session.problem.c_str(), static_cast<uintmax_t>(seed));
}

void PrintRows(FILE* people) {
  Findings findings;
  size_t bars = 0;
  for (uint64_t seed = kFirstSeed; bars < kBars; ++seed) {
    const sim::Fuzzed session = sim::Fuzz(seed);
    findings.Add(session);
    Tell(people, seed, session);
    const size_t told = bars / kTellEvery;
    bars += session.bars;
    if (bars / kTellEvery > told) std::fprintf(people, "%zu bars\n", bars);
  }
  constexpr char kUnit[] = "sessions";
  Print({"hanging_notes", findings.hanging, kUnit, 0.0});
  Print({"hanging_notes.out_of_epoch", findings.old_epoch, kUnit, 0.0});
  Print({"hanging_notes.duplicates", findings.duplicates, kUnit, 0.0});
  Print({"hanging_notes.other", findings.others, kUnit, 0.0});
  Print({"hanging_notes.bars", static_cast<double>(bars), "bars",
         static_cast<double>(kBars), true});
}

}  // namespace
}  // namespace antiphon::bench

int main(int argc, char** argv) {
  using namespace antiphon;
  if (argc > 2) {
    std::fprintf(stderr, "usage: %s [SEED]\n", argv[0]);
    return 2;
  }
  FILE* const people = bench::QuietLog();
  if (argc < 2) {
    bench::PrintRows(people);
    return 0;
  }
  const uint64_t seed = std::strtoull(argv[1], nullptr, 10);
  const sim::Fuzzed session = sim::Fuzz(seed);
  std::printf("%zu bars, %d answers judged\n", session.bars, session.judged);
  bench::Tell(people, seed, session);
  return session.problem.empty() ? 0 : 1;
}
