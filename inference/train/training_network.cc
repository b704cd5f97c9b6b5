// SPDX-License-Identifier: Apache-2.0
#include "inference/train/training_network.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/dropout.h>
#include <ATen/ops/embedding.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/layer_norm.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "inference/model/torch_terms.h"
#include "inference/train/layers.h"

namespace antiphon::inference {
namespace {

constexpr double kNormEpsilon = 1e-5;
constexpr double kSpread = 0.02;  // standard deviation of a matrix

at::Tensor Product(const at::Tensor& x, const at::Tensor& weight) {
  return at::linear(x, weight.to(at::kBFloat16));
}

at::Tensor Initial(const TensorSpec& spec, int layers,
                   at::Generator& generator) {
  if (spec.shape.size() == 1) {
    return absl::EndsWith(spec.name, ".bias") ? at::zeros(spec.shape)
                                              : at::ones(spec.shape);
  }
  const bool ends_layer = absl::StrContains(spec.name, "att_proj_linear") ||
                          absl::StrContains(spec.name, "ff_down_proj");
  const double spread =
      ends_layer ? kSpread / std::sqrt(2.0 * layers) : kSpread;
  return at::randn(spec.shape, generator) * spread;
}

}  // namespace

TrainingNetwork::TrainingNetwork(const ModelShape& shape, int64_t max_length,
                                 double dropout, uint64_t seed, Device device)
    : shape_(shape),
      dropout_(dropout),
      specs_(TensorsOf(shape)),
      rotation_(
          std::make_unique<Rotation>(max_length, shape.head_width(), device)) {
  at::Generator generator = at::detail::createCPUGenerator(seed);
  for (const TensorSpec& spec : specs_) {
    parameters_.push_back(Initial(spec, shape.layers, generator)
                              .to(TorchDevice(device))
                              .set_requires_grad(true));
  }
}

TrainingNetwork::~TrainingNetwork() = default;

const at::Tensor& TrainingNetwork::Parameter(const std::string& name) const {
  const auto found =
      std::find_if(specs_.begin(), specs_.end(),
                   [&](const TensorSpec& spec) { return spec.name == name; });
  return parameters_.at(static_cast<size_t>(found - specs_.begin()));
}

at::Tensor TrainingNetwork::Normed(const at::Tensor& x,
                                   const std::string& name) const {
  return at::layer_norm(x, {x.size(1)}, Parameter(name + ".weight"),
                        Parameter(name + ".bias"), kNormEpsilon)
      .to(at::kBFloat16);
}

at::Tensor TrainingNetwork::Losses(const TrainingBatch& batch,
                                   bool training) const {
  const at::Tensor& embedding = Parameter("model.tok_embeddings.weight");
  const auto tensor_of = [&](const std::vector<int64_t>& values) {
    return at::from_blob(const_cast<int64_t*>(values.data()),
                         {static_cast<int64_t>(values.size())}, at::kLong)
        .to(embedding.device());
  };
  at::Tensor x = at::embedding(embedding, tensor_of(batch.inputs));
  const auto add = [&](const at::Tensor& y) {
    x = x + at::dropout(y, dropout_, training);
  };
  for (int i = 0; i < shape_.layers; ++i) {
    const std::string layer = absl::StrCat("model.encode_layers.", i, ".");
    const auto weight = [&](const char* name) {
      return Parameter(absl::StrCat(layer, name, ".weight"));
    };
    const at::Tensor qkv =
        Product(Normed(x, layer + "norm1"), weight("mixed_qkv"));
    add(Product(CausalAttention(qkv, batch.sequences, shape_.heads, *rotation_),
                weight("att_proj_linear")));
    const at::Tensor z = Normed(x, layer + "norm2");
    add(Product(GatedUnit(Product(z, weight("ff_gate_proj")),
                          Product(z, weight("ff_up_proj"))),
                weight("ff_down_proj")));
  }
  // Only what is judged passes the head.
  const at::Tensor targets = tensor_of(batch.targets);
  const at::Tensor judged = (targets >= 0).nonzero().squeeze(1);
  const at::Tensor logits =
      Product(Normed(x.index_select(0, judged), "model.out_layer_norm"),
              Parameter("lm_head.weight"));
  return at::cross_entropy_loss(logits.to(at::kFloat),
                                targets.index_select(0, judged), {},
                                at::Reduction::None);
}

}  // namespace antiphon::inference
