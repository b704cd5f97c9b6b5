// SPDX-License-Identifier: Apache-2.0
//
// A JSON file of tokens: {"tokens":[ids]}, {"ids":[ids]}, {"tokens":[texts]}
// or, as `tokenize` prints it, texts and ids of the same tokens. At most 16
// MiB.
#ifndef ANTIPHON_INFERENCE_TOOL_TOKEN_FILE_H_
#define ANTIPHON_INFERENCE_TOOL_TOKEN_FILE_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "inference/aria/vocabulary.h"

namespace antiphon::inference {

struct TokenFile {
  // One of the two is empty where the file has only the other.
  std::vector<TokenId> ids;  // 0..2^30, of no particular vocabulary
  std::vector<std::string> texts;
};

// Messages begin with `name`: how the command line names the file.
absl::StatusOr<TokenFile> ReadTokenFile(const std::string& name,
                                        const std::string& path);

}  // namespace antiphon::inference

#endif  // ANTIPHON_INFERENCE_TOOL_TOKEN_FILE_H_
