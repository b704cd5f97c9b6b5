// SPDX-License-Identifier: Apache-2.0
//
// Attention and the cache of keys and values where the products are, on a GPU:
// what attention.h and kv_cache.h are on the CPU, by ATen, all in fp32. Rows of
// one slot are one call of ATen, so that a row's result does not depend on the
// other slots. Included by inference/model/*.cc alone. Owner: that of the
// model. Throws what torch throws.
#ifndef ANTIPHON_INFERENCE_MODEL_DEVICE_ATTENTION_H_
#define ANTIPHON_INFERENCE_MODEL_DEVICE_ATTENTION_H_

#include <memory>

#include "absl/types/span.h"
#include "inference/model/attention.h"
#include "inference/model/device.h"
#include "inference/model/kv_cache.h"
#include "inference/model/network_row.h"

namespace at {
class Tensor;
}

namespace antiphon::inference {

class DeviceAttention {
 public:
  // The cache is allocated at once.
  DeviceAttention(const KvCache::Shape& shape, const RopeTable& rope,
                  Device device);
  ~DeviceAttention();

  // The rows of the next forward pass; those of one slot in order of position.
  void Begin(absl::Span<const NetworkRow> rows);
  // qkv: [rows and padding, 3 · d_model], before rotation. Writes the layer's
  // cache and the rows of `out`, [rows and padding, d_model].
  void Attend(int layer, const at::Tensor& qkv, at::Tensor& out);

 private:
  struct State;

  const std::unique_ptr<State> state_;
};

}  // namespace antiphon::inference

#endif  // ANTIPHON_INFERENCE_MODEL_DEVICE_ATTENTION_H_
