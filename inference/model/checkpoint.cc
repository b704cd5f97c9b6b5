// SPDX-License-Identifier: Apache-2.0
#include "inference/model/checkpoint.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <map>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "inference/model/sha256.h"

namespace antiphon::inference {
namespace {

namespace fs = std::filesystem;

constexpr char kCompilePrefix[] = "_orig_mod.";
constexpr char kEmbeddings[] = "model.tok_embeddings.weight";
constexpr char kHead[] = "lm_head.weight";
constexpr char kAdapter[] = "embedding_adapter.weight";
constexpr char kSuffix[] = ".safetensors";
constexpr int kConditionedRows = 2675;
constexpr int kMaxDimension = 1 << 20;
constexpr int kMaxLayers = 1024;
constexpr size_t kHashedAtOnce = size_t{1} << 24;

std::string LayerTensor(int layer, const char* name) {
  return absl::StrCat("model.encode_layers.", layer, ".", name);
}

absl::StatusOr<std::string> FindWeights(const std::string& path) {
  std::error_code error;
  if (!fs::exists(path, error)) {
    return absl::NotFoundError(
        absl::StrCat("no checkpoint at '", path,
                     "'; give a .safetensors file or its folder with --model"));
  }
  if (!fs::is_directory(path, error)) return path;
  const fs::path usual = fs::path(path) / "model.safetensors";
  if (fs::exists(usual, error)) return usual.string();
  std::vector<std::string> found;
  for (fs::directory_iterator it(path, error), end; !error && it != end;
       it.increment(error)) {
    if (absl::EndsWith(it->path().string(), kSuffix)) {
      found.push_back(it->path().string());
    }
  }
  if (found.size() == 1) return found.front();
  std::sort(found.begin(), found.end());
  return absl::NotFoundError(absl::StrCat(
      "folder '", path, "' has no model.safetensors and ",
      found.empty()
          ? "no other .safetensors file"
          : absl::StrCat("several others: ", absl::StrJoin(found, ", ")),
      "; name one file with --model"));
}

// The value of a 16-bit exponent-and-fraction pattern is not finite where all
// its exponent bits are set.
template <typename Word>
bool AllFinite(absl::Span<const uint8_t> bytes, Word exponent_mask) {
  bool finite = true;
  for (size_t i = 0; i + sizeof(Word) <= bytes.size(); i += sizeof(Word)) {
    Word word;
    std::memcpy(&word, bytes.data() + i, sizeof(Word));
    finite &= (word & exponent_mask) != exponent_mask;
  }
  return finite;
}

bool AllFinite(const StoredTensor& tensor) {
  switch (tensor.type) {
    case StoredType::kF32:
      return AllFinite<uint32_t>(tensor.bytes, 0x7f800000);
    case StoredType::kBf16:
      return AllFinite<uint16_t>(tensor.bytes, 0x7f80);
    case StoredType::kF16:
      return AllFinite<uint16_t>(tensor.bytes, 0x7c00);
    case StoredType::kOther:
      return false;
  }
  return false;
}

template <typename... Args>
absl::Status Invalid(const Args&... args) {
  return absl::InvalidArgumentError(absl::StrCat(args...));
}

// What the card says of a size must be what the tensors say.
absl::Status Agree(const ModelCard& card, const char* what,
                   const std::optional<int>& said, int64_t found) {
  if (!said || *said == found) return absl::OkStatus();
  return Invalid(card.source, " says ", what, " = ", *said,
                 ", the tensors say ", found);
}

}  // namespace

int ModelShape::lead() const {
  return adapter_width > 0 && vocabulary_rows == kConditionedRows ? 1 : 0;
}

int64_t ModelShape::parameters() const {
  int64_t sum = 0;
  for (const TensorSpec& tensor : TensorsOf(*this)) {
    int64_t elements = 1;
    for (int64_t size : tensor.shape) elements *= size;
    sum += elements;
  }
  return sum;
}

std::vector<TensorSpec> TensorsOf(const ModelShape& shape) {
  const int64_t d = shape.d_model, ff = shape.d_ff;
  std::vector<TensorSpec> tensors;
  tensors.push_back({kEmbeddings, {shape.vocabulary_rows, d}});
  for (int i = 0; i < shape.layers; ++i) {
    tensors.push_back({LayerTensor(i, "norm1.weight"), {d}});
    tensors.push_back({LayerTensor(i, "norm1.bias"), {d}});
    tensors.push_back({LayerTensor(i, "mixed_qkv.weight"), {3 * d, d}});
    tensors.push_back({LayerTensor(i, "att_proj_linear.weight"), {d, d}});
    tensors.push_back({LayerTensor(i, "norm2.weight"), {d}});
    tensors.push_back({LayerTensor(i, "norm2.bias"), {d}});
    tensors.push_back({LayerTensor(i, "ff_gate_proj.weight"), {ff, d}});
    tensors.push_back({LayerTensor(i, "ff_up_proj.weight"), {ff, d}});
    tensors.push_back({LayerTensor(i, "ff_down_proj.weight"), {d, ff}});
  }
  tensors.push_back({"model.out_layer_norm.weight", {d}});
  tensors.push_back({"model.out_layer_norm.bias", {d}});
  tensors.push_back({kHead, {shape.vocabulary_rows, d}});
  if (shape.adapter_width > 0) {
    tensors.push_back({kAdapter, {d, shape.adapter_width}});
  }
  return tensors;
}

absl::StatusOr<std::unique_ptr<Checkpoint>> Checkpoint::Open(
    const std::string& path) {
  absl::StatusOr<std::string> weights = FindWeights(path);
  if (!weights.ok()) return weights.status();
  auto checkpoint = std::unique_ptr<Checkpoint>(new Checkpoint);
  checkpoint->path_ = *weights;
  absl::Status status = checkpoint->Load();
  if (status.ok()) return checkpoint;
  if (absl::StrContains(status.message(), *weights)) return status;
  return absl::Status(status.code(),
                      absl::StrCat("'", *weights, "': ", status.message(),
                                   "; use an intact Aria checkpoint"));
}

absl::Status Checkpoint::Load() {
  absl::StatusOr<std::unique_ptr<MappedFile>> mapping = MappedFile::Open(path_);
  if (!mapping.ok()) return mapping.status();
  mapping_ = *std::move(mapping);
  absl::StatusOr<Safetensors> file = ParseSafetensors(mapping_->bytes());
  if (!file.ok()) return file.status();
  file_ = *std::move(file);
  std::string folder = fs::path(path_).parent_path().string();
  absl::StatusOr<ModelCard> card = FindModelCard(folder.empty() ? "." : folder);
  if (!card.ok()) return card.status();
  card_ = *std::move(card);
  if (absl::Status s = StripCompilePrefix(); !s.ok()) return s;
  if (absl::Status s = ReadSizes(); !s.ok()) return s;
  return CheckTensors();
}

// Checkpoints of compiled training carry a prefix on every name.
absl::Status Checkpoint::StripCompilePrefix() {
  size_t prefixed = 0;
  for (const StoredTensor& tensor : file_.tensors) {
    if (absl::StartsWith(tensor.name, kCompilePrefix)) ++prefixed;
  }
  if (prefixed == 0) return absl::OkStatus();
  if (prefixed != file_.tensors.size()) {
    return Invalid("only ", prefixed, " of ", file_.tensors.size(),
                   " names begin with ", kCompilePrefix);
  }
  for (StoredTensor& tensor : file_.tensors) {
    tensor.name.erase(0, sizeof(kCompilePrefix) - 1);
  }
  return absl::OkStatus();
}

absl::Status Checkpoint::ReadSizes() {
  const StoredTensor* embeddings = file_.Find(kEmbeddings);
  const StoredTensor* gate = file_.Find(LayerTensor(0, "ff_gate_proj.weight"));
  for (const auto& [tensor, name] :
       {std::pair{embeddings, std::string(kEmbeddings)},
        std::pair{gate, LayerTensor(0, "ff_gate_proj.weight")}}) {
    if (tensor == nullptr) return Invalid("tensor '", name, "' is missing");
    if (tensor->shape.size() != 2 || tensor->elements == 0 ||
        std::max(tensor->shape[0], tensor->shape[1]) > kMaxDimension) {
      return Invalid("tensor '", name, "' has the shape ",
                     ShapeText(tensor->shape), ", a matrix is due");
    }
  }
  shape_.vocabulary_rows = static_cast<int>(embeddings->shape[0]);
  shape_.d_model = static_cast<int>(embeddings->shape[1]);
  shape_.d_ff = static_cast<int>(gate->shape[0]);
  while (shape_.layers < kMaxLayers &&
         file_.Find(LayerTensor(shape_.layers, "norm1.weight")) != nullptr) {
    ++shape_.layers;
  }
  const StoredTensor* adapter = file_.Find(kAdapter);
  if (adapter != nullptr && adapter->shape.size() == 2 &&
      0 < adapter->shape[1] && adapter->shape[1] <= kMaxDimension) {
    shape_.adapter_width = static_cast<int>(adapter->shape[1]);
  }
  const int usual_heads = shape_.d_model % kDefaultHeadWidth == 0
                              ? shape_.d_model / kDefaultHeadWidth
                              : 0;
  shape_.heads = card_.heads.value_or(usual_heads);
  shape_.max_position = card_.max_position.value_or(kDefaultMaxPosition);
  for (const absl::Status& status :
       {Agree(card_, "d_model", card_.d_model, shape_.d_model),
        Agree(card_, "layers", card_.layers, shape_.layers),
        Agree(card_, "d_ff", card_.d_ff, shape_.d_ff),
        Agree(card_, "vocabulary rows", card_.vocabulary_rows,
              shape_.vocabulary_rows)}) {
    if (!status.ok()) return status;
  }
  if (shape_.heads > 0 && shape_.d_model % (2 * shape_.heads) == 0) {
    return absl::OkStatus();
  }
  return Invalid("a width of ", shape_.d_model, " cannot have ", shape_.heads,
                 " heads of even width; name n_heads in config.json");
}

absl::Status Checkpoint::CheckTensors() const {
  std::set<std::string_view> known;
  const std::vector<TensorSpec> specs = TensorsOf(shape_);
  for (const TensorSpec& spec : specs) {
    const StoredTensor* tensor = file_.Find(spec.name);
    if (tensor == nullptr)
      return Invalid("tensor '", spec.name, "' is missing");
    if (tensor->shape != spec.shape) {
      return Invalid("tensor '", spec.name, "' has the shape ",
                     ShapeText(tensor->shape), ", ", ShapeText(spec.shape),
                     " is due");
    }
    if (tensor->type == StoredType::kOther) {
      return Invalid("tensor '", spec.name, "' is ", tensor->type_name,
                     "; F32, BF16 or F16 are due");
    }
    known.insert(spec.name);
  }
  for (const StoredTensor& tensor : file_.tensors) {
    if (known.count(tensor.name) == 0) {
      return Invalid("tensor '", tensor.name, "' is not one of this model's");
    }
  }
  return CheckRows();
}

absl::Status Checkpoint::CheckRows() const {
  if (card_.row_map) {
    const int ids = card_.MappedIds();
    if (card_.row_map->blocks().back().end > ids) {
      return Invalid(card_.source, "'s row_map goes beyond the ", ids,
                     " ids of its vocabulary");
    }
    return Agree(card_, "the rows of its row_map", card_.row_map->rows(),
                 shape_.vocabulary_rows);
  }
  if (card_.vocabulary.empty()) return absl::OkStatus();
  return Agree(card_, "the rows of its vocabulary",
               Vocabulary::FromName(card_.vocabulary)->size(),
               shape_.vocabulary_rows);
}

const StoredTensor& Checkpoint::Tensor(std::string_view name) const {
  const StoredTensor* tensor = file_.Find(name);
  assert(tensor != nullptr);
  return *tensor;
}

absl::Status Checkpoint::CheckFinite() const {
  for (const StoredTensor& tensor : file_.tensors) {
    if (!AllFinite(tensor)) {
      return Invalid("'", path_, "': tensor '", tensor.name,
                     "' holds NaN or infinity; use an intact checkpoint");
    }
    Release();
  }
  return absl::OkStatus();
}

std::string Checkpoint::Sha256() const {
  class Sha256 hash;
  const absl::Span<const uint8_t> bytes = mapping_->bytes();
  for (size_t begin = 0; begin < bytes.size(); begin += kHashedAtOnce) {
    hash.Add(bytes.subspan(begin, kHashedAtOnce));
    Release();
  }
  return hash.Finish();
}

std::string Checkpoint::name() const {
  if (!card_.name.empty()) return card_.name;
  const fs::path file = fs::absolute(path_);
  const std::string stem = file.stem().string();
  return stem == "model" ? file.parent_path().filename().string() : stem;
}

std::string Checkpoint::StoredTypes() const {
  std::set<std::string> types;
  for (const StoredTensor& tensor : file_.tensors)
    types.insert(tensor.type_name);
  return absl::StrJoin(types, "+");
}

}  // namespace antiphon::inference
