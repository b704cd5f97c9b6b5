// SPDX-License-Identifier: Apache-2.0
#include "inference/model_answerer.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "common/log.h"
#include "inference/engine/aria_answerer.h"
#include "inference/model/checkpoint.h"
#include "inference/model/mapped_model.h"
#include "inference/model/torch_model.h"

namespace antiphon::inference {
namespace {

// First calls are slow: memory is touched, kernels are chosen. Pay that before
// ready.
absl::Status WarmUp(Model& model) {
  std::vector<TokenId> tokens(
      static_cast<size_t>(std::min(64, model.info().context_tokens)), 0);
  std::vector<float> logits(static_cast<size_t>(model.info().vocabulary_rows));
  if (absl::Status s = model.Prefill(0, tokens, absl::MakeSpan(logits));
      !s.ok()) {
    return s;
  }
  model.StartBranch(0);
  const BranchToken token{0, 0};
  for (int i = 0; i < 4; ++i) {
    absl::Status s = model.DecodeStep({&token, 1}, absl::MakeSpan(logits));
    if (!s.ok()) return s;
  }
  model.DropBranch(0);
  model.Rewind(0, 0);
  return absl::OkStatus();
}

// A released demo of 2025 has an adapter that it can do without; who expects a
// style of it should know.
void TellOfAdapter(const Checkpoint& checkpoint) {
  const ModelShape& shape = checkpoint.shape();
  if (shape.adapter_width == 0 || shape.lead() > 0) return;
  LogInfo("model.adapter_unused '", checkpoint.path(),
          "' has embedding_adapter.weight; a model of ", shape.vocabulary_rows,
          " rows also learned to play without a conditioning vector, and gets "
          "none");
}

}  // namespace

absl::StatusOr<LoadedModel> LoadAnswerer(const LoadOptions& wanted) {
  absl::StatusOr<std::unique_ptr<Checkpoint>> checkpoint =
      Checkpoint::Open(wanted.path);
  if (!checkpoint.ok()) return checkpoint.status();
  const absl::StatusOr<ComputeType> compute =
      ComputeTypeFor(wanted.dtype, **checkpoint, wanted.device);
  if (!compute.ok()) return compute.status();
  TorchModel::Options options;
  options.context_tokens = wanted.context_tokens;
  options.threads = wanted.threads;
  options.compute = *compute;
  options.device = wanted.device;
  auto loaded_model = TorchModel::Create(**checkpoint, options);
  if (!loaded_model.ok()) return loaded_model.status();
  TellOfAdapter(**checkpoint);
  std::unique_ptr<Model> model =
      ByIds(*std::move(loaded_model), (*checkpoint)->card());
  if (absl::Status warm = WarmUp(*model); !warm.ok()) return warm;
  LoadedModel loaded;
  loaded.info = model->info();
  auto answerer = AriaAnswerer::Create(std::move(model), wanted.first_notes);
  if (!answerer.ok()) return answerer.status();
  loaded.answerer = *std::move(answerer);
  return loaded;
}

}  // namespace antiphon::inference
