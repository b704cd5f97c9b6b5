// SPDX-License-Identifier: Apache-2.0
//
// A file's bytes, mapped read-only into memory: nothing is read before it is
// touched, and pages may be dropped again by the system. Immutable; any thread.
// The file must not be truncated while it is mapped.
#ifndef ANTIPHON_INFERENCE_MODEL_MAPPED_FILE_H_
#define ANTIPHON_INFERENCE_MODEL_MAPPED_FILE_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace antiphon::inference {

class MappedFile {
 public:
  // Errors: NotFound or FailedPrecondition naming the path. An empty file is
  // a valid, empty mapping.
  static absl::StatusOr<std::unique_ptr<MappedFile>> Open(
      const std::string& path);

  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  absl::Span<const uint8_t> bytes() const { return bytes_; }
  // Gives back the memory of what was read so far; to read it again is fine.
  void Release() const;

 private:
  explicit MappedFile(absl::Span<const uint8_t> bytes) : bytes_(bytes) {}

  absl::Span<const uint8_t> bytes_;
};

}  // namespace antiphon::inference

#endif  // ANTIPHON_INFERENCE_MODEL_MAPPED_FILE_H_
