// SPDX-License-Identifier: Apache-2.0
#include "inference/train/kernels.h"

#include "inference/model/best_cpu.h"
#include "inference/model/lanes.h"

namespace antiphon::inference {
namespace {

// (a, b) turned by the angles; both become (a cos − b sin, b cos + a sin).
[[gnu::always_inline]] inline void Turn(Lanes& a, Lanes& b, const Lanes& cosine,
                                        const Lanes& sine) {
  const Lanes first = a * cosine - b * sine;
  b = b * cosine + a * sine;
  a = first;
}

// A head's vector turned by its position's angles, or with `direction` −1 back.
template <typename From>
[[gnu::always_inline]] inline void Rotate(const From* from,
                                          const float* cosines,
                                          const float* sines, float direction,
                                          size_t half, uint16_t* to) {
  for (size_t i = 0; i < half; i += kLanes) {
    Lanes a, b, cosine, sine;
    LoadLanes(from + i, a);
    LoadLanes(from + half + i, b);
    LoadLanes(cosines + i, cosine);
    LoadLanes(sines + i, sine);
    Turn(a, b, cosine, direction * sine);
    StoreLanes(a, to + i);
    StoreLanes(b, to + half + i);
  }
}

// 1 / (1 + e^−x). By reference: a vector returned depends on the processor.
[[gnu::always_inline]] inline void Sigmoid(const Lanes& x, Lanes& out) {
  Lanes e = x > 0 ? -x : x;
  Exponentiate(e);
  const Lanes low = e / (1 + e);
  out = x > 0 ? 1 - low : low;
}

[[gnu::always_inline]] inline float Sum(const Lanes& lanes) {
  float sum = 0;
  for (size_t j = 0; j < kLanes; ++j) sum += lanes[j];
  return sum;
}

}  // namespace

ANTIPHON_BEST_CPU
void SplitHeads(const uint16_t* qkv, const RopeTable& rope, int position,
                size_t heads, size_t head_width, const HeadRows& out) {
  const float* cosines = rope.Cosines(position);
  const float* sines = rope.Sines(position);
  const size_t half = head_width / 2;
  const size_t d = heads * head_width;
  for (size_t h = 0; h < heads; ++h, qkv += head_width) {
    const size_t at = h * out.stride;
    Rotate(qkv, cosines, sines, 1, half, out.queries + at);
    Rotate(qkv + d, cosines, sines, 1, half, out.keys + at);
    std::memcpy(out.values + at, qkv + 2 * d, head_width * sizeof *qkv);
  }
}

ANTIPHON_BEST_CPU
void SplitHeadsBackward(const HeadGradients& gradients, const RopeTable& rope,
                        int position, size_t heads, size_t head_width,
                        uint16_t* qkv) {
  const float* cosines = rope.Cosines(position);
  const float* sines = rope.Sines(position);
  const size_t half = head_width / 2;
  const size_t d = heads * head_width;
  for (size_t h = 0; h < heads; ++h, qkv += head_width) {
    const size_t at = h * gradients.stride;
    Rotate(gradients.queries + at, cosines, sines, -1, half, qkv);
    Rotate(gradients.keys + at, cosines, sines, -1, half, qkv + d);
    for (size_t i = 0; i < head_width; i += kLanes) {
      Lanes value;
      LoadLanes(gradients.values + at + i, value);
      StoreLanes(value, qkv + 2 * d + i);
    }
  }
}

ANTIPHON_BEST_CPU
void CausalSoftmax(size_t count, size_t width, float scale, uint16_t* scores) {
  alignas(64) float weights[kMaxTrainingLength];
  constexpr float kNever = -1e30f;
  const size_t used = (count + kLanes - 1) / kLanes * kLanes;
  Lanes tops = Lanes{} + kNever;
  for (size_t p = 0; p < used; p += kLanes) {
    Lanes x;
    LoadLanes(scores + p, x);
    x *= scale;
    for (size_t j = count > p + kLanes ? kLanes : count - p; j < kLanes; ++j) {
      x[j] = kNever;
    }
    tops = x > tops ? x : tops;
    std::memcpy(weights + p, &x, sizeof x);
  }
  float top = kNever;
  for (size_t j = 0; j < kLanes; ++j) top = tops[j] > top ? tops[j] : top;
  Lanes sums = {};
  for (size_t p = 0; p < used; p += kLanes) {
    Lanes x;
    LoadLanes(weights + p, x);
    x -= top;
    Exponentiate(x);
    sums += x;
    std::memcpy(weights + p, &x, sizeof x);
  }
  const float norm = 1 / Sum(sums);
  for (size_t p = 0; p < used; p += kLanes) {
    Lanes x;
    LoadLanes(weights + p, x);
    x *= norm;
    StoreLanes(x, scores + p);
  }
  std::memset(scores + used, 0, (width - used) * sizeof *scores);
}

ANTIPHON_BEST_CPU
void CausalSoftmaxBackward(const uint16_t* weights, size_t width, float scale,
                           uint16_t* gradients) {
  Lanes sums = {};
  for (size_t p = 0; p < width; p += kLanes) {
    Lanes weight, gradient;
    LoadLanes(weights + p, weight);
    LoadLanes(gradients + p, gradient);
    sums += weight * gradient;
  }
  const float sum = Sum(sums);
  for (size_t p = 0; p < width; p += kLanes) {
    Lanes weight, gradient;
    LoadLanes(weights + p, weight);
    LoadLanes(gradients + p, gradient);
    StoreLanes(weight * (gradient - sum) * scale, gradients + p);
  }
}

ANTIPHON_BEST_CPU
void SwiGlu(const uint16_t* gate, const uint16_t* up, size_t width,
            uint16_t* out) {
  for (size_t i = 0; i < width; i += kLanes) {
    Lanes g, u, s;
    LoadLanes(gate + i, g);
    LoadLanes(up + i, u);
    Sigmoid(g, s);
    StoreLanes(g * s * u, out + i);
  }
}

ANTIPHON_BEST_CPU
void SwiGluBackward(const uint16_t* gate, const uint16_t* up,
                    const uint16_t* gradient, size_t width, uint16_t* to_gate,
                    uint16_t* to_up) {
  for (size_t i = 0; i < width; i += kLanes) {
    Lanes g, u, y, s;
    LoadLanes(gate + i, g);
    LoadLanes(up + i, u);
    LoadLanes(gradient + i, y);
    Sigmoid(g, s);
    StoreLanes(y * g * s, to_up + i);
    StoreLanes(y * u * s * (1 + g * (1 - s)), to_gate + i);
  }
}

}  // namespace antiphon::inference
