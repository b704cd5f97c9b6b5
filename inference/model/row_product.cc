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
// those of the others.
constexpr size_t kOutputs = 4;
constexpr size_t kRows = 4;
constexpr size_t kColumns = 2 * kLanes;  // of a weight, taken at once
constexpr size_t kLineBytes = 64;        // a cache line
constexpr size_t kAheadBytes = 3 << 10;

template <typename Weight>
struct Block {
  const float* x[kRows];
  const Weight* weights[kOutputs];
  FourFloats results[kRows];
  bool prefetch;  // weights that no other rows have read yet
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

template <typename Weight>
[[gnu::always_inline]] inline void Prefetch(const Weight* weights) {
  const char* ahead = reinterpret_cast<const char*>(weights) + kAheadBytes;
  for (size_t i = 0; i < kColumns * sizeof(Weight); i += kLineBytes) {
    __builtin_prefetch(ahead + i);
  }
}

template <size_t rows, typename Weight>
[[gnu::always_inline]] inline void Multiply(Block<Weight>& block,
                                            size_t width) {
  Lanes sums[rows][kOutputs] = {};
  size_t i = 0;
  for (; i + kColumns <= width; i += kColumns) {
    Columns x[rows];
    for (size_t r = 0; r < rows; ++r) LoadColumns(block.x[r] + i, x[r]);
    for (size_t k = 0; k < kOutputs; ++k) {
      if (block.prefetch) Prefetch(block.weights[k] + i);
      Columns weights;
      LoadColumns(block.weights[k] + i, weights);
      for (size_t r = 0; r < rows; ++r) {
        sums[r][k] += x[r].first * weights.first;
        sums[r][k] += x[r].second * weights.second;
      }
    }
  }
#pragma GCC unroll 4  // else the sums would lie in memory
  for (size_t r = 0; r < rows; ++r) SumLanes(sums[r], block.results[r]);
  for (size_t r = 0; i < width && r < rows; ++r) {
    for (size_t k = 0; k < kOutputs; ++k) {
      float result = block.results[r][k];
      for (size_t j = i; j < width; ++j) {
        result += block.x[r][j] * Widened(block.weights[k][j]);
      }
      block.results[r][k] = result;
    }
  }
}

ANTIPHON_BEST_CPU
void MultiplyOne(Block<float>& block, size_t width) {
  Multiply<1>(block, width);
}

ANTIPHON_BEST_CPU
void MultiplyOne(Block<uint16_t>& block, size_t width) {
  Multiply<1>(block, width);
}

ANTIPHON_BEST_CPU
void MultiplyAll(Block<float>& block, size_t width) {
  Multiply<kRows>(block, width);
}

ANTIPHON_BEST_CPU
void MultiplyAll(Block<uint16_t>& block, size_t width) {
  Multiply<kRows>(block, width);
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

// The four outputs of a block lie a quarter of all apart: memory is read as
// four long streams, which the processor foresees better than four neighbours
// after the other. The first rows ask for lines ahead besides.
template <typename Weight>
void Product(const float* x, size_t rows, const Weight* weight, size_t outputs,
             size_t width, float* out) {
  const size_t quarter = (outputs + kOutputs - 1) / kOutputs;
  for (size_t o = 0; o < quarter; ++o) {
    Block<Weight> block;
    size_t count = 0;
    for (size_t k = 0; k < kOutputs; ++k) {
      // Past the end: the last one again, not stored.
      const size_t at = k * quarter + o;
      if (at < outputs) ++count;
      block.weights[k] = weight + std::min(at, outputs - 1) * width;
    }
    block.prefetch = true;
    for (size_t r = 0; r < rows;) {
      const size_t here = rows - r < kRows ? 1 : kRows;
      for (size_t j = 0; j < here; ++j) block.x[j] = x + (r + j) * width;
      here == 1 ? MultiplyOne(block, width) : MultiplyAll(block, width);
      for (size_t j = 0; j < here; ++j) {
        float* to = out + (r + j) * outputs + o;
        for (size_t k = 0; k < count; ++k) {
          to[k * quarter] = block.results[j][k];
        }
      }
      r += here;
      block.prefetch = false;
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
