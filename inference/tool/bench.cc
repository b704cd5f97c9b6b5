// SPDX-License-Identifier: Apache-2.0
//
// bench: how fast a checkpoint runs here, for people. scripts/bench.sh has the
// figures that are judged.
#include <algorithm>
#include <cstdio>
#include <functional>
#include <vector>

#include "common/rt/clock.h"
#include "inference/model/read_probe.h"
#include "inference/model/torch_model.h"
#include "inference/tool/command.h"

namespace antiphon::inference {
namespace {

constexpr int kSlots = 8;
constexpr int kContext = 256;                   // at most
constexpr auto kEach = absl::Milliseconds(40);  // of a figure, at least
constexpr int kRuns = 3;                        // likewise

// The fastest of some runs: what others do on this machine counts least.
absl::StatusOr<double> Seconds(const std::function<absl::Status()>& work) {
  const MonoTime begin = rt::Now();
  MonoTime now = begin;
  absl::Duration fastest = absl::InfiniteDuration();
  for (int run = 0; run < kRuns || now - begin < kEach; ++run) {
    const MonoTime start = rt::Now();
    if (absl::Status s = work(); !s.ok()) return s;
    now = rt::Now();
    fastest = std::min(fastest, now - start);
  }
  return absl::ToDoubleSeconds(fastest);
}

absl::StatusOr<double> PrefillSeconds(TorchModel& model, int tokens) {
  const std::vector<TokenId> context(static_cast<size_t>(tokens), 1);
  return Seconds([&] {
    model.Rewind(0, 0);
    return model.Prefill(0, context, {});
  });
}

// One step of the first `batch` slots, each with the whole context.
absl::StatusOr<double> StepSeconds(TorchModel& model, int batch,
                                   std::vector<float>& logits) {
  std::vector<BranchToken> tokens;
  for (SlotId slot = 0; slot < batch; ++slot) tokens.push_back({slot, 1});
  logits.resize(tokens.size() *
                static_cast<size_t>(model.info().vocabulary_rows));
  return Seconds([&] {
    for (const BranchToken& next : tokens) model.StartBranch(next.slot);
    return model.DecodeStep(tokens, absl::MakeSpan(logits));
  });
}

// Weights that a step reads: all but the embeddings.
size_t StepBytes(const ModelShape& shape, ComputeType compute) {
  const int64_t embeddings = int64_t{shape.vocabulary_rows} * shape.d_model;
  const size_t each = compute == ComputeType::kF32 ? 4 : 2;
  return static_cast<size_t>(shape.parameters() - embeddings) * each;
}

absl::Status PrintPrefill(TorchModel& model, int context) {
  for (int tokens = 16; tokens <= context; tokens *= 4) {
    const absl::StatusOr<double> seconds = PrefillSeconds(model, tokens);
    if (!seconds.ok()) return seconds.status();
    std::printf("prefill  %4d tokens %9.2f ms %9.0f tokens/s\n", tokens,
                *seconds * 1e3, tokens / *seconds);
  }
  return absl::OkStatus();
}

absl::Status PrintDecode(TorchModel& model, int context, double floor) {
  const std::vector<TokenId> tokens(static_cast<size_t>(context), 1);
  for (SlotId slot = 0; slot < kSlots; ++slot) {
    model.Rewind(slot, 0);
    absl::Status status = model.Prefill(slot, tokens, {});
    if (!status.ok()) return status;
  }
  std::vector<float> logits;
  for (int batch = 1; batch <= kSlots; batch *= 2) {
    const absl::StatusOr<double> seconds = StepSeconds(model, batch, logits);
    if (!seconds.ok()) return seconds.status();
    std::printf("decode   %4d at once %8.2f ms %9.0f tokens/s %6.1f x floor\n",
                batch, *seconds * 1e3, batch / *seconds, *seconds / floor);
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status RunBench(const BenchOptions& options) {
  const absl::StatusOr<ComputeType> compute = NamedComputeType(options.dtype);
  if (!compute.ok()) return compute.status();
  const absl::StatusOr<Device> device = NamedDevice(options.device);
  if (!device.ok()) return device.status();
  if (absl::Status s = OpenDevice(*device); !s.ok()) return s;
  const auto checkpoint = Checkpoint::Open(options.model);
  if (!checkpoint.ok()) return checkpoint.status();
  const ModelShape& shape = (*checkpoint)->shape();
  const int context = std::min(kContext, shape.max_position / 2);
  auto model = TorchModel::Create(**checkpoint, {.slots = kSlots,
                                                 .context_tokens = context,
                                                 .compute = *compute,
                                                 .device = *device});
  if (!model.ok()) return model.status();
  ReadProbe probe(StepBytes(shape, *compute));
  const absl::StatusOr<double> floor = Seconds([&] {
    probe.Read();
    return absl::OkStatus();
  });
  if (!floor.ok()) return floor.status();
  const double bytes = static_cast<double>(probe.bytes());
  std::printf(
      "%s: %d layers of width %d, %s, one thread%s\n",
      (*checkpoint)->name().c_str(), shape.layers, shape.d_model,
      options.dtype.c_str(),
      *device == Device::kCuda ? " and a GPU; the floor is the CPU's" : "");
  std::printf("weights  %.1f MB a step, read at %.1f GB/s: floor %.3f ms\n",
              bytes / 1e6, bytes / *floor / 1e9, *floor * 1e3);
  if (absl::Status s = PrintPrefill(**model, context); !s.ok()) return s;
  return PrintDecode(**model, context, *floor);
}

}  // namespace antiphon::inference
