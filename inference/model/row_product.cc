// SPDX-License-Identifier: Apache-2.0
#include "inference/model/row_product.h"

#include <algorithm>
#include <cstring>
#include <memory>

#include "inference/model/best_cpu.h"
#include "inference/model/lanes.h"

namespace antiphon::inference {
namespace {

// A dot product has 16 partial sums. Some rows by four outputs at once: a load
// serves several multiplications, and the additions of one sum hide behind
// those of the others. More rows where a weight has to be widened first.
constexpr size_t kOutputs = 4;
template <typename Weight>
constexpr bool kWidened = sizeof(Weight) < sizeof(float);
template <typename Weight>
constexpr size_t kRows = kWidened<Weight> ? 4 : 2;
constexpr size_t kColumns = 2 * kLanes;  // of a weight, taken at once
constexpr size_t kLineBytes = 64;        // a cache line
constexpr size_t kAheadBytes = 12 << 10;

template <typename Weight>
struct Block {
  const float* x[kRows<Weight>];
  const Weight* weights[kOutputs];
  float* out[kRows<Weight>];
  const char* ahead;  // what to prefetch meanwhile, of kWidened weights
};

// A pair of lanes: columns as they lie, or of bf16 the even and the odd ones,
// for which a register is widened without moving anything in it.
struct Columns {
  Lanes first;
  Lanes second;
};

// What follows is always inlined: compiled for the processor of its caller.

[[gnu::always_inline]] inline float Widened(float value) { return value; }
[[gnu::always_inline]] inline float Widened(uint16_t value) {
  const uint32_t bits = uint32_t{value} << 16;
  float widened;
  std::memcpy(&widened, &bits, sizeof widened);
  return widened;
}

[[gnu::always_inline]] inline void LoadColumns(const float* from, Columns& to) {
  LoadLanes(from, to.first);
  LoadLanes(from + kLanes, to.second);
}
[[gnu::always_inline]] inline void LoadColumns(const uint16_t* from,
                                               Columns& to) {
  typedef uint32_t Words __attribute__((vector_size(sizeof(Lanes))));
  Words pairs;
  std::memcpy(&pairs, from, sizeof pairs);
  const Words even = pairs << 16;
  const Words odd = pairs & 0xffff0000;
  std::memcpy(&to.first, &even, sizeof even);
  std::memcpy(&to.second, &odd, sizeof odd);
}

[[gnu::always_inline]] inline void Prefetch(const char* from, size_t bytes) {
  for (size_t i = 0; i < bytes; i += kLineBytes) __builtin_prefetch(from + i);
}

template <size_t rows, typename Weight>
[[gnu::always_inline]] inline void Multiply(const Block<Weight>& block,
                                            size_t width) {
  constexpr size_t kBytes = sizeof(Weight) * kOutputs;
  Lanes sums[rows][kOutputs] = {};
  size_t i = 0;
  for (; i + kColumns <= width; i += kColumns) {
    Columns x[rows];
    for (size_t r = 0; r < rows; ++r) LoadColumns(block.x[r] + i, x[r]);
    if constexpr (kWidened<Weight>) {
      Prefetch(block.ahead + kBytes * i, kBytes * kColumns);
    }
    for (size_t k = 0; k < kOutputs; ++k) {
      Columns weights;
      LoadColumns(block.weights[k] + i, weights);
      for (size_t r = 0; r < rows; ++r) {
        sums[r][k] += x[r].first * weights.first;
        sums[r][k] += x[r].second * weights.second;
      }
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

// As LoadColumns takes them of bf16; what is no whole kColumns stays.
std::unique_ptr<float[]> Arranged(const float* x, size_t rows, size_t width) {
  auto arranged = std::make_unique_for_overwrite<float[]>(rows * width);
  float* to = arranged.get();
  for (size_t r = 0; r < rows; ++r, x += width, to += width) {
    size_t i = 0;
    for (; i + kColumns <= width; i += kColumns) {
      for (size_t j = 0; j < kLanes; ++j) {
        to[i + j] = x[i + 2 * j];
        to[i + kLanes + j] = x[i + 2 * j + 1];
      }
    }
    std::copy(x + i, x + width, to + i);
  }
  return arranged;
}

// Weights come from memory in blocks too short for the processor to see the
// pattern by itself. Widening takes about as long as memory does: the two go on
// side by side if lines are asked for one by one, and the first rows do that.
template <typename Weight>
void Product(const float* x, size_t rows, const Weight* weight, size_t outputs,
             size_t width, float* out) {
  for (size_t o = 0; o < outputs; o += kOutputs) {
    const size_t count = std::min(kOutputs, outputs - o);
    const auto* here_bytes = reinterpret_cast<const char*>(weight + o * width);
    const size_t block_bytes = kOutputs * width * sizeof(Weight);
    if (!kWidened<Weight> && o + 2 * kOutputs <= outputs) {
      Prefetch(here_bytes + block_bytes, block_bytes);
    }
    Block<Weight> block;
    block.ahead = here_bytes + std::max(kAheadBytes, block_bytes);
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
      block.ahead = here_bytes;  // there already
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
  const auto arranged = Arranged(x, rows, width);
  Product(arranged.get(), rows, weight, outputs, width, out);
}

}  // namespace antiphon::inference
