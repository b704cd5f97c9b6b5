// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/plain_torch.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/layer_norm.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/zeros.h>
#include <c10/core/InferenceMode.h>

#include <cmath>
#include <cstring>
#include <string>

#include "absl/strings/str_cat.h"
#include "inference/model/attention.h"

namespace antiphon::bench {
namespace {

struct Norm {
  at::Tensor weight;
  at::Tensor bias;

  at::Tensor operator()(const at::Tensor& x) const {
    return at::layer_norm(x, {x.size(1)}, weight, bias, 1e-5);
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
  at::Tensor keys;  // [slot][head][position][head width]
  at::Tensor values;
};

}  // namespace

struct PlainDecoder::State {
  at::Tensor Load(const inference::Checkpoint& checkpoint,
                  const std::string& name) const {
    const inference::StoredTensor& stored = checkpoint.Tensor(name);
    at::Tensor tensor = at::empty(stored.shape);
    std::memcpy(tensor.mutable_data_ptr(), stored.bytes.data(),
                stored.bytes.size());
    return tensor.to(type);
  }
  Norm LoadNorm(const inference::Checkpoint& checkpoint,
                const std::string& name) const {
    return {Load(checkpoint, name + ".weight"),
            Load(checkpoint, name + ".bias")};
  }
  at::Tensor Rotate(const at::Tensor& x, int position) const {
    const int64_t half = x.size(2) / 2;
    const at::Tensor a = x.narrow(2, 0, half);
    const at::Tensor b = x.narrow(2, half, half);
    const at::Tensor cosines = cosine_table.select(0, position);
    const at::Tensor sines = sine_table.select(0, position);
    return at::cat({a * cosines - b * sines, b * cosines + a * sines}, 2);
  }
  at::Tensor Attend(const Layer& layer, const at::Tensor& x, int position);

  at::ScalarType type;
  int64_t batch;
  int64_t heads;
  int64_t head_width;
  at::Tensor cosine_table;
  at::Tensor sine_table;
  at::Tensor embeddings;
  std::vector<Layer> layers;
  Norm last_norm;
  at::Tensor head;
};

PlainDecoder::PlainDecoder(const inference::Checkpoint& checkpoint,
                           inference::ComputeType compute, int batch,
                           int positions)
    : state_(std::make_unique<State>()) {
  const c10::InferenceMode inference;
  const inference::ModelShape& shape = checkpoint.shape();
  State& s = *state_;
  s.type =
      compute == inference::ComputeType::kBf16 ? at::kBFloat16 : at::kFloat;
  s.batch = batch;
  s.heads = shape.heads;
  s.head_width = shape.head_width();
  const inference::RopeTable rope(positions, shape.head_width());
  const int64_t half = s.head_width / 2;
  const size_t table = sizeof(float) * static_cast<size_t>(positions * half);
  s.cosine_table = at::empty({positions, half});
  s.sine_table = at::empty({positions, half});
  std::memcpy(s.cosine_table.mutable_data_ptr(), rope.Cosines(0), table);
  std::memcpy(s.sine_table.mutable_data_ptr(), rope.Sines(0), table);
  s.cosine_table = s.cosine_table.to(s.type);
  s.sine_table = s.sine_table.to(s.type);
  s.embeddings = s.Load(checkpoint, "model.tok_embeddings.weight");
  for (int i = 0; i < shape.layers; ++i) {
    const std::string prefix = absl::StrCat("model.encode_layers.", i, ".");
    const auto matrix = [&](const char* name) {
      return s.Load(checkpoint, absl::StrCat(prefix, name, ".weight"));
    };
    const auto cache = [&] {
      return at::zeros({s.batch, s.heads, positions, s.head_width}, s.type);
    };
    s.layers.push_back({s.LoadNorm(checkpoint, prefix + "norm1"),
                        matrix("mixed_qkv"), matrix("att_proj_linear"),
                        s.LoadNorm(checkpoint, prefix + "norm2"),
                        matrix("ff_gate_proj"), matrix("ff_up_proj"),
                        matrix("ff_down_proj"), cache(), cache()});
  }
  s.last_norm = s.LoadNorm(checkpoint, "model.out_layer_norm");
  s.head = s.Load(checkpoint, "lm_head.weight");
}

PlainDecoder::~PlainDecoder() = default;

at::Tensor PlainDecoder::State::Attend(const Layer& layer, const at::Tensor& x,
                                       int position) {
  const at::Tensor qkv =
      at::linear(layer.norm1(x), layer.qkv).view({batch, 3, heads, head_width});
  const at::Tensor query = Rotate(qkv.select(1, 0), position);
  layer.keys.select(2, position).copy_(Rotate(qkv.select(1, 1), position));
  layer.values.select(2, position).copy_(qkv.select(1, 2));
  const at::Tensor keys = layer.keys.narrow(2, 0, position + 1);
  const at::Tensor values = layer.values.narrow(2, 0, position + 1);
  const at::Tensor scores =
      at::matmul(query.unsqueeze(2), keys.transpose(2, 3)) /
      std::sqrt(static_cast<double>(head_width));
  const at::Tensor mixed = at::matmul(at::softmax(scores, -1), values);
  return at::linear(mixed.reshape({batch, heads * head_width}), layer.out);
}

std::vector<float> PlainDecoder::Step(inference::TokenId token, int position) {
  const c10::InferenceMode inference;
  State& s = *state_;
  at::Tensor x = s.embeddings.narrow(0, token, 1).repeat({s.batch, 1});
  for (const Layer& layer : s.layers) {
    x = x + s.Attend(layer, x, position);
    const at::Tensor z = layer.norm2(x);
    x = x + at::linear(
                at::silu(at::linear(z, layer.gate)) * at::linear(z, layer.up),
                layer.down);
  }
  const at::Tensor logits =
      at::linear(s.last_norm(x), s.head).to(at::kFloat).contiguous();
  const float* row = logits.const_data_ptr<float>();
  return std::vector<float>(row, row + logits.size(1));
}

void PlainDecoder::BareProducts(int rows) {
  const c10::InferenceMode inference;
  const State& s = *state_;
  const at::Tensor narrow =
      at::ones({rows, s.layers.front().qkv.size(1)}, s.type);
  const at::Tensor wide =
      at::ones({rows, s.layers.front().down.size(1)}, s.type);
  for (const Layer& layer : s.layers) {
    at::linear(narrow, layer.qkv);
    at::linear(narrow, layer.out);
    at::linear(narrow, layer.gate);
    at::linear(narrow, layer.up);
    at::linear(wide, layer.down);
  }
}

}  // namespace antiphon::bench
