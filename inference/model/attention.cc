// SPDX-License-Identifier: Apache-2.0
#include "inference/model/attention.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "inference/model/best_cpu.h"

namespace antiphon::inference {
namespace {

constexpr float kRopeBase = 500000.0f;
constexpr int kLanes = 16;  // partial sums, so that dot products vectorise

ANTIPHON_BEST_CPU
void Scores(const float* query, const float* keys, int count, int width,
            float scale, float* scores) {
  for (int p = 0; p < count; ++p, keys += width) {
    float lanes[kLanes] = {};
    int d = 0;
    for (; d + kLanes <= width; d += kLanes) {
      for (int j = 0; j < kLanes; ++j) lanes[j] += query[d + j] * keys[d + j];
    }
    float rest = 0;
    for (; d < width; ++d) rest += query[d] * keys[d];
    for (int step = kLanes / 2; step > 0; step /= 2) {
      for (int j = 0; j < step; ++j) lanes[j] += lanes[j + step];
    }
    scores[p] = (lanes[0] + rest) * scale;
  }
}

ANTIPHON_BEST_CPU
void AddWeighted(const float* weights, const float* values, int count,
                 int width, float* out) {
  for (int p = 0; p < count; ++p, values += width) {
    const float weight = weights[p];
    for (int d = 0; d < width; ++d) out[d] += weight * values[d];
  }
}

// Returns the reciprocal of the sum.
float Exponentials(float* scores, int count) {
  const float top = *std::max_element(scores, scores + count);
  float sum = 0;
  for (int p = 0; p < count; ++p) {
    scores[p] = std::exp(scores[p] - top);
    sum += scores[p];
  }
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
  const float scale = 1.0f / std::sqrt(static_cast<float>(head_width));
  Scores(query, trunk.keys, trunk.count, head_width, scale, scores);
  Scores(query, branch.keys, branch.count, head_width, scale,
         scores + trunk.count);
  const float norm = Exponentials(scores, trunk.count + branch.count);
  std::fill_n(out, head_width, 0.0f);
  AddWeighted(scores, trunk.values, trunk.count, head_width, out);
  AddWeighted(scores + trunk.count, branch.values, branch.count, head_width,
              out);
  for (int d = 0; d < head_width; ++d) out[d] *= norm;
}

}  // namespace antiphon::inference
