// SPDX-License-Identifier: Apache-2.0
#include "inference/model/aria_network.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/layer_norm.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>
#include <cassert>
#include <cstdint>
#include <iterator>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/log.h"
#include "inference/model/device_attention.h"
#include "inference/model/large_pages.h"
#include "inference/model/row_product.h"
#include "inference/model/torch_terms.h"

namespace antiphon::inference {
namespace {

// A row of a large block costs about five sixths of one in smaller blocks
// (decision 0023): it pays when it is fuller than that.
constexpr size_t kOfSmall = 6, kOfLarge = 5;
constexpr double kNormEpsilon = 1e-5;

// Reads tensors block by block: none is held twice, as it is stored or mapped.
// The block stays while all are read: to free and allocate in between would
// leave holes of a third of the model.
class Loader {
 public:
  // `pages`: for tensors on the CPU, outliving them; null = allocated each.
  Loader(const Checkpoint& checkpoint, LargePages* pages)
      : checkpoint_(checkpoint),
        pages_(pages),
        block_(std::make_unique<uint8_t[]>(kBlockBytes)) {}

  at::Tensor Load(const std::string& name, at::Device device,
                  at::ScalarType type) const {
    const StoredTensor& stored = checkpoint_.Tensor(name);
    at::Tensor tensor = Empty(stored, type);
    at::Tensor values = tensor.view({-1});
    absl::Span<const uint8_t> rest = stored.bytes;
    const size_t each = rest.size() / static_cast<size_t>(stored.elements);
    for (int64_t at = 0; !rest.empty();) {
      const absl::Span<const uint8_t> bytes =
          rest.first(std::min(rest.size(), kBlockBytes));
      rest.remove_prefix(bytes.size());
      std::copy(bytes.begin(), bytes.end(), block_.get());
      const auto count = static_cast<int64_t>(bytes.size() / each);
      values.narrow(0, at, count)
          .copy_(at::from_blob(block_.get(), {count}, TorchType(stored.type)));
      at += count;
      checkpoint_.Release();
    }
    return tensor.to(device);
  }

 private:
  static constexpr size_t kBlockBytes = size_t{1} << 22;
  static constexpr size_t kBf16Bytes = 2;

  at::Tensor Empty(const StoredTensor& stored, at::ScalarType type) const {
    const size_t bytes = static_cast<size_t>(stored.elements) *
                         (type == at::kFloat ? sizeof(float) : kBf16Bytes);
    void* room = pages_ ? pages_->Take(bytes) : nullptr;
    return room ? at::from_blob(room, stored.shape, type)
                : at::empty(stored.shape, type);
  }

