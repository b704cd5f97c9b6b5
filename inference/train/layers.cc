// SPDX-License-Identifier: Apache-2.0
#include "inference/train/layers.h"

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/bmm.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/scaled_dot_product_attention.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/zeros.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "inference/model/torch_terms.h"
#include "inference/train/kernels.h"

namespace antiphon::inference {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::variable_list;

constexpr int64_t kQueryBlock = 128;  // queries that look back together
constexpr int64_t kGrain = 16;        // rows that are worth a thread

const uint16_t* Bits(const at::Tensor& tensor) {
  return static_cast<const uint16_t*>(tensor.const_data_ptr());
}
uint16_t* MutableBits(const at::Tensor& tensor) {
  return static_cast<uint16_t*>(tensor.mutable_data_ptr());
}

struct Sizes {
  int64_t batch = 0;
  int64_t heads = 0;
  int64_t length = 0;
  int64_t width = 0;  // of a head

  int64_t rows() const { return batch * length; }
  int64_t d() const { return heads * width; }
  float scale() const { return 1 / std::sqrt(static_cast<float>(width)); }
  std::vector<int64_t> PerHead() const {
    return {batch * heads, length, width};
  }
  // Of one position of the first head.
  size_t At(int64_t row) const {
    const int64_t place = row % length;
    return static_cast<size_t>((row / length * heads * length + place) * width);
  }
  size_t stride() const { return static_cast<size_t>(length * width); }
};

// [batch · heads, length, width] to [batch · length, d] and back.
at::Tensor Joined(const at::Tensor& heads, const Sizes& s) {
  return heads.view({s.batch, s.heads, s.length, s.width})
      .transpose(1, 2)
      .reshape({s.rows(), s.d()});
}
at::Tensor Split(const at::Tensor& rows, const Sizes& s) {
  return rows.reshape({s.batch, s.length, s.heads, s.width})
      .transpose(1, 2)
      .reshape(s.PerHead());
}

// fn(row of scores, place of its query) for every row of a block.
template <typename Fn>
void ForEachQuery(const at::Tensor& scores, int64_t first, Fn fn) {
  const int64_t queries = scores.size(1);
  at::parallel_for(0, scores.size(0) * queries, kGrain,
                   [&](int64_t begin, int64_t end) {
                     for (int64_t row = begin; row < end; ++row) {
                       fn(row, first + row % queries);
                     }
                   });
}

class AttentionStep : public Function<AttentionStep> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& qkv,
                            int64_t batch, int64_t heads, int64_t rope_at) {
    const auto& rope = *reinterpret_cast<const RopeTable*>(rope_at);
    const Sizes s{batch, heads, qkv.size(0) / batch, qkv.size(1) / 3 / heads};
    const at::Tensor q = at::empty(s.PerHead(), qkv.options());
    const at::Tensor k = at::empty_like(q);
    const at::Tensor v = at::empty_like(q);
    at::parallel_for(0, s.rows(), kGrain, [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) {
        const size_t at = s.At(row);
        SplitHeads(Bits(qkv) + row * 3 * s.d(), rope,
                   static_cast<int>(row % s.length),
                   static_cast<size_t>(s.heads), static_cast<size_t>(s.width),
                   {MutableBits(q) + at, MutableBits(k) + at,
                    MutableBits(v) + at, s.stride()});
      }
    });
    variable_list saved = {q, k, v};
    const at::Tensor out = at::empty_like(q);
    for (int64_t first = 0; first < s.length; first += kQueryBlock) {
      const int64_t end = std::min(s.length, first + kQueryBlock);
      const at::Tensor weights = at::bmm(q.narrow(1, first, end - first),
                                         k.narrow(1, 0, end).transpose(1, 2))
                                     .contiguous();
      ForEachQuery(weights, first, [&](int64_t row, int64_t place) {
        CausalSoftmax(static_cast<size_t>(place + 1), static_cast<size_t>(end),
                      s.scale(), MutableBits(weights) + row * end);
      });
      out.narrow(1, first, end - first)
          .copy_(at::bmm(weights, v.narrow(1, 0, end)));
      saved.push_back(weights);
    }
    context->save_for_backward(std::move(saved));
    context->saved_data["batch"] = batch;
    context->saved_data["heads"] = heads;
    context->saved_data["rope"] = rope_at;
    return Joined(out, s);
  }

  static variable_list backward(AutogradContext* context,
                                variable_list gradients) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor &q = saved[0], &k = saved[1], &v = saved[2];
    const int64_t batch = context->saved_data["batch"].toInt();
    const int64_t heads = context->saved_data["heads"].toInt();
    const auto& rope = *reinterpret_cast<const RopeTable*>(
        context->saved_data["rope"].toInt());
    const Sizes s{batch, heads, q.size(1), q.size(2)};
    const at::Tensor to_out = Split(gradients[0], s);
    const at::Tensor to_q = at::empty(s.PerHead());
    const at::Tensor to_k = at::zeros(s.PerHead());
    const at::Tensor to_v = at::zeros(s.PerHead());
    size_t block = 3;
    for (int64_t first = 0; first < s.length; first += kQueryBlock, ++block) {
      const int64_t end = std::min(s.length, first + kQueryBlock);
      const int64_t queries = end - first;
      const at::Tensor& weights = saved[block];
      const at::Tensor out = to_out.narrow(1, first, queries);
      to_v.narrow(1, 0, end).add_(at::bmm(weights.transpose(1, 2), out));
      const at::Tensor scores =
          at::bmm(out, v.narrow(1, 0, end).transpose(1, 2)).contiguous();
      ForEachQuery(scores, first, [&](int64_t row, int64_t) {
        CausalSoftmaxBackward(Bits(weights) + row * end,
                              static_cast<size_t>(end), s.scale(),
                              MutableBits(scores) + row * end);
      });
      to_q.narrow(1, first, queries)
          .copy_(at::bmm(scores, k.narrow(1, 0, end)));
      to_k.narrow(1, 0, end).add_(
          at::bmm(scores.transpose(1, 2), q.narrow(1, first, queries)));
    }
    const at::Tensor to_qkv = at::empty({s.rows(), 3 * s.d()}, q.options());
    at::parallel_for(0, s.rows(), kGrain, [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) {
        const size_t at = s.At(row);
        SplitHeadsBackward({to_q.const_data_ptr<float>() + at,
                            to_k.const_data_ptr<float>() + at,
                            to_v.const_data_ptr<float>() + at, s.stride()},
                           rope, static_cast<int>(row % s.length),
                           static_cast<size_t>(s.heads),
                           static_cast<size_t>(s.width),
                           MutableBits(to_qkv) + row * 3 * s.d());
      }
    });
    return {to_qkv, at::Tensor(), at::Tensor(), at::Tensor()};
  }
};

