// SPDX-License-Identifier: Apache-2.0
//
// Any bytes as a safetensors file: refused, or tensors of different names that
// follow each other from the header's end to the file's, each as long as its
// shape and type say.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "inference/model/safetensors.h"

namespace {

using antiphon::inference::StoredTensor;
using antiphon::inference::StoredType;

void Require(bool condition) {
  if (!condition) std::abort();
}

void CheckSize(const StoredTensor& tensor) {
  int64_t elements = 1;
  for (const int64_t size : tensor.shape) {
    Require(size >= 0 && !__builtin_mul_overflow(elements, size, &elements));
  }
  Require(elements == tensor.elements);
  const auto bytes = static_cast<int64_t>(tensor.bytes.size());
  switch (tensor.type) {
    case StoredType::kF32:
      return Require(bytes == 4 * elements);
    case StoredType::kF16:
    case StoredType::kBf16:
      return Require(bytes == 2 * elements);
    case StoredType::kOther:
      return Require(bytes >= elements && bytes <= 8 * elements);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto file =
      antiphon::inference::ParseSafetensors(absl::MakeConstSpan(data, size));
  if (!file.ok()) return 0;
  size_t total = file->header_bytes;
  const StoredTensor* before = nullptr;
  for (const StoredTensor& tensor : file->tensors) {
    Require(before == nullptr || before->name < tensor.name);
    Require(file->Find(tensor.name) == &tensor);
    Require(tensor.bytes.data() >= data + file->header_bytes);
    Require(tensor.bytes.data() + tensor.bytes.size() <= data + size);
    CheckSize(tensor);
    total += tensor.bytes.size();
    before = &tensor;
  }
  Require(total == size);
  return 0;
}
