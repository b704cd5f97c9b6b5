// SPDX-License-Identifier: Apache-2.0
#include "inference/model/aria_network.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/layer_norm.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cassert>
#include <cstring>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "inference/model/row_product.h"

namespace antiphon::inference {
namespace {

constexpr size_t kRowMultiple = 4;
constexpr double kNormEpsilon = 1e-5;

size_t Padded(size_t rows) {
  return (rows + kRowMultiple - 1) / kRowMultiple * kRowMultiple;
}

at::ScalarType AtenType(StoredType type) {
  switch (type) {
    case StoredType::kBf16:
      return at::kBFloat16;
    case StoredType::kF16:
      return at::kHalf;
    default:
      return at::kFloat;
  }
}

at::Tensor Load(const Checkpoint& checkpoint, const std::string& name,
                at::ScalarType type) {
  const StoredTensor& stored = checkpoint.Tensor(name);
  at::Tensor tensor = at::empty(stored.shape, AtenType(stored.type));
  std::memcpy(tensor.mutable_data_ptr(), stored.bytes.data(),
              stored.bytes.size());
  return tensor.to(type);
}

// x · weightᵀ, the product in the type of the weights, the result in fp32.
at::Tensor Product(const at::Tensor& x, const at::Tensor& weight) {
  if (weight.scalar_type() == at::kFloat) return at::linear(x, weight);
  return at::linear(x.to(weight.scalar_type()), weight).to(at::kFloat);
}

struct Norm {
  at::Tensor weight;
  at::Tensor bias;