  const Checkpoint& checkpoint_;
  LargePages* const pages_;
  const std::unique_ptr<uint8_t[]> block_;
};

// Outputs begin .. end of the product of a few rows; out: rows × (end − begin).
void FewProducts(const float* x, size_t rows, const at::Tensor& weight,
                 size_t begin, size_t end, float* out) {
  const size_t width = static_cast<size_t>(weight.size(1));
  const auto multiply = [&](const auto* weights) {
    RowProduct(x, rows, weights + begin * width, end - begin, width, out);
  };
  weight.scalar_type() == at::kFloat
      ? multiply(weight.const_data_ptr<float>())
      : multiply(static_cast<const uint16_t*>(weight.const_data_ptr()));
}

at::Tensor FewProducts(const at::Tensor& x, const at::Tensor& weight) {
  const at::Tensor rows = x.contiguous();
  at::Tensor out = at::empty({rows.size(0), weight.size(0)});
  FewProducts(rows.const_data_ptr<float>(), static_cast<size_t>(rows.size(0)),
              weight, 0, static_cast<size_t>(weight.size(0)),
              out.mutable_data_ptr<float>());
  return out;
}

// x · weightᵀ, the result in fp32.
at::Tensor Product(const at::Tensor& x, const at::Tensor& weight,
                   Products products) {
  if (products == Products::kFew) return FewProducts(x, weight);
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
  std::unique_ptr<LargePages> pages;  // outlives the tensors in it
  at::Tensor embeddings;
  std::vector<Layer> layers;
  Norm last_norm;
  at::Tensor head;
};

AriaNetwork::AriaNetwork(const Checkpoint& checkpoint,
                         const KvCache::Shape& cache, ComputeType compute,
                         Device where)
    : shape_(checkpoint.shape()),
      on_cpu_(where == Device::kCpu),
      slots_(cache.slots),
      rope_(cache.trunk_positions + cache.branch_positions,
            shape_.head_width()),
      cache_(on_cpu_ ? cache : KvCache::Shape{}),
      scores_(
          static_cast<size_t>(cache.trunk_positions + cache.branch_positions)),
      weights_(std::make_unique<Weights>()) {
  if (on_cpu_) {
    // As if all were fp32, and a line more for each tensor.
    weights_->pages = std::make_unique<LargePages>(
        sizeof(float) * static_cast<size_t>(shape_.parameters()) +
        size_t{64} * TensorsOf(shape_).size());
  } else {
    device_attention_ = std::make_unique<DeviceAttention>(cache, rope_, where);
  }
  LoadWeights(checkpoint, compute, where);
  largest_block_ = LargestBlock();
  if (largest_block_ < kMaxRows) {
    LogWarning("matrix products of this processor depend on the row count: ",
               "prefill takes blocks of ", largest_block_,
               " rows at most, a little slower");
  }
}

AriaNetwork::~AriaNetwork() = default;

void AriaNetwork::LoadWeights(const Checkpoint& checkpoint, ComputeType compute,
                              Device where) {
  const at::ScalarType type =
      compute == ComputeType::kBf16 ? at::kBFloat16 : at::kFloat;
  const at::Device device = TorchDevice(where);
  const Loader loader(checkpoint, weights_->pages.get());
  const auto matrix = [&](const std::string& name) {
    return loader.Load(name + ".weight", device, type);
  };
  const auto norm = [&](const std::string& name) {
    return Norm{loader.Load(name + ".weight", device, at::kFloat),
                loader.Load(name + ".bias", device, at::kFloat)};
  };
  weights_->embeddings =
      loader.Load("model.tok_embeddings.weight", at::kCPU, at::kFloat);
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

void AriaNetwork::Condition(const Checkpoint& checkpoint,
                            absl::Span<const float> embedding) {
  const at::Tensor adapter =
      Loader(checkpoint, nullptr)
          .Load("embedding_adapter.weight", at::kCPU, at::kFloat);
  assert(static_cast<int64_t>(embedding.size()) == adapter.size(1));
  const size_t padded = PaddedFor(Products::kMany, 1);
  for (SlotId slot = 0; slot < slots_; ++slot) {
    at::Tensor x = at::zeros({static_cast<int64_t>(padded), shape_.d_model});
    FewProducts(embedding.data(), 1, adapter, 0,
                static_cast<size_t>(shape_.d_model),
                x.mutable_data_ptr<float>());
    const NetworkRow row{slot, 0, 1, 0, nullptr};
    x = x.to(weights_->head.device());
    Layers({&row, 1}, Products::kMany, x);
  }
}

// Tokens go to the weights' device as rows, logits come back.
void AriaNetwork::Forward(absl::Span<const NetworkRow> rows, Products products,
                          absl::Span<float> logits) {
  assert(!rows.empty() && rows.size() <= kMaxRows);
  products = Available(products);
  const size_t width = static_cast<size_t>(shape_.d_model);
  const int64_t padded = static_cast<int64_t>(PaddedFor(products, rows.size()));
  at::Tensor x = at::zeros({padded, shape_.d_model});
  const float* embeddings = weights_->embeddings.const_data_ptr<float>();
  for (size_t i = 0; i < rows.size(); ++i) {
    std::copy_n(embeddings + static_cast<size_t>(rows[i].token) * width, width,
                x.mutable_data_ptr<float>() + i * width);
  }
  x = x.to(weights_->head.device());
  Layers(rows, products, x);
  const int64_t wanted = static_cast<int64_t>(logits.size()) /
                         static_cast<int64_t>(shape_.vocabulary_rows);
  if (wanted == 0) return;
  const int64_t first = static_cast<int64_t>(rows.size()) - wanted;
  Head(x.narrow(0, first, wanted), rows.subspan(static_cast<size_t>(first)),
       logits);
}

void AriaNetwork::Layers(absl::Span<const NetworkRow> rows, Products products,
                         at::Tensor& x) {
  if (!on_cpu_) device_attention_->Begin(rows);
  at::Tensor attended = at::zeros_like(x);  // as which the padding stays
  for (int i = 0; i < shape_.layers; ++i) {
    const Layer& layer = weights_->layers[static_cast<size_t>(i)];
    Attention(i, rows, Product(layer.norm1(x), layer.qkv, products), attended);
    x.add_(Product(attended, layer.out, products));
    const at::Tensor z = layer.norm2(x);
    at::Tensor hidden = Product(z, layer.gate, products);
    at::silu_(hidden);
    hidden.mul_(Product(z, layer.up, products));
    x.add_(Product(hidden, layer.down, products));
  }
}

// Also after a prefill: only the last row is wanted there, as a rule.
void AriaNetwork::Head(const at::Tensor& x, absl::Span<const NetworkRow> rows,
                       absl::Span<float> logits) const {
  const at::Tensor normed = weights_->last_norm(x).contiguous();
  if (!on_cpu_) return DeviceHead(normed, logits);
  const float* from = normed.const_data_ptr<float>();
  const size_t outputs = static_cast<size_t>(shape_.vocabulary_rows);
  const at::Tensor& head = weights_->head;
  const auto all = [](const NetworkRow& row) { return row.wanted == nullptr; };
  if (std::all_of(rows.begin(), rows.end(), all)) {
    FewProducts(from, rows.size(), head, 0, outputs, logits.data());
    return;
  }
  NextTokens everything;
  everything.allowed.Add({0, shape_.vocabulary_rows});
  for (size_t i = 0; i < rows.size(); ++i) {
    const NextTokens& next = all(rows[i]) ? everything : *rows[i].wanted;
    for (const TokenSet* set : {&next.allowed, &next.end}) {
      for (const TokenRange& range : *set) {
        const size_t begin = static_cast<size_t>(std::max(range.begin, 0));
        const size_t end = std::min(static_cast<size_t>(range.end), outputs);
        if (begin >= end) continue;
        FewProducts(from + i * static_cast<size_t>(shape_.d_model), 1, head,
                    begin, end, logits.data() + i * outputs + begin);
      }
    }
  }
}

// All rows of the vocabulary: choosing some would cost more than it saves.
void AriaNetwork::DeviceHead(const at::Tensor& normed,
                             absl::Span<float> logits) const {
  constexpr int64_t kRows = kBlocks[0];
  for (int64_t begin = 0; begin < normed.size(0); begin += kRows) {
    const int64_t rows = std::min(kRows, normed.size(0) - begin);
    const at::Tensor block =
        at::zeros({kRows, normed.size(1)}, normed.options());
    block.narrow(0, 0, rows).copy_(normed.narrow(0, begin, rows));
    const at::Tensor out =
        Product(block, weights_->head, Products::kMany).cpu();
    const size_t values = static_cast<size_t>(rows * out.size(1));
    std::copy_n(out.const_data_ptr<float>(), values, logits.data());
    logits.remove_prefix(values);
  }
}

size_t AriaNetwork::NextChunk(Products products, size_t left) const {
  if (Available(products) == Products::kFew) return std::min(left, kMaxRows);
  size_t chunk = kBlocks[0];
  for (const size_t block : kBlocks) {
    const bool pays = kOfSmall * left > kOfLarge * block;
    if (block <= largest_block_ && pays) chunk = block;
  }
  return std::min(left, chunk);
}

// The bits of a row of ATen's product depend on the number of rows, differently
// on each processor. So that number is one of few, which are seen to agree.
size_t AriaNetwork::PaddedFor(Products products, size_t rows) {
  if (products == Products::kFew) return rows;
  return *std::lower_bound(std::begin(kBlocks), std::end(kBlocks), rows);
}

// Every small block, cut from a large one where the blocks of both do not meet,
// must have its bits.
size_t AriaNetwork::LargestBlock() const {
  constexpr int64_t kSmall = kBlocks[0];
  const Layer& layer = weights_->layers.front();
  const auto agrees = [](const at::Tensor& x, const at::Tensor& weight) {
    const at::Tensor large = Product(x, weight, Products::kMany);
    for (int64_t at = 5; at + kSmall <= x.size(0); at += kSmall) {
      const at::Tensor cut = x.narrow(0, at, kSmall).contiguous();
      const at::Tensor small = Product(cut, weight, Products::kMany);
      if (!small.equal(large.narrow(0, at, kSmall))) return false;
    }
    return true;
  };
  size_t largest = kBlocks[0];
  for (const size_t block : {kBlocks[1], kBlocks[2]}) {
    for (const at::Tensor* weight :
         {&layer.qkv, &layer.out, &layer.gate, &layer.up, &layer.down}) {
      const int64_t rows = static_cast<int64_t>(block);
      const at::Tensor x = at::rand({rows, weight->size(1)});
      if (!agrees(x.to(weight->device()), *weight)) return largest;
    }
    largest = block;
  }
  return largest;
}

void AriaNetwork::Attention(int layer, absl::Span<const NetworkRow> rows,
                            const at::Tensor& qkv, at::Tensor& attended) {
  if (!on_cpu_) return device_attention_->Attend(layer, qkv, attended);
  CpuAttention(layer, rows, qkv.mutable_data_ptr<float>(),
               attended.mutable_data_ptr<float>());
}

// qkv: rows of 3·d_model; queries and keys are rotated in place.
void AriaNetwork::CpuAttention(int layer, absl::Span<const NetworkRow> rows,
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
