// SPDX-License-Identifier: Apache-2.0
#include "inference/model/row_product.h"

#include <cstring>

#include "inference/model/best_cpu.h"

namespace antiphon::inference {
namespace {

// 16 partial sums a dot product; four outputs at once, so that one load of x
// serves four weights and the additions of one sum hide behind the others.
constexpr size_t kLanes = 16;
constexpr size_t kOutputs = 4;
typedef float Lanes __attribute__((vector_size(kLanes * sizeof(float))));

ANTIPHON_BEST_CPU
void FourProducts(const float* x, const float* const weights[kOutputs],
                  size_t width, float* out) {
  Lanes sums[kOutputs] = {};
  size_t i = 0;
  for (; i + kLanes <= width; i += kLanes) {
    Lanes a;
    std::memcpy(&a, x + i, sizeof a);
    for (size_t k = 0; k < kOutputs; ++k) {
      Lanes b;
      std::memcpy(&b, weights[k] + i, sizeof b);
      sums[k] += a * b;
    }
  }
  for (size_t k = 0; k < kOutputs; ++k) {
    float lanes[kLanes];
    std::memcpy(lanes, &sums[k], sizeof lanes);
    for (size_t step = kLanes / 2; step > 0; step /= 2) {
      for (size_t j = 0; j < step; ++j) lanes[j] += lanes[j + step];
    }
    for (size_t j = i; j < width; ++j) lanes[0] += x[j] * weights[k][j];
    out[k] = lanes[0];
  }
}

}  // namespace

void RowProduct(const float* x, size_t rows, const float* weight,
                size_t outputs, size_t width, float* out) {
  for (size_t o = 0; o < outputs; o += kOutputs) {
    const float* weights[kOutputs];
    for (size_t k = 0; k < kOutputs; ++k) {
      // Past the end: the last one again, not stored.
      weights[k] = weight + (o + k < outputs ? o + k : outputs - 1) * width;
    }
    for (size_t r = 0; r < rows; ++r) {
      float results[kOutputs];
      FourProducts(x + r * width, weights, width, results);
      const size_t count = outputs - o < kOutputs ? outputs - o : kOutputs;
      std::memcpy(out + r * outputs + o, results, count * sizeof(float));
    }
  }
}

}  // namespace antiphon::inference