  at::Tensor operator()(const at::Tensor& x) const {
    return at::layer_norm(x, {x.size(1)}, weight, bias, kNormEpsilon);
  }
};

struct Layer {
  Norm norm1;
  at::Tensor qkv;
  at::Tensor out;
  Norm norm2;
  at::Tensor gate;
  at::Tensor up;
  at::Tensor down;
};

}  // namespace

struct AriaNetwork::Weights {
  at::Tensor embeddings;
  std::vector<Layer> layers;
  Norm last_norm;
  at::Tensor head;
};

AriaNetwork::AriaNetwork(const Checkpoint& checkpoint,
                         const KvCache::Shape& cache, ComputeType compute)
    : shape_(checkpoint.shape()),
      rope_(cache.trunk_positions + cache.branch_positions,
            shape_.head_width()),
      cache_(cache),
      scores_(
          static_cast<size_t>(cache.trunk_positions + cache.branch_positions)),
      weights_(std::make_unique<Weights>()) {
  const at::ScalarType type =
      compute == ComputeType::kBf16 ? at::kBFloat16 : at::kFloat;
  const auto matrix = [&](const std::string& name) {
    return Load(checkpoint, name + ".weight", type);
  };
  const auto norm = [&](const std::string& name) {
    return Norm{Load(checkpoint, name + ".weight", at::kFloat),
                Load(checkpoint, name + ".bias", at::kFloat)};
  };
  weights_->embeddings =
      Load(checkpoint, "model.tok_embeddings.weight", at::kFloat);
  for (int i = 0; i < shape_.layers; ++i) {
    const std::string prefix = absl::StrCat("model.encode_layers.", i, ".");
    weights_->layers.push_back(
        {norm(prefix + "norm1"), matrix(prefix + "mixed_qkv"),
         matrix(prefix + "att_proj_linear"), norm(prefix + "norm2"),
         matrix(prefix + "ff_gate_proj"), matrix(prefix + "ff_up_proj"),
         matrix(prefix + "ff_down_proj")});
  }
  weights_->last_norm = norm("model.out_layer_norm");
  weights_->head = matrix("lm_head");
}

AriaNetwork::~AriaNetwork() = default;

void AriaNetwork::Forward(absl::Span<const NetworkRow> rows,
                          absl::Span<float> logits) {
  assert(!rows.empty() && rows.size() <= kMaxRows);
  const int64_t d = shape_.d_model;
  const size_t width = static_cast<size_t>(d);
  const int64_t padded = static_cast<int64_t>(Padded(rows.size()));
  at::Tensor x = at::zeros({padded, d});
  const float* embeddings = weights_->embeddings.const_data_ptr<float>();
  for (size_t i = 0; i < rows.size(); ++i) {
    std::copy_n(embeddings + static_cast<size_t>(rows[i].token) * width, width,
                x.mutable_data_ptr<float>() + i * width);
  }
  at::Tensor attended = at::zeros({padded, d});
  for (int i = 0; i < shape_.layers; ++i) {
    const Layer& layer = weights_->layers[static_cast<size_t>(i)];
    at::Tensor qkv = Product(layer.norm1(x), layer.qkv);
    Attention(i, rows, qkv.mutable_data_ptr<float>(),
              attended.mutable_data_ptr<float>());
    x.add_(Product(attended, layer.out));
    const at::Tensor z = layer.norm2(x);
    at::Tensor hidden = Product(z, layer.gate);
    at::silu_(hidden);
    hidden.mul_(Product(z, layer.up));
    x.add_(Product(hidden, layer.down));
  }
  const size_t wanted =
      logits.size() / static_cast<size_t>(shape_.vocabulary_rows);
  if (wanted == 0) return;
  Head(x.narrow(0, static_cast<int64_t>(rows.size() - wanted),
                static_cast<int64_t>(wanted)),
       logits);
}

void AriaNetwork::Head(const at::Tensor& x, absl::Span<float> logits) const {
  const at::Tensor z = weights_->last_norm(x);
  const size_t rows = static_cast<size_t>(x.size(0));
  if (weights_->head.scalar_type() == at::kFloat) {
    return RowProduct(z.const_data_ptr<float>(), rows,
                      weights_->head.const_data_ptr<float>(),
                      static_cast<size_t>(shape_.vocabulary_rows),
                      static_cast<size_t>(shape_.d_model), logits.data());
  }
  at::Tensor padded =
      at::zeros({static_cast<int64_t>(Padded(rows)), z.size(1)});
  padded.narrow(0, 0, z.size(0)).copy_(z);
  const at::Tensor result = Product(padded, weights_->head).contiguous();
  std::copy_n(result.const_data_ptr<float>(), logits.size(), logits.data());
}

// qkv: rows of 3·d_model; queries and keys are rotated in place.
void AriaNetwork::Attention(int layer, absl::Span<const NetworkRow> rows,
                            float* qkv, float* out) {
  const int heads = shape_.heads;
  const int width = shape_.head_width();
  const size_t d = static_cast<size_t>(shape_.d_model);
  const size_t head_size = static_cast<size_t>(width);
  for (const NetworkRow& row : rows) {
    rope_.Rotate(row.position(), 2 * heads, qkv);  // queries, then keys
    for (int h = 0; h < heads; ++h) {
      const size_t offset = static_cast<size_t>(h) * head_size;
      const KvCache::Head trunk = cache_.Trunk(layer, row.slot, h);
      const KvCache::Head branch = cache_.Branch(layer, row.slot, h);
      const bool on_branch = row.branch_visible > 0;
      const KvCache::Head& own = on_branch ? branch : trunk;
      const size_t at = static_cast<size_t>(on_branch ? row.branch_visible - 1
                                                      : row.trunk_visible - 1) *
                        head_size;
      std::copy_n(qkv + d + offset, head_size, own.keys + at);
      std::copy_n(qkv + 2 * d + offset, head_size, own.values + at);
      Attend(qkv + offset, {trunk.keys, trunk.values, row.trunk_visible},
             {branch.keys, branch.values, row.branch_visible}, width,
             scores_.data(), out + offset);
    }
    qkv += 3 * d;
    out += d;
  }
}

}  // namespace antiphon::inference
