// SPDX-License-Identifier: Apache-2.0
#include "inference/tool/checkpoint_list.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "inference/model/checkpoint.h"
#include "inference/model/memory_need.h"

namespace antiphon::inference {
namespace {

namespace fs = std::filesystem;

constexpr int kContextTokens = 1024;

std::vector<fs::path> EntriesOf(const fs::path& folder) {
  std::vector<fs::path> entries;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end;
       it.increment(error)) {
    entries.push_back(it->path());
  }
  return entries;
}

std::string SizeOf(const Checkpoint& checkpoint) {
  const ModelShape& shape = checkpoint.shape();
  return absl::StrFormat("%d x %d, %.1f M", shape.layers, shape.d_model,
                         static_cast<double>(shape.parameters()) / 1e6);
}

std::string MemoryOf(const ModelShape& shape, ComputeType compute) {
  const int64_t need = NeedOf(shape, compute, 1, kContextTokens).total();
  return SizeText(need) + (need > MachineMemory() ? " (too much)" : "");
}

void PrintRow(int width, const std::string& name, const std::string& rest) {
  std::printf("%-*s  %s\n", width, name.c_str(), rest.c_str());
}

std::string RowOf(const std::string& path) {
  const auto opened = Checkpoint::Open(path);
  if (!opened.ok()) {
    absl::string_view reason = opened.status().message();
    absl::ConsumePrefix(&reason, absl::StrCat("'", path, "': "));
    return absl::StrCat("cannot be used: ", reason);
  }
  const ModelShape& shape = (*opened)->shape();
  const auto vocabulary = Vocabulary::FromRows(shape.vocabulary_rows);
  return absl::StrFormat(
      "%-10s  %-18s  %-9s  %s, %s",
      vocabulary ? std::string(vocabulary->name())
                 : absl::StrCat(shape.vocabulary_rows, " rows"),
      SizeOf(**opened), (*opened)->StoredTypes(),
      MemoryOf(shape, ComputeType::kF32), MemoryOf(shape, ComputeType::kBf16));
}

}  // namespace

std::vector<std::string> CheckpointsIn(const std::string& folder) {
  std::vector<std::string> files;
  const auto add = [&](const fs::path& path) {
    if (path.extension() != ".safetensors") return;
    if (path.filename() == kTrainingState) return;
    files.push_back(path.lexically_relative(folder).string());
  };
  for (const fs::path& entry : EntriesOf(folder)) {
    add(entry);
    for (const fs::path& inner : EntriesOf(entry)) add(inner);
  }
  std::sort(files.begin(), files.end());
  return files;
}

void PrintCheckpoints(const std::string& folder,
                      const std::vector<std::string>& files) {
  size_t width = 4;
  for (const std::string& file : files) width = std::max(width, file.size());
  const int column = static_cast<int>(width);
  PrintRow(column, "file",
           absl::StrFormat("%-10s  %-18s  %-9s  %s", "vocabulary", "size",
                           "stored", "memory in fp32, bf16"));
  for (const std::string& file : files) {
    PrintRow(column, file, RowOf((fs::path(folder) / file).string()));
  }
}

}  // namespace antiphon::inference
