// SPDX-License-Identifier: Apache-2.0
#include "inference/model/torch_model.h"

#include <ATen/Parallel.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "inference/model/aria_network.h"
#include "inference/model/slot_book.h"
#include "inference/model/torch_terms.h"

namespace antiphon::inference {
namespace {

constexpr int kMaxSlots = 1024;
constexpr int kMaxThreads = 256;
constexpr char kRemedy[] =
    "use a smaller model, fewer slots or fewer --context-tokens";

absl::Status CheckOptions(const ModelShape& shape,
                          const TorchModel::Options& options) {
  const auto check = [](const char* name, int value, int high) {
    if (1 <= value && value <= high) return absl::OkStatus();
    return absl::InvalidArgumentError(
        absl::StrCat(name, " is ", value, ", must be in 1..", high));
  };
  absl::Status status = check("slots", options.slots, kMaxSlots);
  status.Update(check("context tokens", options.context_tokens, 1 << 20));
  status.Update(check("threads", options.threads, kMaxThreads));
  const size_t given = options.embedding.size();
  const int due = shape.lead() > 0 ? shape.adapter_width : 0;
  if (given != 0 && given != static_cast<size_t>(due)) {
    status.Update(absl::InvalidArgumentError(absl::StrCat(
        "an embedding of ", given, " values for an adapter of ", due)));
  }
  return status;
}

absl::StatusOr<ModelInfo> InfoOf(const Checkpoint& checkpoint,
                                 const TorchModel::Options& options) {
  const ModelCard& card = checkpoint.card();
  const ModelShape& shape = checkpoint.shape();
  ModelInfo info;
  info.name = checkpoint.name();
  info.sha256 = checkpoint.Sha256();
  if (!card.sha256.empty() && card.sha256 != info.sha256) {
    return absl::InvalidArgumentError(absl::StrCat(
        card.source, " says sha256 ", card.sha256, ", '", checkpoint.path(),
        "' has ", info.sha256, "; restore the file or correct the card"));
  }
  info.licence = card.licence;
  info.vocabulary_rows = shape.vocabulary_rows;
  info.slots = options.slots;
  info.max_position = shape.max_position - shape.lead();
  info.context_tokens = std::min(options.context_tokens, info.max_position);
  info.branch_tokens = std::min(kMaxBranchTokens, info.max_position);
  info.time_base = card.time_base.value_or(info.time_base);
  info.segment_ms = card.SegmentMs();
  info.temperature = card.temperature.value_or(info.temperature);
  if (card.top_p || card.min_p) {
    info.top_p = card.top_p;
    info.min_p = card.min_p;
  }
  return info;
}

absl::Status CheckFits(const Checkpoint& checkpoint,
                       const TorchModel::Options& options) {
  // A GPU's memory is not known here.
  if (options.device != Device::kCpu) return absl::OkStatus();
  const MemoryNeed need = NeedOf(checkpoint.shape(), options.compute,
                                 options.slots, options.context_tokens);
  return CheckFits(
      checkpoint.path(), need,
      options.memory_bytes > 0 ? options.memory_bytes : MachineMemory());
}

}  // namespace

absl::StatusOr<ComputeType> NamedComputeType(std::string_view name) {
  if (name == "fp32") return ComputeType::kF32;
  if (name == "bf16") return ComputeType::kBf16;
  return absl::InvalidArgumentError(absl::StrCat(
      "--dtype=", std::string(name), " is unknown; take fp32 or bf16"));
}

bool CpuMultipliesBf16() {
#ifdef __x86_64__
  return __builtin_cpu_supports("avx512bf16") != 0;
#else
  return false;
#endif
}

absl::StatusOr<ComputeType> ComputeTypeFor(std::string_view name,
                                           const Checkpoint& checkpoint,
                                           Device device) {
  if (name == "fp32" || name == "bf16") return NamedComputeType(name);
  if (name != "auto") {
    return absl::InvalidArgumentError(absl::StrCat(
        "--dtype=", std::string(name), " is unknown; take auto, fp32 or bf16"));
  }
  for (const TensorSpec& spec : TensorsOf(checkpoint.shape())) {
    if (checkpoint.Tensor(spec.name).type != StoredType::kBf16) {
      return ComputeType::kF32;
    }
  }
  const bool multiplies = device == Device::kCuda || CpuMultipliesBf16();
  return multiplies ? ComputeType::kBf16 : ComputeType::kF32;
}

struct TorchModel::State {
  State(const Checkpoint& checkpoint, ModelInfo model_info,
        const Options& options)
      : info(std::move(model_info)),
        lead(checkpoint.shape().lead()),
        book(info),
        network(checkpoint,
                CacheShape(checkpoint.shape(), info.slots, info.context_tokens),
                options.compute, options.device) {
    if (lead == 0) return;
    std::vector<float> embedding = options.embedding;
    embedding.resize(static_cast<size_t>(checkpoint.shape().adapter_width));
    network.Condition(checkpoint, embedding);
  }

