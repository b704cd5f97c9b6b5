// SPDX-License-Identifier: Apache-2.0
//
// One line of a bench's output: {"name","value","unit","target","holds"}.
// scripts/bench.sh collects them from every bench.
#ifndef ANTIPHON_TESTS_BENCH_ROW_H_
#define ANTIPHON_TESTS_BENCH_ROW_H_

#include <cmath>
#include <cstdio>
#include <optional>
#include <string>

namespace antiphon::bench {

struct Row {
  std::string name;
  double value = 0;
  std::string unit;
  // Nothing: reported only. What the row holds is at or below `limit`, or with
  // `at_least` at or above it.
  std::optional<double> limit = std::nullopt;
  bool at_least = false;

  bool Holds() const {
    return !limit || (at_least ? value >= *limit : value <= *limit);
  }
};

inline void Print(const Row& row) {
  std::printf("{\"name\": \"%s\", \"value\": %.6g, \"unit\": \"%s\", ",
              row.name.c_str(), row.value, row.unit.c_str());
  if (row.limit) {
    std::printf("\"target\": \"%s %.6g\", \"holds\": %s}\n",
                row.at_least ? ">=" : "<=", *row.limit,
                row.Holds() ? "true" : "false");
  } else {
    std::printf("\"target\": null, \"holds\": null}\n");
  }
  std::fflush(stdout);
}

}  // namespace antiphon::bench

#endif  // ANTIPHON_TESTS_BENCH_ROW_H_
