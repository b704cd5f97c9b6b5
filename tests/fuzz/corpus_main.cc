// SPDX-License-Identifier: Apache-2.0
//
// Runs a fuzz target (libFuzzer's entry) without libFuzzer: over every file of
// a corpus folder, over each file's prefixes, and over seeded mutations of it.
// So the corpora are tests with any compiler, and a finding of a long run is
// kept by adding its input to the folder.
//
//   NAME_fuzz CORPUS_FOLDER [MUTATIONS_PER_FILE]
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

using Bytes = std::vector<uint8_t>;

constexpr size_t kMaxPrefixes = 4096;

void Run(const Bytes& input) {
  LLVMFuzzerTestOneInput(input.data(), input.size());
}

Bytes ReadAll(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return Bytes(std::istreambuf_iterator<char>(in), {});
}

size_t Below(std::mt19937_64& random, size_t limit) {
  return random() % std::max<size_t>(limit, 1);
}

void Mutate(std::mt19937_64& random, Bytes& bytes) {
  const size_t at = Below(random, bytes.size() + 1);
  const auto place = bytes.begin() + static_cast<std::ptrdiff_t>(at);
  if (place == bytes.end() || Below(random, 4) == 0) {
    bytes.insert(place, static_cast<uint8_t>(random()));
    return;
  }
  switch (Below(random, 3)) {
    case 0:
      *place = static_cast<uint8_t>(random());
      return;
    case 1:
      *place = static_cast<uint8_t>(*place ^ 1u << Below(random, 8));
      return;
    default:
      bytes.erase(place);
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: %s CORPUS_FOLDER [MUTATIONS]\n", argv[0]);
    return 2;
  }
  const int mutations = argc > 2 ? std::atoi(argv[2]) : 2000;
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(argv[1])) {
    if (entry.is_regular_file()) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  std::mt19937_64 random(1);
  Run({});
  for (const auto& file : files) {
    const Bytes whole = ReadAll(file);
    Run(whole);
    for (size_t n = 0; n < std::min(whole.size(), kMaxPrefixes); ++n) {
      Run(Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(n)));
    }
    Bytes mutant = whole;
    for (int i = 0; i < mutations; ++i) {
      if (i % 32 == 0) mutant = whole;
      Mutate(random, mutant);
      Run(mutant);
    }
  }
  std::printf("%zu corpus files, %d mutations of each\n", files.size(),
              mutations);
  return files.empty() ? 1 : 0;
}
