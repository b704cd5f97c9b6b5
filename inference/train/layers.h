// SPDX-License-Identifier: Apache-2.0
//
// Aria's attention and feed-forward gate as steps that autograd knows. On a CPU
// they are ATen's matrix products around the loops of kernels.h, since ATen's
// own flash attention takes three times as long there; on another device they
// are ATen's. bf16 in and out. Throws what torch throws. Any thread that owns
// the tensors.
#ifndef ANTIPHON_INFERENCE_TRAIN_LAYERS_H_
#define ANTIPHON_INFERENCE_TRAIN_LAYERS_H_

#include <cstdint>
#include <memory>

#include "inference/model/attention.h"
#include "inference/model/device.h"

namespace at {
class Tensor;
}

namespace antiphon::inference {

// The angles of `length` positions for heads of `width`, where they are needed.
class Rotation {
 public:
  Rotation(int64_t length, int64_t width, Device device);
  ~Rotation();

  const RopeTable& table() const { return table_; }
  // [length, width / 2], fp32, on the device.
  const at::Tensor& cosines() const;
  const at::Tensor& sines() const;

 private:
  struct Angles;

  const RopeTable table_;
  const std::unique_ptr<Angles> angles_;
};

// qkv: [batch · length, 3 · d]; returns [batch · length, d]. Each position sees
// itself and those before it in its own row of the batch. length: a multiple of
// 16, at most kMaxTrainingLength; d / heads a multiple of 32. `rotation`
// outlives the backward pass.
at::Tensor CausalAttention(const at::Tensor& qkv, int64_t batch, int64_t heads,
                           const Rotation& rotation);
// The same by ATen alone, on any device.
at::Tensor PlainCausalAttention(const at::Tensor& qkv, int64_t batch,
                                int64_t heads, const Rotation& rotation);

// silu(gate) · up, of one shape, a multiple of 16 wide.
at::Tensor GatedUnit(const at::Tensor& gate, const at::Tensor& up);

}  // namespace antiphon::inference

#endif  // ANTIPHON_INFERENCE_TRAIN_LAYERS_H_