class GateStep : public Function<GateStep> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& gate,
                            const at::Tensor& up) {
    context->save_for_backward({gate, up});
    const at::Tensor out = at::empty_like(gate);
    ForEachRow(gate, [&](size_t at, size_t width) {
      SwiGlu(Bits(gate) + at, Bits(up) + at, width, MutableBits(out) + at);
    });
    return out;
  }

  static variable_list backward(AutogradContext* context,
                                variable_list gradients) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor &gate = saved[0], &up = saved[1];
    const at::Tensor gradient = gradients[0].contiguous();
    const at::Tensor to_gate = at::empty_like(gate);
    const at::Tensor to_up = at::empty_like(up);
    ForEachRow(gate, [&](size_t at, size_t width) {
      SwiGluBackward(Bits(gate) + at, Bits(up) + at, Bits(gradient) + at, width,
                     MutableBits(to_gate) + at, MutableBits(to_up) + at);
    });
    return {to_gate, to_up};
  }

 private:
  template <typename Fn>
  static void ForEachRow(const at::Tensor& tensor, Fn fn) {
    const size_t width = static_cast<size_t>(tensor.size(1));
    at::parallel_for(0, tensor.size(0), kGrain,
                     [&](int64_t begin, int64_t end) {
                       for (int64_t row = begin; row < end; ++row) {
                         fn(static_cast<size_t>(row) * width, width);
                       }
                     });
  }
};

// [batch, heads, length, width], each position turned by its angles.
at::Tensor Rotated(const at::Tensor& x, const Rotation& rotation) {
  const int64_t length = x.size(2), half = x.size(3) / 2;
  const at::Tensor cosines = rotation.cosines().narrow(0, 0, length);
  const at::Tensor sines = rotation.sines().narrow(0, 0, length);
  const at::Tensor a = x.narrow(3, 0, half), b = x.narrow(3, half, half);
  return at::cat({a * cosines - b * sines, b * cosines + a * sines}, 3)
      .to(x.scalar_type());
}

}  // namespace

struct Rotation::Angles {
  at::Tensor cosines;
  at::Tensor sines;
};

Rotation::Rotation(int64_t length, int64_t width, Device device)
    : table_(static_cast<int>(length), static_cast<int>(width)),
      angles_(std::make_unique<Angles>(
          Angles{CopyOf(table_.Cosines(0), length, width / 2, device),
                 CopyOf(table_.Sines(0), length, width / 2, device)})) {}
Rotation::~Rotation() = default;

const at::Tensor& Rotation::cosines() const { return angles_->cosines; }
const at::Tensor& Rotation::sines() const { return angles_->sines; }

at::Tensor CausalAttention(const at::Tensor& qkv, int64_t batch, int64_t heads,
                           const Rotation& rotation) {
  if (!qkv.device().is_cpu()) {
    return PlainCausalAttention(qkv, batch, heads, rotation);
  }
  return AttentionStep::apply(qkv.contiguous(), batch, heads,
                              reinterpret_cast<int64_t>(&rotation.table()));
}

at::Tensor PlainCausalAttention(const at::Tensor& qkv, int64_t batch,
                                int64_t heads, const Rotation& rotation) {
  const int64_t length = qkv.size(0) / batch, d = qkv.size(1) / 3;
  const auto part = [&](int64_t i) {
    return qkv.narrow(1, i * d, d)
        .reshape({batch, length, heads, d / heads})
        .transpose(1, 2);
  };
  return at::scaled_dot_product_attention(Rotated(part(0), rotation),
                                          Rotated(part(1), rotation), part(2),
                                          {}, 0, true)
      .transpose(1, 2)
      .reshape({batch * length, d});
}

at::Tensor GatedUnit(const at::Tensor& gate, const at::Tensor& up) {
  if (!gate.device().is_cpu()) return at::silu(gate) * up;
  return GateStep::apply(gate.contiguous(), up.contiguous());
}

}  // namespace antiphon::inference
