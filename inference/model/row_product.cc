// SPDX-License-Identifier: Apache-2.0
#include "inference/model/row_product.h"

#include <algorithm>
#include <cstring>

#include "inference/model/best_cpu.h"
#include "inference/model/lanes.h"

namespace antiphon::inference {
namespace {

// A dot product has 16 partial sums. Some rows by four outputs at once: a load
// serves several multiplications, and the additions of one sum hide behind
// those of the others. More rows where a weight has to be widened first.
constexpr size_t kOutputs = 4;
template <typename Weight>
constexpr size_t kRows = sizeof(Weight) == sizeof(float) ? 2 : 4;
constexpr size_t kLineBytes = 64;  // a cache line

template <typename Weight>
struct Block {
  const float* x[kRows<Weight>];
  const Weight* weights[kOutputs];
  float* out[kRows<Weight>];
};

// What follows is always inlined: compiled for the processor of its caller.

[[gnu::always_inline]] inline float Widened(float value) { return value; }
[[gnu::always_inline]] inline float Widened(uint16_t value) {
  const uint32_t bits = uint32_t{value} << 16;
  float widened;
  std::memcpy(&widened, &bits, sizeof widened);
  return widened;
}

template <size_t rows, typename Weight>
[[gnu::always_inline]] inline void Multiply(const Block<Weight>& block,
                                            size_t width) {
  Lanes sums[rows][kOutputs] = {};
  size_t i = 0;
  for (; i + kLanes <= width; i += kLanes) {
    Lanes x[rows];
    for (size_t r = 0; r < rows; ++r) LoadLanes(block.x[r] + i, x[r]);
    for (size_t k = 0; k < kOutputs; ++k) {
      Lanes weight;
      LoadLanes(block.weights[k] + i, weight);
      for (size_t r = 0; r < rows; ++r) sums[r][k] += x[r] * weight;
    }
  }
  for (size_t r = 0; r < rows; ++r) {
    FourFloats results;
    SumLanes(sums[r], results);
    for (size_t k = 0; k < kOutputs; ++k) {
      float result = results[k];
      for (size_t j = i; j < width; ++j) {
        result += block.x[r][j] * Widened(block.weights[k][j]);
      }
      block.out[r][k] = result;
    }
  }
}

ANTIPHON_BEST_CPU
void MultiplyOne(const Block<float>& block, size_t width) {
  Multiply<1>(block, width);
}

ANTIPHON_BEST_CPU
void MultiplyOne(const Block<uint16_t>& block, size_t width) {
  Multiply<1>(block, width);
}

ANTIPHON_BEST_CPU
void MultiplyAll(const Block<float>& block, size_t width) {
  Multiply<kRows<float>>(block, width);
}

ANTIPHON_BEST_CPU
void MultiplyAll(const Block<uint16_t>& block, size_t width) {
  Multiply<kRows<uint16_t>>(block, width);
}

// Weights come from memory in blocks too short for the processor to see the
// pattern by itself.
void Prefetch(const void* begin, size_t bytes) {
  const char* at = static_cast<const char*>(begin);
  for (size_t i = 0; i < bytes; i += kLineBytes) __builtin_prefetch(at + i);
}

template <typename Weight>
void Product(const float* x, size_t rows, const Weight* weight, size_t outputs,
             size_t width, float* out) {
  for (size_t o = 0; o < outputs; o += kOutputs) {
    const size_t count = std::min(kOutputs, outputs - o);
    if (o + 2 * kOutputs <= outputs) {
      Prefetch(weight + (o + kOutputs) * width,
               kOutputs * width * sizeof(Weight));
    }
    Block<Weight> block;
    for (size_t k = 0; k < kOutputs; ++k) {
      // Past the end: the last one again, not stored.
      block.weights[k] = weight + std::min(o + k, outputs - 1) * width;
    }
    float results[kRows<Weight>][kOutputs];
    for (size_t r = 0; r < rows;) {
      const size_t here = rows - r < kRows<Weight> ? 1 : kRows<Weight>;
      for (size_t j = 0; j < here; ++j) {
        block.x[j] = x + (r + j) * width;
        block.out[j] = results[j];
      }
      here == 1 ? MultiplyOne(block, width) : MultiplyAll(block, width);
      for (size_t j = 0; j < here; ++j) {
        std::memcpy(out + (r + j) * outputs + o, results[j],
                    count * sizeof(float));
      }
      r += here;
    }
  }
}

}  // namespace

void RowProduct(const float* x, size_t rows, const float* weight,
                size_t outputs, size_t width, float* out) {
  Product(x, rows, weight, outputs, width, out);
}

void RowProduct(const float* x, size_t rows, const uint16_t* weight,
                size_t outputs, size_t width, float* out) {
  Product(x, rows, weight, outputs, width, out);
}

}  // namespace antiphon::inference
