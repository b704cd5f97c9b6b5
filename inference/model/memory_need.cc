// SPDX-License-Identifier: Apache-2.0
#include "inference/model/memory_need.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace antiphon::inference {
namespace {

namespace fs = std::filesystem;

// The lowest limit of `group` below `root` and of all around it.
int64_t LowestLimit(const fs::path& root, const std::string& group,
                    const char* file, int64_t limit) {
  for (fs::path at = root / group;; at = at.parent_path()) {
    int64_t bytes = 0;  // no number: "max"
    if (std::ifstream(at / file) >> bytes) limit = std::min(limit, bytes);
    if (at == root || at == at.root_path()) return limit;
  }
}

// Control groups, of version 1 ("4:memory:/group") and 2 ("0::/group").
int64_t LowestGroupLimit(int64_t limit) {
  const std::string kFirst = ":memory:/", kSecond = "0::/";
  const fs::path root = "/sys/fs/cgroup";
  std::ifstream groups("/proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {
    if (absl::StartsWith(line, kSecond)) {
      limit =
          LowestLimit(root, line.substr(kSecond.size()), "memory.max", limit);
    } else if (const size_t at = line.find(kFirst); at != line.npos) {
      limit = LowestLimit(root / "memory", line.substr(at + kFirst.size()),
                          "memory.limit_in_bytes", limit);
    }
  }
  return limit;
}

}  // namespace

KvCache::Shape CacheShape(const ModelShape& shape, int slots,
                          int context_tokens) {
  KvCache::Shape cache;
  cache.layers = shape.layers;
  cache.slots = slots;
  cache.heads = shape.heads;
  cache.head_width = shape.head_width();
  cache.trunk_positions = context_tokens + shape.lead();
  cache.branch_positions = std::min(kMaxBranchTokens, shape.max_position);
  return cache;
}

MemoryNeed NeedOf(const ModelShape& shape, ComputeType compute, int slots,
                  int context_tokens) {
  MemoryNeed need;
  const int64_t each = compute == ComputeType::kF32 ? 4 : 2;
  // One row of the embeddings is read per token: they stay exact.
  const int64_t embeddings = int64_t{shape.vocabulary_rows} * shape.d_model;
  need.weights = 4 * embeddings + each * (shape.parameters() - embeddings);
  need.cache = static_cast<int64_t>(
      CacheShape(shape, slots, std::min(context_tokens, shape.max_position))
          .bytes());
  return need;
}

int64_t MachineMemory() {
  return LowestGroupLimit(int64_t{sysconf(_SC_PHYS_PAGES)} *
                          sysconf(_SC_PAGESIZE));
}

absl::Status CheckFits(const std::string& path, const MemoryNeed& need,
                       int64_t machine) {
  if (need.total() <= machine) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      "'", path, "' needs ", SizeText(need.total()), " of memory (weights ",
      SizeText(need.weights), ", contexts ", SizeText(need.cache), ", program ",
      SizeText(need.program), "), this machine has ", SizeText(machine),
      "; use --dtype=bf16, fewer --context-tokens or a smaller model"));
}

std::string SizeText(int64_t bytes) {
  const double size = static_cast<double>(bytes);
  return size < 999.5e6 ? absl::StrFormat("%.0f MB", size / 1e6)
                        : absl::StrFormat("%.1f GB", size / 1e9);
}

}  // namespace antiphon::inference