  // The row of the next-but-`ahead` token of a trunk or a branch.
  NetworkRow RowFor(SlotId slot, TokenId token, bool branch, int ahead) const {
    const SlotBook::Slot& s = book.At(slot);
    if (!branch) return {slot, token, lead + s.trunk + ahead + 1, 0, nullptr};
    return {slot, token, lead + s.fork, s.branch + ahead + 1, nullptr};
  }
  absl::Status Run(absl::Span<const NetworkRow> rows, Products products,
                   absl::Span<float> logits);
  absl::Status Append(SlotId slot, absl::Span<const TokenId> tokens,
                      bool branch, absl::Span<float> logits,
                      const NextTokens* wanted = nullptr);

  ModelInfo info;
  int lead;  // positions in front of the tokens
  SlotBook book;
  AriaNetwork network;
};

// Chunk by chunk; `logits` are those of the last rows.
absl::Status TorchModel::State::Run(absl::Span<const NetworkRow> rows,
                                    Products products,
                                    absl::Span<float> logits) {
  const size_t values = static_cast<size_t>(info.vocabulary_rows);
  const size_t first_wanted = rows.size() - logits.size() / values;
  return Guarded(kRemedy, [&] {
    const c10::InferenceMode inference;
    for (size_t begin = 0; begin < rows.size();) {
      const absl::Span<const NetworkRow> chunk =
          rows.subspan(begin, network.NextChunk(products, rows.size() - begin));
      const size_t end = begin + chunk.size();
      const size_t wanted = end - std::clamp(first_wanted, begin, end);
      network.Forward(chunk, products, logits.first(wanted * values));
      logits.remove_prefix(wanted * values);
      begin = end;
    }
  });
}

absl::Status TorchModel::State::Append(SlotId slot,
                                       absl::Span<const TokenId> tokens,
                                       bool branch, absl::Span<float> logits,
                                       const NextTokens* wanted) {
  if (tokens.empty() && !logits.empty()) {
    return absl::InvalidArgumentError("no tokens to give logits for");
  }
  std::vector<NetworkRow> rows;
  rows.reserve(tokens.size());
  for (size_t i = 0; i < tokens.size(); ++i) {
    rows.push_back(RowFor(slot, tokens[i], branch, static_cast<int>(i)));
  }
  if (!rows.empty()) rows.back().wanted = wanted;
  return Run(rows, Products::kMany, logits);
}

absl::StatusOr<std::unique_ptr<TorchModel>> TorchModel::Create(
    const Checkpoint& checkpoint, const Options& options) {
  absl::Status fine = CheckOptions(checkpoint.shape(), options);
  if (fine.ok()) fine = CheckFits(checkpoint, options);
  if (!fine.ok()) return fine;
  if (absl::Status s = checkpoint.CheckFinite(); !s.ok()) return s;
  absl::StatusOr<ModelInfo> info = InfoOf(checkpoint, options);
  if (!info.ok()) return info.status();
  std::unique_ptr<State> state;
  absl::Status status = Guarded(kRemedy, [&] {
    const c10::InferenceMode inference;
    at::set_num_threads(options.threads);
    state = std::make_unique<State>(checkpoint, *info, options);
  });
  if (!status.ok()) return status;
  return std::unique_ptr<TorchModel>(new TorchModel(std::move(state)));
}

TorchModel::TorchModel(std::unique_ptr<State> state)
    : state_(std::move(state)) {}
TorchModel::~TorchModel() = default;

absl::Status TorchModel::PrefillAll(SlotId slot,
                                    absl::Span<const TokenId> tokens,
                                    absl::Span<float> logits) {
  absl::Status status = state_->book.CheckPrefill(slot, tokens, 0);
  if (!status.ok()) return status;
  const size_t rows = static_cast<size_t>(info().vocabulary_rows);
  if (logits.size() != tokens.size() * rows) {
    return absl::InvalidArgumentError("logits need a row for each token");
  }
  status = state_->Append(slot, tokens, false, logits);
  if (status.ok())
    state_->book.GrowTrunk(slot, static_cast<int>(tokens.size()));
  return status;
}

const ModelInfo& TorchModel::info() const { return state_->info; }

absl::Status TorchModel::Prefill(SlotId slot, absl::Span<const TokenId> tokens,
                                 absl::Span<float> last_logits) {
  absl::Status status =
      state_->book.CheckPrefill(slot, tokens, last_logits.size());
  if (status.ok()) status = state_->Append(slot, tokens, false, last_logits);
  if (status.ok())
    state_->book.GrowTrunk(slot, static_cast<int>(tokens.size()));
  return status;
}

void TorchModel::Rewind(SlotId slot, int trunk_length) {
  state_->book.Rewind(slot, trunk_length);
}

void TorchModel::StartBranch(SlotId slot) { state_->book.StartBranch(slot); }

void TorchModel::DropBranch(SlotId slot) { state_->book.DropBranch(slot); }

void TorchModel::RewindBranch(SlotId slot, int branch_length) {
  state_->book.RewindBranch(slot, branch_length);
}

absl::Status TorchModel::PrefillBranch(SlotId slot,
                                       absl::Span<const TokenId> tokens,
                                       const NextTokens* wanted,
                                       absl::Span<float> last_logits) {
  absl::Status status =
      state_->book.CheckPrefillBranch(slot, tokens, last_logits.size());
  if (status.ok()) {
    status = state_->Append(slot, tokens, true, last_logits, wanted);
  }
  if (status.ok()) {
    state_->book.GrowBranch(slot, static_cast<int>(tokens.size()));
  }
  return status;
}

absl::Status TorchModel::DecodeStep(absl::Span<const BranchToken> batch,
                                    absl::Span<float> logits) {
  absl::Status status = state_->book.CheckDecodeStep(batch, logits.size());
  if (!status.ok()) return status;
  std::vector<NetworkRow> rows;
  rows.reserve(batch.size());
  for (const BranchToken& next : batch) {
    rows.push_back(state_->RowFor(next.slot, next.token, true, 0));
    rows.back().wanted = next.wanted;
  }
  status = state_->Run(rows, Products::kFew, logits);
  if (!status.ok()) return status;
  for (const BranchToken& next : batch) state_->book.GrowBranch(next.slot, 1);
  return status;
}

int TorchModel::TrunkLength(SlotId slot) const {
  return state_->book.At(slot).trunk;
}

bool TorchModel::HasBranch(SlotId slot) const {
  return state_->book.At(slot).fork >= 0;
}

int TorchModel::BranchLength(SlotId slot) const {
  return state_->book.At(slot).branch;
}

}  // namespace antiphon::inference
