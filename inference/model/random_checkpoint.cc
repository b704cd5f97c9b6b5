// SPDX-License-Identifier: Apache-2.0
#include "inference/model/random_checkpoint.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "inference/model/safetensors_writer.h"

namespace antiphon::inference {
namespace {

namespace fs = std::filesystem;

constexpr size_t kBlockValues = size_t{1} << 16;
constexpr int kAdapterWidth = 512;  // that of the released ones
constexpr float kSpread = 0.02f;    // standard deviation of every matrix

// SplitMix64: value i of a stream.
uint64_t Mix(uint64_t seed, uint64_t i) {
  uint64_t x = seed + (i + 1) * 0x9e3779b97f4a7c15u;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

// Near enough to normal: four uniform 16-bit numbers, centred and scaled. All
// steps are exact or correctly rounded, so every host gets the same bits.
float NormalLike(uint64_t bits) {
  int32_t sum = 0;
  for (int k = 0; k < 4; ++k) {
    sum += static_cast<int32_t>((bits >> (16 * k)) & 0xffff);
  }
  constexpr float kDeviation = 37837.0f;  // of such a sum
  return static_cast<float>(sum - 2 * 0xffff) * (kSpread / kDeviation);
}

// Norms start as the identity, matrices at random.
float Value(const TensorSpec& tensor, uint64_t stream, uint64_t i) {
  if (tensor.shape.size() == 2) return NormalLike(Mix(stream, i));
  return absl::EndsWith(tensor.name, ".bias") ? 0.0f : 1.0f;
}

absl::StatusOr<std::string> WriteWeights(const ModelShape& shape, uint64_t seed,
                                         const fs::path& path) {
  const std::vector<TensorSpec> tensors = TensorsOf(shape);
  std::vector<TensorPlan> plan;
  for (const TensorSpec& tensor : tensors) {
    plan.push_back({tensor.name, "F32", tensor.shape});
  }
  SafetensorsWriter file(path, plan);
  std::vector<float> block(kBlockValues);
  for (size_t t = 0; t < tensors.size(); ++t) {
    const uint64_t stream = Mix(seed, t);
    const uint64_t elements = static_cast<uint64_t>(plan[t].bytes()) / 4;
    for (uint64_t begin = 0; begin < elements; begin += kBlockValues) {
      const size_t n = std::min<uint64_t>(kBlockValues, elements - begin);
      for (size_t i = 0; i < n; ++i) {
        block[i] = Value(tensors[t], stream, begin + i);
      }
      file.Write(
          {reinterpret_cast<const uint8_t*>(block.data()), n * sizeof(float)});
    }
  }
  return file.Finish();
}

ModelCard CardOf(const RandomCheckpointOptions& options,
                 const ModelShape& shape, const std::string& sha256) {
  ModelCard card;
  card.name = absl::StrCat("random weights (", options.size, ", seed ",
                           options.seed, ")");
  card.licence = "Apache-2.0";
  card.sha256 = sha256;
  card.vocabulary = std::string(Vocabulary(options.vocabulary).name());
  card.d_model = shape.d_model;
  card.heads = shape.heads;
  card.layers = shape.layers;
  card.d_ff = shape.d_ff;
  card.max_position = shape.max_position;
  card.vocabulary_rows = shape.vocabulary_rows;
  card.time_base = TimeBase::kReal;
  card.segment_ms = kMaxSegmentMs;
  card.temperature = 0.8;
  card.top_p = 0.9;
  return card;
}

// "8x512".
bool ReadSize(std::string_view size, ModelShape& shape) {
  const std::vector<std::string> numbers =
      absl::StrSplit(std::string(size), 'x');
  return numbers.size() == 2 && absl::SimpleAtoi(numbers[0], &shape.layers) &&
         absl::SimpleAtoi(numbers[1], &shape.d_model) && 1 <= shape.layers &&
         shape.layers <= 64 && kDefaultHeadWidth <= shape.d_model &&
         shape.d_model <= 8192 && shape.d_model % kDefaultHeadWidth == 0;
}

absl::Status CannotWrite(const fs::path& path) {
  return absl::FailedPreconditionError(
      absl::StrCat("cannot write '", path.string(),
                   "'; choose a folder with room and permission by --out"));
}

}  // namespace

std::optional<ModelShape> NamedShape(std::string_view size) {
  ModelShape shape;
  if (size == "tiny") {
    shape.layers = 2, shape.d_model = 128;
  } else if (size == "nano") {
    shape.layers = 4, shape.d_model = 256;
  } else if (size == "small") {
    shape.layers = 6, shape.d_model = 384;
  } else if (size == "medium") {
    shape.layers = 16, shape.d_model = 1536;
  } else if (!ReadSize(size, shape)) {
    return std::nullopt;
  }
  shape.heads = shape.d_model / kDefaultHeadWidth;
  shape.d_ff = 4 * shape.d_model;
  return shape;
}

absl::Status WriteRandomCheckpoint(const RandomCheckpointOptions& options) {
  std::optional<ModelShape> shape = NamedShape(options.size);
  if (!shape) {
    return absl::InvalidArgumentError(
        absl::StrCat("no model size '", options.size, "'; take one of ",
                     std::string(kModelSizeNames)));
  }
  shape->vocabulary_rows = Vocabulary(options.vocabulary).size();
  if (options.conditioned.value_or(options.vocabulary ==
                                   VocabularyKind::kDemo26)) {
    shape->adapter_width = kAdapterWidth;
  }
  const fs::path folder(options.folder);
  const fs::path weights = folder / "model.safetensors";
  const fs::path card = folder / "model.json";
  std::error_code error;
  fs::create_directories(folder, error);
  for (const fs::path& path : {weights, card}) {
    if (!fs::exists(path, error)) continue;
    return absl::AlreadyExistsError(
        absl::StrCat("'", path.string(),
                     "' is there already; remove it or choose another --out"));
  }
  const absl::StatusOr<std::string> sha256 =
      WriteWeights(*shape, options.seed, weights);
  if (!sha256.ok()) return sha256.status();
  std::ofstream file(card);
  file << SerializeModelCard(CardOf(options, *shape, *sha256));
  file.close();
  return file.good() ? absl::OkStatus() : CannotWrite(card);
}

}  // namespace antiphon::inference
