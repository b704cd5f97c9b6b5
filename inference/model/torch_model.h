// SPDX-License-Identifier: Apache-2.0
//
// Aria on libtorch: pre-norm transformer with fused QKV, rotary positions,
// SwiGLU and an untied head, after EleutherAI/aria. Matrix products by ATen
// (prefill) and row_product.h (decode, head), attention by attention.h.
// Residual stream, norms, attention and cache are fp32, weights fp32 or bf16;
// with bf16 weights prefill rounds the inputs of its products too.
//
// A row of logits does not depend, to the bit, on how a context was split into
// Prefill calls nor on what shares a DecodeStep: prefill runs in padded blocks
// of 16, 64 or 256 rows, those of them that give a row the same bits on this
// processor, which is checked at the start; decode multiplies row by row.
// Cached decode and prefill agree to about 1e-5 in fp32, 1e-2 in bf16, not to
// the bit. On a GPU ATen multiplies for decode and head too, in the same
// blocks, and attention and cache are there (device_attention.h).
//
// A checkpoint of 2675 rows with an adapter was trained with a conditioning
// vector in front of every piece: that stands at position 0 of each slot, for
// good, and takes one of the model's positions. Nobody else sees it. Other
// models with an adapter learned to play without one as well, and do.
// Owner: one thread. Exceptions of torch end here, as Internal.
#ifndef ANTIPHON_INFERENCE_MODEL_TORCH_MODEL_H_
#define ANTIPHON_INFERENCE_MODEL_TORCH_MODEL_H_

#include <memory>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "inference/model/checkpoint.h"
#include "inference/model/device.h"
#include "inference/model/memory_need.h"
#include "inference/model/model.h"

namespace antiphon::inference {

// The type that --dtype names: "fp32" or "bf16".
absl::StatusOr<ComputeType> NamedComputeType(std::string_view name);
// Whether this processor has instructions for it: AVX-512 BF16.
bool CpuMultipliesBf16();
// Also "auto": bf16 where the weights are stored so and what multiplies them,
// a GPU or this processor, takes it; else fp32.
absl::StatusOr<ComputeType> ComputeTypeFor(std::string_view name,
                                           const Checkpoint& checkpoint,
                                           Device device);

class TorchModel : public Model {
 public:
  struct Options {
    int slots = 1;              // 1..1024
    int context_tokens = 1024;  // at least 1; lowered to the model's positions
    ComputeType compute = ComputeType::kF32;
    int threads = 1;  // of ATen, for the whole process
    // What the adapter of a conditioned checkpoint gets, as many values as it
    // is wide. Empty: zeros, which is how such a model plays freely.
    std::vector<float> embedding = {};
    // What there is for the whole program; 0 = what this machine has.
    int64_t memory_bytes = 0;
    Device device =
        Device::kCpu;  // of weights and products; device.h opened it
  };

  // Copies the weights; `checkpoint` is not needed afterwards. Errors:
  // InvalidArgument for options, for weights that are not finite, for a card
  // whose sha256 is another file's; FailedPrecondition with both sizes, before
  // anything is read, for what cannot fit the memory; ResourceExhausted where
  // that runs out.
  static absl::StatusOr<std::unique_ptr<TorchModel>> Create(
      const Checkpoint& checkpoint, const Options& options);

  ~TorchModel() override;

  // A row of logits for each token, on the trunk: tokens.size() × rows values.
  // For tools; otherwise like Prefill.
  absl::Status PrefillAll(SlotId slot, absl::Span<const TokenId> tokens,
                          absl::Span<float> logits);

  const ModelInfo& info() const override;
  absl::Status Prefill(SlotId slot, absl::Span<const TokenId> tokens,
                       absl::Span<float> last_logits) override;
  void Rewind(SlotId slot, int trunk_length) override;
  void StartBranch(SlotId slot) override;
  void DropBranch(SlotId slot) override;
  void RewindBranch(SlotId slot, int branch_length) override;
  absl::Status PrefillBranch(SlotId slot, absl::Span<const TokenId> tokens,
                             const NextTokens* wanted,
                             absl::Span<float> last_logits) override;
  absl::Status DecodeStep(absl::Span<const BranchToken> batch,
                          absl::Span<float> logits) override;
  int TrunkLength(SlotId slot) const override;
  bool HasBranch(SlotId slot) const override;
  int BranchLength(SlotId slot) const override;

 private:
  struct State;
  explicit TorchModel(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

}  // namespace antiphon::inference

#endif  // ANTIPHON_INFERENCE_MODEL_TORCH_MODEL_H_
