// SPDX-License-Identifier: Apache-2.0
//
// A checkpoint as evaluate's reader: every position's logits.
#ifndef ANTIPHON_INFERENCE_TOOL_MODEL_READER_H_
#define ANTIPHON_INFERENCE_TOOL_MODEL_READER_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "inference/evaluate/likelihood.h"
#include "inference/model/model.h"

namespace antiphon::inference {

struct OpenReader {
  std::unique_ptr<Model> model;
  Reader reader;  // of `model`
};

// Errors name the path, or say that the build is without libtorch.
absl::StatusOr<OpenReader> OpenModelReader(const std::string& path);

}  // namespace antiphon::inference

#endif  // ANTIPHON_INFERENCE_TOOL_MODEL_READER_H_
