// SPDX-License-Identifier: Apache-2.0
#include "inference/model/device_attention.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/full.h>
#include <ATen/ops/scaled_dot_product_attention.h>

#include <cstdint>
#include <limits>
#include <vector>

#include "inference/model/torch_terms.h"

namespace antiphon::inference {
namespace {

// ATen would copy a mask whose rows begin elsewhere, once a layer.
constexpr int64_t kMaskAlignment = 8;

// Rows of one slot that follow each other.
struct Run {
  SlotId slot = 0;
  bool on_branch = false;
  int64_t fork = 0;   // positions of the trunk that a branch sees
  int64_t begin = 0;  // of the first row, in its trunk or branch
  int64_t first = 0;  // row
  int64_t count = 0;
  at::Tensor mask;  // [1, 1, count, seen]: 0 or −∞

  int64_t seen() const { return fork + begin + count; }
  bool GoesOnWith(const NetworkRow& row) const {
    return row.slot == slot && row.on_branch() == on_branch &&
           row.position() == seen();
  }
};

Run RunFrom(const NetworkRow& row, size_t index) {
  Run run;
  run.slot = row.slot;
  run.on_branch = row.on_branch();
  run.fork = run.on_branch ? row.trunk_visible : 0;
  run.begin = row.position() - run.fork;
  run.first = static_cast<int64_t>(index);
  return run;
}

// Also for a single row, which sees everything: with a mask and without, ATen
// rounds differently.
at::Tensor MaskOf(const Run& run, const at::Device& device) {
  const int64_t padded =
      (run.seen() + kMaskAlignment - 1) / kMaskAlignment * kMaskAlignment;
  const at::Tensor hidden =
      at::full({run.count, padded}, -std::numeric_limits<float>::infinity(),
               at::TensorOptions().dtype(at::kFloat).device(device))
          .triu(run.seen() - run.count + 1);
  return hidden.narrow(1, 0, run.seen()).unsqueeze(0).unsqueeze(0);
}

}  // namespace

struct DeviceAttention::State {
  State(const KvCache::Shape& s, const RopeTable& rope, Device on)
      : shape(s),
        device(TorchDevice(on)),
        cosines(CopyOf(rope.Cosines(0), positions(), s.head_width / 2, on)),
        sines(CopyOf(rope.Sines(0), positions(), s.head_width / 2, on)) {
    for (int i = 0; i < shape.layers; ++i) {
      trunks.push_back(Allocate(shape.trunk_positions));
      branches.push_back(Allocate(shape.branch_positions));
    }
  }

  int64_t positions() const {
    return int64_t{shape.trunk_positions} + shape.branch_positions;
  }
  // [slot][keys of all heads, then values][position][head width]
  at::Tensor Allocate(int64_t room) const {
    return at::empty(
        {shape.slots, 2 * int64_t{shape.heads}, room, shape.head_width},
        at::TensorOptions().dtype(at::kFloat).device(device));
  }
  // x: [rows, any number of vectors, head width].
  at::Tensor Rotated(const at::Tensor& x) const {
    const int64_t half = x.size(2) / 2;
    const at::Tensor a = x.narrow(2, 0, half), b = x.narrow(2, half, half);
    return at::cat(
        {a * row_cosines - b * row_sines, b * row_cosines + a * row_sines}, 2);
  }
  // [keys, then values][position][head width] of what a run sees.
  at::Tensor Seen(const Run& run, size_t layer) const {
    const at::Tensor trunk = trunks[layer].select(0, run.slot);
    if (!run.on_branch) return trunk.narrow(1, 0, run.seen());
    return at::cat({trunk.narrow(1, 0, run.fork),
                    branches[layer]
                        .select(0, run.slot)
                        .narrow(1, 0, run.begin + run.count)},
                   1);
  }

  const KvCache::Shape shape;
  const at::Device device;
  const at::Tensor cosines;  // [position, head width / 2]
  const at::Tensor sines;
  std::vector<at::Tensor> trunks;  // a layer each
  std::vector<at::Tensor> branches;
  // Of this pass.
  std::vector<Run> runs;
  int64_t rows = 0;
  at::Tensor row_cosines;  // [row, 1, head width / 2]
  at::Tensor row_sines;
};

DeviceAttention::DeviceAttention(const KvCache::Shape& shape,
                                 const RopeTable& rope, Device device)
    : state_(std::make_unique<State>(shape, rope, device)) {}

DeviceAttention::~DeviceAttention() = default;

void DeviceAttention::Begin(absl::Span<const NetworkRow> rows) {
  State& s = *state_;
  s.runs.clear();
  s.rows = static_cast<int64_t>(rows.size());
  std::vector<int64_t> positions;
  for (const NetworkRow& row : rows) {
    if (s.runs.empty() || !s.runs.back().GoesOnWith(row)) {
      s.runs.push_back(RunFrom(row, positions.size()));
    }
    ++s.runs.back().count;
    positions.push_back(row.position());
  }
  for (Run& run : s.runs) run.mask = MaskOf(run, s.device);
  const at::Tensor index =
      at::from_blob(positions.data(), {s.rows}, at::kLong).to(s.device);
  s.row_cosines = s.cosines.index_select(0, index).unsqueeze(1);
  s.row_sines = s.sines.index_select(0, index).unsqueeze(1);
}

void DeviceAttention::Attend(int layer, const at::Tensor& qkv,
                             at::Tensor& out) {
  State& s = *state_;
  const size_t at_layer = static_cast<size_t>(layer);
  const int64_t heads = s.shape.heads;
  const at::Tensor vectors =
      qkv.narrow(0, 0, s.rows).view({s.rows, 3 * heads, s.shape.head_width});
  const at::Tensor turned = s.Rotated(vectors.narrow(1, 0, 2 * heads));
  const at::Tensor answers = out.view({qkv.size(0), heads, s.shape.head_width});
  for (const Run& run : s.runs) {
    // `heads` vectors of each of the run's rows, as [head, row, head width].
    const auto part = [&](const at::Tensor& of, int64_t from) {
      return of.narrow(0, run.first, run.count)
          .narrow(1, from, heads)
          .transpose(0, 1);
    };
    const at::Tensor own = (run.on_branch ? s.branches : s.trunks)[at_layer]
                               .select(0, run.slot)
                               .narrow(1, run.begin, run.count);
    own.narrow(0, 0, heads).copy_(part(turned, heads));
    own.narrow(0, heads, heads).copy_(part(vectors, 2 * heads));
    const at::Tensor seen = s.Seen(run, at_layer).unsqueeze(0);
    const at::Tensor answer = at::scaled_dot_product_attention(
        part(turned, 0).unsqueeze(0), seen.narrow(1, 0, heads),
        seen.narrow(1, heads, heads), run.mask);
    part(answers, 0).copy_(answer.squeeze(0));
  }
}

}  // namespace antiphon::inference
