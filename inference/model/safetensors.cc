// SPDX-License-Identifier: Apache-2.0
#include "inference/model/safetensors.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "nlohmann/json.hpp"

namespace antiphon::inference {
namespace {

using Json = nlohmann::json;

constexpr size_t kLengthField = 8;
constexpr std::string_view kMetadataKey = "__metadata__";

template <typename... Args>
absl::Status Invalid(const Args&... args) {
  return absl::InvalidArgumentError(absl::StrCat(args...));
}

// Reads the header once without building anything: refuses deep nesting and
// names that stand twice in one object, which a tree of values cannot show.
class HeaderGuard : public nlohmann::json_sax<Json> {
 public:
  const std::string& problem() const { return problem_; }

  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(int64_t) override { return true; }
  bool number_unsigned(uint64_t) override { return true; }
  bool number_float(double, const std::string&) override { return true; }
  bool string(std::string&) override { return true; }
  bool binary(Json::binary_t&) override { return true; }
  bool start_object(size_t) override { return Descend(); }
  bool end_object() override { return Ascend(); }
  bool start_array(size_t) override { return Descend(); }
  bool end_array() override { return Ascend(); }
  bool key(std::string& name) override {
    if (names_.back().insert(name).second) return true;
    return Refuse(absl::StrCat("the header names '", name, "' twice"));
  }
  bool parse_error(size_t position, const std::string&,
                   const nlohmann::detail::exception&) override {
    return Refuse(
        absl::StrCat("the header is not JSON at its byte ", position));
  }

 private:
  // The header, an entry, its shape.
  static constexpr size_t kMaxDepth = 3;

  bool Descend() {
    names_.emplace_back();
    if (names_.size() <= kMaxDepth) return true;
    return Refuse("the header nests deeper than a tensor's entry");
  }
  bool Ascend() {
    names_.pop_back();
    return true;
  }
  bool Refuse(std::string problem) {
    problem_ = std::move(problem);
    return false;
  }

