// SPDX-License-Identifier: Apache-2.0
#include "common/file.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"

namespace antiphon {
namespace {

namespace fs = std::filesystem;

const char* KindOf(fs::file_type type) {
  switch (type) {
    case fs::file_type::directory:
      return "a folder";
    case fs::file_type::fifo:
      return "a pipe";
    case fs::file_type::socket:
      return "a socket";
    default:
      return "a device";
  }
}

}  // namespace

absl::StatusOr<std::string> ReadFile(const std::string& path, size_t limit) {
  std::error_code error;
  const fs::file_type type = fs::status(path, error).type();
  if (type == fs::file_type::not_found) {
    return absl::NotFoundError(
        "does not exist; check the name, or make the file");
  }
  if (!error && type != fs::file_type::regular) {
    return absl::FailedPreconditionError(
        absl::StrCat("is no regular file but ", KindOf(type), "; name a file"));
  }
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    return absl::FailedPreconditionError(
        absl::StrCat("cannot be opened (", std::strerror(errno),
                     "); make it readable or name another file"));
  }
  std::string text;
  std::array<char, size_t{1} << 16> block;
  while (text.size() <= limit && file) {
    file.read(block.data(), block.size());
    text.append(block.data(), static_cast<size_t>(file.gcount()));
  }
  if (file.bad()) {
    return absl::FailedPreconditionError(absl::StrCat(
        "cannot be read (", std::strerror(errno), "); name another file"));
  }
  if (text.size() > limit) {
    return absl::FailedPreconditionError(
        absl::StrCat("is longer than ", limit, " bytes; name a smaller file"));
  }
  return text;
}

}  // namespace antiphon
