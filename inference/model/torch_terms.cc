// SPDX-License-Identifier: Apache-2.0
#include "inference/model/torch_terms.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/from_blob.h>

namespace antiphon::inference {

c10::Device TorchDevice(Device device) {
  return device == Device::kCpu ? at::kCPU : at::kCUDA;
}

c10::ScalarType TorchType(StoredType type) {
  switch (type) {
    case StoredType::kBf16:
      return at::kBFloat16;
    case StoredType::kF16:
      return at::kHalf;
    default:
      return at::kFloat;
  }
}

at::Tensor CopyOf(const float* values, int64_t rows, int64_t width,
                  Device device) {
  return at::from_blob(const_cast<float*>(values), {rows, width}, at::kFloat)
      .clone()
      .to(TorchDevice(device));
}

}  // namespace antiphon::inference