  std::vector<std::set<std::string>> names_;
  std::string problem_;
};

struct TypeSize {
  std::string_view name;
  StoredType type;
  uint64_t bytes;
};

constexpr TypeSize kTypes[] = {
    {"F32", StoredType::kF32, 4},       {"F16", StoredType::kF16, 2},
    {"BF16", StoredType::kBf16, 2},     {"F64", StoredType::kOther, 8},
    {"I64", StoredType::kOther, 8},     {"I32", StoredType::kOther, 4},
    {"I16", StoredType::kOther, 2},     {"I8", StoredType::kOther, 1},
    {"U64", StoredType::kOther, 8},     {"U32", StoredType::kOther, 4},
    {"U16", StoredType::kOther, 2},     {"U8", StoredType::kOther, 1},
    {"BOOL", StoredType::kOther, 1},    {"F8_E5M2", StoredType::kOther, 1},
    {"F8_E4M3", StoredType::kOther, 1},
};

const TypeSize* FindType(std::string_view name) {
  for (const TypeSize& type : kTypes) {
    if (type.name == name) return &type;
  }
  return nullptr;
}

// Little-endian on any host.
uint64_t LengthField(absl::Span<const uint8_t> file) {
  uint64_t length = 0;
  for (size_t i = kLengthField; i-- > 0;) length = length << 8 | file[i];
  return length;
}

absl::StatusOr<Json> ParseHeader(std::string_view text) {
  if (text.empty() || text.front() != '{') {
    return Invalid("not a safetensors file: the header does not begin with {");
  }
  HeaderGuard guard;
  if (!Json::sax_parse(text.begin(), text.end(), &guard)) {
    return Invalid(guard.problem());
  }
  Json header = Json::parse(text.begin(), text.end(), nullptr, false);
  if (!header.is_object()) return Invalid("the header is no JSON object");
  return header;
}

absl::Status CheckMetadata(const Json& metadata) {
  if (!metadata.is_object()) return Invalid("__metadata__ is no JSON object");
  for (const auto& [key, value] : metadata.items()) {
    if (!value.is_string()) {
      return Invalid("__metadata__ entry '", key, "' is no string");
    }
  }
  return absl::OkStatus();
}

// Whole, not negative, at most what an int64 holds.
std::optional<uint64_t> AsSize(const Json& value) {
  if (!value.is_number_unsigned()) return std::nullopt;
  const uint64_t size = value.get<uint64_t>();
  if (size > uint64_t{std::numeric_limits<int64_t>::max()}) return std::nullopt;
  return size;
}

absl::Status ReadShape(const Json& entry, uint64_t element_bytes,
                       StoredTensor& tensor) {
  const auto shape = entry.find("shape");
  if (shape == entry.end() || !shape->is_array()) {
    return Invalid("tensor '", tensor.name, "' has no array \"shape\"");
  }
  uint64_t bytes = element_bytes;
  for (const Json& value : *shape) {
    const std::optional<uint64_t> size = AsSize(value);
    if (!size || __builtin_mul_overflow(bytes, *size, &bytes)) {
      return Invalid(
          "tensor '", tensor.name, "' has the shape ",
          shape->dump(-1, ' ', false, Json::error_handler_t::replace),
          ", which no file can hold");
    }
    tensor.shape.push_back(static_cast<int64_t>(*size));
  }
  tensor.elements = static_cast<int64_t>(bytes / element_bytes);
  return absl::OkStatus();
}

absl::Status ReadRange(const Json& entry, uint64_t element_bytes,
                       absl::Span<const uint8_t> data, StoredTensor& tensor) {
  const auto offsets = entry.find("data_offsets");
  if (offsets == entry.end() || !offsets->is_array() || offsets->size() != 2) {
    return Invalid("tensor '", tensor.name, "' has no two \"data_offsets\"");
  }
  const std::optional<uint64_t> begin = AsSize((*offsets)[0]);
  const std::optional<uint64_t> end = AsSize((*offsets)[1]);
  if (!begin || !end || *begin > *end || *end > data.size()) {
    return Invalid(
        "tensor '", tensor.name, "' lies at ",
        offsets->dump(-1, ' ', false, Json::error_handler_t::replace),
        ", outside the ", data.size(), " bytes of data");
  }
  tensor.bytes = data.subspan(*begin, *end - *begin);
  const uint64_t wanted =
      static_cast<uint64_t>(tensor.elements) * element_bytes;
  if (wanted == tensor.bytes.size()) return absl::OkStatus();
  return Invalid("tensor '", tensor.name, "' ", tensor.type_name,
                 ShapeText(tensor.shape), " needs ", wanted,
                 " bytes, its range has ", tensor.bytes.size());
}

absl::StatusOr<StoredTensor> ReadEntry(const std::string& name,
                                       const Json& entry,
                                       absl::Span<const uint8_t> data) {
  if (!entry.is_object()) {
    return Invalid("the entry of tensor '", name, "' is no JSON object");
  }
  StoredTensor tensor;
  tensor.name = name;
  const auto type_name = entry.find("dtype");
  if (type_name == entry.end() || !type_name->is_string()) {
    return Invalid("tensor '", name, "' has no \"dtype\"");
  }
  tensor.type_name = type_name->get<std::string>();
  const TypeSize* type = FindType(tensor.type_name);
  if (type == nullptr) {
    return Invalid("tensor '", name, "' has the unknown dtype '",
                   tensor.type_name, "'");
  }
  tensor.type = type->type;
  absl::Status status = ReadShape(entry, type->bytes, tensor);
  if (!status.ok()) return status;
  status = ReadRange(entry, type->bytes, data, tensor);
  if (!status.ok()) return status;
  return tensor;
}

// The tensors must follow each other and fill the data.
absl::Status CheckCoverage(const std::vector<StoredTensor>& tensors,
                           absl::Span<const uint8_t> data) {
  std::vector<const StoredTensor*> order;
  for (const StoredTensor& tensor : tensors) order.push_back(&tensor);
  std::sort(order.begin(), order.end(),
            [](const StoredTensor* a, const StoredTensor* b) {
              return a->bytes.data() != b->bytes.data()
                         ? a->bytes.data() < b->bytes.data()
                         : a->bytes.size() < b->bytes.size();
            });
  const uint8_t* position = data.data();
  for (const StoredTensor* tensor : order) {
    if (tensor->bytes.data() != position) {
      return Invalid("tensor '", tensor->name, "' begins at byte ",
                     tensor->bytes.data() - data.data(), " of the data, where ",
                     position - data.data(),
                     " is due: holes and overlaps are not allowed");
    }
    position += tensor->bytes.size();
  }
  if (position == data.data() + data.size()) return absl::OkStatus();
  return Invalid("the last tensor ends at byte ", position - data.data(),
                 " of ", data.size(), " bytes of data");
}

}  // namespace

const StoredTensor* Safetensors::Find(std::string_view name) const {
  const auto found = std::lower_bound(
      tensors.begin(), tensors.end(), name,
      [](const StoredTensor& t, std::string_view n) { return t.name < n; });
  return found != tensors.end() && found->name == name ? &*found : nullptr;
}

absl::StatusOr<Safetensors> ParseSafetensors(absl::Span<const uint8_t> file) {
  if (file.size() < kLengthField) {
    return Invalid("not a safetensors file: ", file.size(),
                   " bytes do not hold the length of a header");
  }
  const uint64_t length = LengthField(file);
  const absl::Span<const uint8_t> rest = file.subspan(kLengthField);
  if (length > kMaxSafetensorsHeader || length > rest.size()) {
    return Invalid("not a safetensors file, or truncated: it announces ",
                   length, " bytes of header, ", rest.size(), " follow");
  }
  const size_t header_size = static_cast<size_t>(length);
  absl::StatusOr<Json> header = ParseHeader(std::string_view(
      reinterpret_cast<const char*>(rest.data()), header_size));
  if (!header.ok()) return header.status();
  const absl::Span<const uint8_t> data = rest.subspan(header_size);

  Safetensors result;
  result.header_bytes = kLengthField + header_size;
  for (const auto& [name, entry] : header->items()) {  // in order of name
    if (name == kMetadataKey) {
      absl::Status status = CheckMetadata(entry);
      if (!status.ok()) return status;
      continue;
    }
    absl::StatusOr<StoredTensor> tensor = ReadEntry(name, entry, data);
    if (!tensor.ok()) return tensor.status();
    result.tensors.push_back(*std::move(tensor));
  }
  absl::Status status = CheckCoverage(result.tensors, data);
  if (!status.ok()) return status;
  return result;
}

std::string ShapeText(absl::Span<const int64_t> shape) {
  return absl::StrCat("[", absl::StrJoin(shape, ","), "]");
}

}  // namespace antiphon::inference
