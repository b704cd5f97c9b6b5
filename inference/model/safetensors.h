// SPDX-License-Identifier: Apache-2.0
//
// Reads safetensors files (huggingface/safetensors, format text of 0.4):
// an 8-byte little-endian header length, a JSON header, then the data. Strict:
// the tensors must fill the data exactly, without holes or overlaps, names must
// be unique, and each range must have the size that shape and type say. Bytes
// come from outside, so every error is a status that names the tensor and the
// value; nothing is allocated that the header does not need.
// Limit: kMaxSafetensorsHeader. Pure function; any thread.
#ifndef ANTIPHON_INFERENCE_MODEL_SAFETENSORS_H_
#define ANTIPHON_INFERENCE_MODEL_SAFETENSORS_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace antiphon::inference {

inline constexpr size_t kMaxSafetensorsHeader = 100'000'000;  // the format's

enum class StoredType {
  kF32,
  kF16,
  kBf16,
  kOther,  // of the format, but none that a model may use
};

struct StoredTensor {
  std::string name;
  StoredType type = StoredType::kOther;
  std::string type_name;  // "F32", "BF16", …
  std::vector<int64_t> shape;
  int64_t elements = 0;
  // Inside the file that was parsed, little-endian, row-major. Not aligned.
  absl::Span<const uint8_t> bytes;
};

struct Safetensors {
  std::vector<StoredTensor> tensors;  // sorted by name
  size_t header_bytes = 0;            // length field included

  const StoredTensor* Find(std::string_view name) const;  // null: no such
};

// The result points into `file`. Errors: InvalidArgument.
absl::StatusOr<Safetensors> ParseSafetensors(absl::Span<const uint8_t> file);

// "[192,64]".
std::string ShapeText(absl::Span<const int64_t> shape);

}  // namespace antiphon::inference

#endif  // ANTIPHON_INFERENCE_MODEL_SAFETENSORS_H_
