// SPDX-License-Identifier: Apache-2.0
#include "inference/model/attention.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "inference/model/best_cpu.h"
#include "inference/model/lanes.h"

namespace antiphon::inference {
namespace {

constexpr float kRopeBase = 500000.0f;
constexpr size_t kKeys = 4;      // scored together
constexpr size_t kAhead = 1024;  // floats to prefetch: a page of 4 KB
constexpr size_t kColumns = 4;   // of 16 lanes, summed together

// scale · query · key for each position. A key's sums do not depend on what it
// is scored together with.
ANTIPHON_BEST_CPU
void Scores(const float* query, const float* keys, size_t count, size_t width,
            float scale, float* scores) {
  for (size_t p = 0; p < count; p += kKeys) {
    const float* key[kKeys];  // past the end: the last one again, not stored
    for (size_t k = 0; k < kKeys; ++k) {
      key[k] = keys + std::min(p + k, count - 1) * width;
    }
    Lanes sums[kKeys] = {};
    size_t d = 0;
    for (; d + kLanes <= width; d += kLanes) {
      Lanes x;
      LoadLanes(query + d, x);
      for (size_t k = 0; k < kKeys; ++k) {
        __builtin_prefetch(key[k] + d + kAhead);
        Lanes y;
        LoadLanes(key[k] + d, y);
        sums[k] += x * y;
      }
    }
    FourFloats results;
    SumLanes(sums, results);
    for (size_t k = 0; k < std::min(kKeys, count - p); ++k) {
      float rest = 0;
      for (size_t j = d; j < width; ++j) rest += query[j] * key[k][j];
      scores[p + k] = (results[k] + rest) * scale;
    }
  }
}

// out += weights · values over `columns` times 16 columns from `at` on.
template <size_t columns>
[[gnu::always_inline]] inline void AddColumns(const float* weights,
                                              const float* values, size_t count,
                                              size_t width, size_t at,
                                              float* out) {
  Lanes sums[columns];
  std::memcpy(sums, out + at, sizeof sums);
  values += at;
  for (size_t p = 0; p < count; ++p, values += width) {
    for (size_t j = 0; j < columns; ++j) {
      Lanes value;
      __builtin_prefetch(values + j * kLanes + kAhead);
      LoadLanes(values + j * kLanes, value);
      sums[j] += weights[p] * value;
    }
  }
  std::memcpy(out + at, sums, sizeof sums);
}

ANTIPHON_BEST_CPU
void AddWeighted(const float* weights, const float* values, size_t count,
                 size_t width, float* out) {
  size_t d = 0;
  for (; d + kColumns * kLanes <= width; d += kColumns * kLanes) {
    AddColumns<kColumns>(weights, values, count, width, d, out);
  }
  for (; d + kLanes <= width; d += kLanes) {
    AddColumns<1>(weights, values, count, width, d, out);
  }
  for (; d < width; ++d) {
    for (size_t p = 0; p < count; ++p) {
      out[d] += weights[p] * values[p * width + d];
    }
  }
}

// Makes weights of scores. Returns the reciprocal of their sum.
ANTIPHON_BEST_CPU
float Exponentials(float* scores, size_t count) {
  const size_t whole = count / kLanes * kLanes;
  Lanes tops = Lanes{} + scores[0];
  for (size_t p = 0; p < whole; p += kLanes) {
    Lanes x;
    LoadLanes(scores + p, x);
    tops = x > tops ? x : tops;
  }
  float top = scores[0];
  for (size_t j = 0; j < kLanes; ++j) top = tops[j] > top ? tops[j] : top;
  for (size_t p = whole; p < count; ++p) top = std::max(top, scores[p]);
  Lanes sums = {};
  for (size_t p = 0; p < count; p += kLanes) {
    const size_t here = std::min(kLanes, count - p);
    float part[kLanes] = {};
    std::memcpy(part, scores + p, here * sizeof(float));
    Lanes x;
    LoadLanes(part, x);
    x -= top;
    Exponentiate(x);
    std::memcpy(part, &x, sizeof part);
    std::memcpy(scores + p, part, here * sizeof(float));
    std::fill(part + here, part + kLanes, 0.0f);
    LoadLanes(part, x);
    sums += x;
  }
  float sum = 0;
  for (size_t j = 0; j < kLanes; ++j) sum += sums[j];
  return 1.0f / sum;
}

}  // namespace

RopeTable::RopeTable(int positions, int head_width) : half_(head_width / 2) {
  const size_t size =
      static_cast<size_t>(positions) * static_cast<size_t>(half_);
  cosines_.resize(size);
  sines_.resize(size);
  for (int i = 0; i < half_; ++i) {
    const float exponent =
        static_cast<float>(2 * i) / static_cast<float>(head_width);
    const float frequency = 1.0f / std::pow(kRopeBase, exponent);
    for (int p = 0; p < positions; ++p) {
      const float angle = static_cast<float>(p) * frequency;
      const size_t at = static_cast<size_t>(p) * static_cast<size_t>(half_) +
                        static_cast<size_t>(i);
      cosines_[at] = std::cos(angle);
      sines_[at] = std::sin(angle);
    }
  }
}

const float* RopeTable::Cosines(int position) const {
  return cosines_.data() +
         static_cast<size_t>(position) * static_cast<size_t>(half_);
}

const float* RopeTable::Sines(int position) const {
  return sines_.data() +
         static_cast<size_t>(position) * static_cast<size_t>(half_);
}

void RopeTable::Rotate(int position, int heads, float* vectors) const {
  const float* cosines = Cosines(position);
  const float* sines = Sines(position);
  for (int h = 0; h < heads; ++h, vectors += 2 * half_) {
    for (int i = 0; i < half_; ++i) {
      const float a = vectors[i];
      const float b = vectors[i + half_];
      vectors[i] = a * cosines[i] - b * sines[i];
      vectors[i + half_] = b * cosines[i] + a * sines[i];
    }
  }
}

void Attend(const float* query, const KeyRange& trunk, const KeyRange& branch,
            int head_width, float* scores, float* out) {
  const size_t width = static_cast<size_t>(head_width);
  const size_t on_trunk = static_cast<size_t>(trunk.count);
  const size_t on_branch = static_cast<size_t>(branch.count);
  const float scale = 1.0f / std::sqrt(static_cast<float>(head_width));
  Scores(query, trunk.keys, on_trunk, width, scale, scores);
  Scores(query, branch.keys, on_branch, width, scale, scores + on_trunk);
  const float norm = Exponentials(scores, on_trunk + on_branch);
  std::fill_n(out, width, 0.0f);
  AddWeighted(scores, trunk.values, on_trunk, width, out);
  AddWeighted(scores + on_trunk, branch.values, on_branch, width, out);
  for (size_t d = 0; d < width; ++d) out[d] *= norm;
}

}  // namespace antiphon::inference
