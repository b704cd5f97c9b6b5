// SPDX-License-Identifier: Apache-2.0
#include "inference/model/read_probe.h"

#include "inference/model/best_cpu.h"

namespace antiphon::inference {
namespace {

// Eight sums of eight words: more loads under way than one sum would allow.
constexpr size_t kStep = 64;

ANTIPHON_BEST_CPU
uint64_t Sum(const uint64_t* words, size_t count) {
  uint64_t sums[kStep] = {};
  for (size_t i = 0; i + kStep <= count; i += kStep) {
    for (size_t j = 0; j < kStep; ++j) sums[j] += words[i + j];
  }
  uint64_t sum = 0;
  for (const uint64_t part : sums) sum += part;
  return sum;
}

}  // namespace

ReadProbe::ReadProbe(size_t bytes)
    : words_(bytes / sizeof(uint64_t) / kStep * kStep, 1) {}

void ReadProbe::Read() {
  sum_ += Sum(words_.data(), words_.size());
  // The compiler must not see that nobody reads the sum.
  asm volatile("" : : "r"(&sum_) : "memory");
}

}  // namespace antiphon::inference
