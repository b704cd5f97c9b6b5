// SPDX-License-Identifier: Apache-2.0
//
// How much memory a model needs, and how much this machine has: what cannot fit
// is refused before a byte of it is loaded, instead of being killed half-way.
// On a GPU loading ends with libtorch's own word where its memory runs out.
// Sizes are bytes; MB and GB are powers of ten. Any thread.
#ifndef ANTIPHON_INFERENCE_MODEL_MEMORY_NEED_H_
#define ANTIPHON_INFERENCE_MODEL_MEMORY_NEED_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "inference/model/checkpoint.h"
#include "inference/model/kv_cache.h"

namespace antiphon::inference {

// The type in which weights are held and multiplied.
enum class ComputeType { kF32, kBf16 };

struct MemoryNeed {
  int64_t weights = 0;
  int64_t cache = 0;              // keys and values of all slots, full
  int64_t program = 300'000'000;  // libtorch, and room to multiply in

  int64_t total() const { return weights + cache + program; }
};

// Keys and values of slots with trunks of `context_tokens` and whole branches.
KvCache::Shape CacheShape(const ModelShape& shape, int slots,
                          int context_tokens);
MemoryNeed NeedOf(const ModelShape& shape, ComputeType compute, int slots,
                  int context_tokens);

// What this process may use at most: physical memory, or less where a control
// group says so.
int64_t MachineMemory();

// FailedPrecondition with both sizes where `need` exceeds `machine`.
absl::Status CheckFits(const std::string& path, const MemoryNeed& need,
                       int64_t machine);

// "2.9 GB", "151 MB".
std::string SizeText(int64_t bytes);

}  // namespace antiphon::inference

#endif  // ANTIPHON_INFERENCE_MODEL_MEMORY_NEED_H_
