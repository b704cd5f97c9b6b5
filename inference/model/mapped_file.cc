// SPDX-License-Identifier: Apache-2.0
#include "inference/model/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"

namespace antiphon::inference {
namespace {

absl::Status Failed(const std::string& path, const char* what, int error) {
  const std::string message =
      absl::StrCat("cannot ", what, " '", path, "': ", std::strerror(error),
                   "; name a readable .safetensors file or its folder");
  return error == ENOENT ? absl::NotFoundError(message)
                         : absl::FailedPreconditionError(message);
}

}  // namespace

absl::StatusOr<std::unique_ptr<MappedFile>> MappedFile::Open(
    const std::string& path) {
  // O_NONBLOCK: to open a pipe would wait for a writer. Nothing to a file.
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file < 0) return Failed(path, "open", errno);
  struct stat status {};
  absl::StatusOr<std::unique_ptr<MappedFile>> result;
  if (fstat(file, &status) != 0) {
    result = Failed(path, "inspect", errno);
  } else if (!S_ISREG(status.st_mode)) {
    result = absl::FailedPreconditionError(
        absl::StrCat("'", path,
                     "' is no regular file; name a .safetensors file or its "
                     "folder"));
  } else if (status.st_size == 0) {
    result = std::unique_ptr<MappedFile>(new MappedFile({}));
  } else {
    const size_t size = static_cast<size_t>(status.st_size);
    void* data = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file, 0);
    if (data == MAP_FAILED) {
      result = Failed(path, "map", errno);
    } else {
      result = std::unique_ptr<MappedFile>(
          new MappedFile({static_cast<const uint8_t*>(data), size}));
    }
  }
  close(file);
  return result;
}

MappedFile::~MappedFile() {
  if (bytes_.empty()) return;
  munmap(const_cast<uint8_t*>(bytes_.data()), bytes_.size());
}

void MappedFile::Release() const {
  if (bytes_.empty()) return;
  madvise(const_cast<uint8_t*>(bytes_.data()), bytes_.size(), MADV_DONTNEED);
}

}  // namespace antiphon::inference
