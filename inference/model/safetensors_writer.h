// SPDX-License-Identifier: Apache-2.0
//
// Writes safetensors files (the format of safetensors.h): to a draft beside the
// file, which takes the file's place only when it is whole. Streams: memory
// does not grow with the tensors. One thread.
#ifndef ANTIPHON_INFERENCE_MODEL_SAFETENSORS_WRITER_H_
#define ANTIPHON_INFERENCE_MODEL_SAFETENSORS_WRITER_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace antiphon::inference {

struct TensorPlan {
  std::string name;
  std::string type;  // "F32" or "BF16"
  std::vector<int64_t> shape;

  int64_t bytes() const;
};

class SafetensorsWriter {
 public:
  SafetensorsWriter(std::string path, const std::vector<TensorPlan>& tensors);
  ~SafetensorsWriter();

  // The bytes of all tensors, in the order of the plan, in pieces of any size.
  void Write(absl::Span<const uint8_t> bytes);
  // The file's sha256. FailedPrecondition where it cannot be written.
  absl::StatusOr<std::string> Finish();

 private:
  struct File;

  const std::string path_;
  std::unique_ptr<File> file_;
};

}  // namespace antiphon::inference

#endif  // ANTIPHON_INFERENCE_MODEL_SAFETENSORS_WRITER_H_
