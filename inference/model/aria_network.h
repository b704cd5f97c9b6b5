// SPDX-License-Identifier: Apache-2.0
//
// Aria's weights and its forward pass over rows of tokens: the part of
// TorchModel that calls ATen. Included by inference/model/*.cc alone. Owner:
// that of the model. Throws what torch throws.
#ifndef ANTIPHON_INFERENCE_MODEL_ARIA_NETWORK_H_
#define ANTIPHON_INFERENCE_MODEL_ARIA_NETWORK_H_

#include <memory>
#include <vector>

#include "absl/types/span.h"
#include "inference/model/attention.h"
#include "inference/model/checkpoint.h"
#include "inference/model/kv_cache.h"
#include "inference/model/memory_need.h"
#include "inference/model/network_row.h"
#include "inference/model/torch_model.h"

namespace at {
class Tensor;
}

namespace antiphon::inference {

class DeviceAttention;

// How products are computed. Each kind gives a row the same bits whatever else
// runs with it; the two differ in the last bits.
enum class Products {
  kMany,  // ATen, in blocks of one of kBlocks: prefill
  kFew,   // row_product.h: decode, and the head
};

class AriaNetwork {
 public:
  // Rows that a product of many takes.
  static constexpr size_t kBlocks[] = {16, 64, 256};
  static constexpr size_t kMaxRows = kBlocks[2];

  AriaNetwork(const Checkpoint& checkpoint, const KvCache::Shape& cache,
              ComputeType compute, Device device);
  ~AriaNetwork();

  // Puts a conditioning vector at position 0 of every trunk, through the
  // checkpoint's adapter and all layers. `embedding`: as wide as the adapter.
  void Condition(const Checkpoint& checkpoint,
                 absl::Span<const float> embedding);

  // How many of `left` rows the next Forward is to take: the largest block that
  // pays.
  size_t NextChunk(Products products, size_t left) const;
  // At most NextChunk rows; those of one slot in order of position. Writes the
  // cache. `logits`: the last `logits.size() / vocabulary_rows` rows' logits.
  void Forward(absl::Span<const NetworkRow> rows, Products products,
               absl::Span<float> logits);

  // On the CPU; elsewhere it is empty.
  const KvCache& cache() const { return cache_; }

 private:
  struct Weights;

  void LoadWeights(const Checkpoint& checkpoint, ComputeType compute,
                   Device where);
  // All layers over x, one row each of `rows` and then padding, in place.
  // Writes the cache.
  void Layers(absl::Span<const NetworkRow> rows, Products products,
              at::Tensor& x);
  // row_product.h multiplies on the CPU alone.
  Products Available(Products wanted) const {
    return on_cpu_ ? wanted : Products::kMany;
  }
  // Logits of each row of x, before the last norm.
  void Head(const at::Tensor& x, absl::Span<const NetworkRow> rows,
            absl::Span<float> logits) const;
  void DeviceHead(const at::Tensor& normed, absl::Span<float> logits) const;
  static size_t PaddedFor(Products products, size_t rows);
  // The largest block whose rows have the bits of the smallest.
  size_t LargestBlock() const;
  // Of qkv as layer.qkv gives it; `attended` has as many rows.
  void Attention(int layer, absl::Span<const NetworkRow> rows,
                 const at::Tensor& qkv, at::Tensor& attended);
  void CpuAttention(int layer, absl::Span<const NetworkRow> rows, float* qkv,
                    float* out);

  ModelShape shape_;
  bool on_cpu_;
  int slots_;
  RopeTable rope_;
  KvCache cache_;
  std::unique_ptr<DeviceAttention> device_attention_;  // none on the CPU
  std::vector<float> scores_;
  std::unique_ptr<Weights> weights_;
  size_t largest_block_ = kBlocks[0];
};

}  // namespace antiphon::inference

#endif  // ANTIPHON_INFERENCE_MODEL_ARIA_NETWORK_H_
