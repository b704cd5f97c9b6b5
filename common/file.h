// SPDX-License-Identifier: Apache-2.0
//
// Reads a whole file that somebody named on a command line or put beside a
// checkpoint. Only regular files: to open a pipe would wait for a writer that
// may never come, a device may have no end. Blocks on the disk, so not for the
// real-time thread.
// A file longer than `limit` bytes is refused.
#ifndef ANTIPHON_COMMON_FILE_H_
#define ANTIPHON_COMMON_FILE_H_

#include <cstddef>
#include <string>

#include "absl/status/statusor.h"

namespace antiphon {

// NotFound or FailedPrecondition; the message says what is wrong with the file
// and what to do, not its name: "is no regular file but a pipe; name a file".
absl::StatusOr<std::string> ReadFile(const std::string& path, size_t limit);

}  // namespace antiphon

#endif  // ANTIPHON_COMMON_FILE_H_
