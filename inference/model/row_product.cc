// SPDX-License-Identifier: Apache-2.0
#include "inference/model/row_product.h"

#include <algorithm>
#include <cstring>

#include "inference/model/best_cpu.h"

namespace antiphon::inference {
namespace {

// A dot product has 16 partial sums. Two rows by four outputs at once: six
// loads serve eight multiplications, and the additions of one sum hide behind
// those of the others.
constexpr size_t kLanes = 16;
constexpr size_t kRows = 2;
constexpr size_t kOutputs = 4;
constexpr size_t kLineFloats = 16;  // a cache line
typedef float Lanes __attribute__((vector_size(kLanes * sizeof(float))));
typedef float Eight __attribute__((vector_size(8 * sizeof(float))));
typedef float Four __attribute__((vector_size(4 * sizeof(float))));

struct Block {
  const float* x[kRows];
  const float* weights[kOutputs];
  float* out[kRows];
};

// What follows is always inlined: compiled for the processor of its caller.

// Sums the lanes of four vectors: by halves to four lanes, then across.
[[gnu::always_inline]] inline void Sum(const Lanes (&lanes)[kOutputs],
                                       Four& out) {
  Four folded[kOutputs];
  for (size_t k = 0; k < kOutputs; ++k) {
    Eight halves[2];
    std::memcpy(halves, &lanes[k], sizeof halves);
    const Eight eight = halves[0] + halves[1];
    Four quarters[2];
    std::memcpy(quarters, &eight, sizeof quarters);
    folded[k] = quarters[0] + quarters[1];
  }
  const Four first = __builtin_shufflevector(folded[0], folded[1], 0, 4, 1, 5) +
                     __builtin_shufflevector(folded[0], folded[1], 2, 6, 3, 7);
  const Four second =
      __builtin_shufflevector(folded[2], folded[3], 0, 4, 1, 5) +
      __builtin_shufflevector(folded[2], folded[3], 2, 6, 3, 7);
  out = __builtin_shufflevector(first, second, 0, 1, 4, 5) +
        __builtin_shufflevector(first, second, 2, 3, 6, 7);
}

template <size_t rows>
[[gnu::always_inline]] inline void Multiply(const Block& block, size_t width) {
  Lanes sums[rows][kOutputs] = {};
  size_t i = 0;
  for (; i + kLanes <= width; i += kLanes) {
    Lanes x[rows];
    for (size_t r = 0; r < rows; ++r) {
      std::memcpy(&x[r], block.x[r] + i, sizeof x[r]);
    }
    for (size_t k = 0; k < kOutputs; ++k) {
      Lanes weight;
      std::memcpy(&weight, block.weights[k] + i, sizeof weight);
      for (size_t r = 0; r < rows; ++r) sums[r][k] += x[r] * weight;
    }
  }
  for (size_t r = 0; r < rows; ++r) {
    Four results;
    Sum(sums[r], results);
    for (size_t k = 0; k < kOutputs; ++k) {
      float result = results[k];
      for (size_t j = i; j < width; ++j) {
        result += block.x[r][j] * block.weights[k][j];
      }
      block.out[r][k] = result;
    }
  }
}

ANTIPHON_BEST_CPU
void MultiplyOne(const Block& block, size_t width) {
  Multiply<1>(block, width);
}

ANTIPHON_BEST_CPU
void MultiplyTwo(const Block& block, size_t width) {
  Multiply<2>(block, width);
}

// Weights come from memory in blocks too short for the processor to see the
// pattern by itself.
void Prefetch(const float* values, size_t count) {
  for (size_t i = 0; i < count; i += kLineFloats) {
    __builtin_prefetch(values + i);
  }
}

}  // namespace

void RowProduct(const float* x, size_t rows, const float* weight,
                size_t outputs, size_t width, float* out) {
  for (size_t o = 0; o < outputs; o += kOutputs) {
    const size_t count = std::min(kOutputs, outputs - o);
    if (o + 2 * kOutputs <= outputs) {
      Prefetch(weight + (o + kOutputs) * width, kOutputs * width);
    }
    Block block;
    for (size_t k = 0; k < kOutputs; ++k) {
      // Past the end: the last one again, not stored.
      block.weights[k] = weight + std::min(o + k, outputs - 1) * width;
    }
    float results[kRows][kOutputs];
    for (size_t r = 0; r < rows; r += kRows) {
      const size_t here = std::min(kRows, rows - r);
      for (size_t j = 0; j < here; ++j) {
        block.x[j] = x + (r + j) * width;
        block.out[j] = results[j];
      }
      here == kRows ? MultiplyTwo(block, width) : MultiplyOne(block, width);
      for (size_t j = 0; j < here; ++j) {
        std::memcpy(out + (r + j) * outputs + o, results[j],
                    count * sizeof(float));
      }
    }
  }
}

}  // namespace antiphon::inference
