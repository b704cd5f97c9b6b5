// SPDX-License-Identifier: Apache-2.0
#ifndef ANTIPHON_TESTS_BENCH_QUANTILE_H_
#define ANTIPHON_TESTS_BENCH_QUANTILE_H_

#include <algorithm>
#include <cmath>
#include <vector>

namespace antiphon::bench {

// The nearest of the values; 0 where there are none.
inline double Quantile(std::vector<double> values, double q) {
  if (values.empty()) return 0;
  const double last = static_cast<double>(values.size() - 1);
  const auto at = values.begin() + std::lround(q * last);
  std::nth_element(values.begin(), at, values.end());
  return *at;
}

}  // namespace antiphon::bench

#endif  // ANTIPHON_TESTS_BENCH_QUANTILE_H_
