// SPDX-License-Identifier: Apache-2.0
// Against plain ATen in double precision.
#include "inference/train/layers.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

namespace antiphon::inference {
namespace {

// Largest difference over the largest value.
double Distance(const at::Tensor& a, const at::Tensor& b) {
  const at::Tensor x = a.to(at::kDouble), y = b.to(at::kDouble);
  return ((x - y).abs().max() / y.abs().max()).item<double>();
}

// [batch, heads, length, width], rotated as Aria does.
at::Tensor Rotated(const at::Tensor& x, const RopeTable& rope) {
  const int64_t length = x.size(2), half = x.size(3) / 2;
  at::Tensor cosine = at::empty({length, half}),
             sine = at::empty({length, half});
  for (int64_t t = 0; t < length; ++t) {
    for (int64_t i = 0; i < half; ++i) {
      cosine[t][i] = rope.Cosines(static_cast<int>(t))[i];
      sine[t][i] = rope.Sines(static_cast<int>(t))[i];
    }
  }
  const at::Tensor a = x.narrow(3, 0, half), b = x.narrow(3, half, half);
  cosine = cosine.to(at::kDouble), sine = sine.to(at::kDouble);
  return at::cat({a * cosine - b * sine, b * cosine + a * sine}, 3);
}

at::Tensor ExactAttention(const at::Tensor& qkv, int64_t batch, int64_t heads,
                          const RopeTable& rope) {
  const int64_t length = qkv.size(0) / batch, d = qkv.size(1) / 3;
  const auto part = [&](int64_t i) {
    return qkv.narrow(1, i * d, d)
        .reshape({batch, length, heads, d / heads})
        .transpose(1, 2);
  };
  const at::Tensor q = Rotated(part(0), rope), k = Rotated(part(1), rope);
  const at::Tensor future = at::ones({length, length}, at::kBool).triu(1);
  const at::Tensor scores =
      (at::matmul(q, k.transpose(2, 3)) / std::sqrt(double(d / heads)))
          .masked_fill(future, -1e30);
  return at::matmul(at::softmax(scores, 3), part(2))
      .transpose(1, 2)
      .reshape({batch * length, d});
}

TEST(CausalAttention, IsExactAttentionForwardAndBack) {
  at::manual_seed(1);
  constexpr int64_t kBatch = 2, kHeads = 3, kWidth = 64, kLength = 208;
  const Rotation rotation(kLength, kWidth, Device::kCpu);
  const at::Tensor qkv =
      at::randn({kBatch * kLength, 3 * kHeads * kWidth}).to(at::kBFloat16);
  const at::Tensor upstream =
      at::randn({kBatch * kLength, kHeads * kWidth}).to(at::kBFloat16);
  at::Tensor exact = qkv.to(at::kDouble).set_requires_grad(true);
  const at::Tensor expected =
      ExactAttention(exact, kBatch, kHeads, rotation.table());
  (expected * upstream.to(at::kDouble)).sum().backward();
  // The second is what other devices take.
  for (auto* const attention : {CausalAttention, PlainCausalAttention}) {
    at::Tensor mine = qkv.clone().set_requires_grad(true);
    const at::Tensor out = attention(mine, kBatch, kHeads, rotation);
    EXPECT_EQ(out.scalar_type(), at::kBFloat16);
    EXPECT_LT(Distance(out, expected), 0.01);
    (out * upstream).sum().backward();
    EXPECT_LT(Distance(mine.grad(), exact.grad()), 0.02);
  }
}

TEST(GatedUnit, IsSiluTimesUpForwardAndBack) {
  at::manual_seed(2);
  const auto random = [] { return (3 * at::randn({5, 64})).to(at::kBFloat16); };
  const at::Tensor gate = random(), up = random(), upstream = random();
  at::Tensor g = gate.clone().set_requires_grad(true);
  at::Tensor u = up.clone().set_requires_grad(true);
  at::Tensor plain_g = gate.to(at::kDouble).set_requires_grad(true);
  at::Tensor plain_u = up.to(at::kDouble).set_requires_grad(true);
  const at::Tensor out = GatedUnit(g, u);
  const at::Tensor expected = at::silu(plain_g) * plain_u;
  EXPECT_LT(Distance(out, expected), 0.005);
  (out * upstream).sum().backward();
  (expected * upstream.to(at::kDouble)).sum().backward();
  EXPECT_LT(Distance(g.grad(), plain_g.grad()), 0.005);
  EXPECT_LT(Distance(u.grad(), plain_u.grad()), 0.005);
}

}  // namespace
}  // namespace antiphon::inference
