// SPDX-License-Identifier: Apache-2.0
//
// The parts of a training step that are no matrix products, forward and
// backward, on rows of bf16 (the upper halves of floats) with sums in fp32.
// What ATen does in several passes over memory is one pass here. A row's result
// depends on that row alone. Widths: multiples of 16, heads of 32. No torch,
// no allocation. Any thread.
#ifndef ANTIPHON_INFERENCE_TRAIN_KERNELS_H_
#define ANTIPHON_INFERENCE_TRAIN_KERNELS_H_

#include <cstddef>
#include <cstdint>

#include "inference/model/attention.h"

namespace antiphon::inference {

// The longest row of scores.
inline constexpr size_t kMaxTrainingLength = 2048;

// One position of every head, `stride` values from one head to the next.
struct HeadRows {
  uint16_t* queries = nullptr;
  uint16_t* keys = nullptr;
  uint16_t* values = nullptr;
  size_t stride = 0;
};
struct HeadGradients {
  const float* queries = nullptr;
  const float* keys = nullptr;
  const float* values = nullptr;
  size_t stride = 0;
};

// qkv: queries of all heads, then keys, then values. Queries and keys are
// rotated for `position`.
void SplitHeads(const uint16_t* qkv, const RopeTable& rope, int position,
                size_t heads, size_t head_width, const HeadRows& out);
void SplitHeadsBackward(const HeadGradients& gradients, const RopeTable& rope,
                        int position, size_t heads, size_t head_width,
                        uint16_t* qkv);

// Scores become weights: softmax of the first `count` times `scale`, 0 after
// them. count: 1..width.
void CausalSoftmax(size_t count, size_t width, float scale, uint16_t* scores);
// Gradients of weights become gradients of scores.
void CausalSoftmaxBackward(const uint16_t* weights, size_t width, float scale,
                           uint16_t* gradients);

// out = silu(gate) · up.
void SwiGlu(const uint16_t* gate, const uint16_t* up, size_t width,
            uint16_t* out);
void SwiGluBackward(const uint16_t* gate, const uint16_t* up,
                    const uint16_t* gradient, size_t width, uint16_t* to_gate,
                    uint16_t* to_up);

}  // namespace antiphon::inference

#endif  // ANTIPHON_INFERENCE_TRAIN_KERNELS_H_
