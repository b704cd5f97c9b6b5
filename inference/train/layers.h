// SPDX-License-Identifier: Apache-2.0
//
// Aria's attention and feed-forward gate as steps that autograd knows, for
// training on a CPU: ATen's matrix products around the loops of kernels.h.
// ATen's own flash attention takes three times as long there. bf16 in and out.
// Throws what torch throws. Any thread that owns the tensors.
#ifndef ANTIPHON_INFERENCE_TRAIN_LAYERS_H_
#define ANTIPHON_INFERENCE_TRAIN_LAYERS_H_

#include <cstdint>

#include "inference/model/attention.h"

namespace at {
class Tensor;
}

namespace antiphon::inference {

// qkv: [batch · length, 3 · d]; returns [batch · length, d]. Each position sees
// itself and those before it in its own row of the batch. length: a multiple of
// 16, at most kMaxTrainingLength; d / heads a multiple of 32. `rope` outlives
// the backward pass.
at::Tensor CausalAttention(const at::Tensor& qkv, int64_t batch, int64_t heads,
                           const RopeTable& rope);

// silu(gate) · up, of one shape, a multiple of 16 wide.
at::Tensor GatedUnit(const at::Tensor& gate, const at::Tensor& up);

}  // namespace antiphon::inference

#endif  // ANTIPHON_INFERENCE_TRAIN_LAYERS_H_
