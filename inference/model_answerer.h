// SPDX-License-Identifier: Apache-2.0
//
// From --model to whoever answers: loads the checkpoint and warms it up.
#ifndef ANTIPHON_INFERENCE_MODEL_ANSWERER_H_
#define ANTIPHON_INFERENCE_MODEL_ANSWERER_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "inference/engine/job.h"
#include "inference/model/device.h"
#include "inference/model/model.h"

namespace antiphon::inference {

struct LoadedModel {
  std::unique_ptr<Answerer> answerer;
  ModelInfo info;
};

struct LoadOptions {
  std::string path;              // --model: a folder or a file
  int context_tokens = 1024;     // of one musician's slot
  int threads = 1;               // of the computation
  std::string dtype = "auto";    // of weights and products: torch_model.h
  Device device = Device::kCpu;  // opened already: device.h
  int first_notes = 1;           // candidates, 1..kMaxFirstNotes
};

// The error names the path.
absl::StatusOr<LoadedModel> LoadAnswerer(const LoadOptions& options);

}  // namespace antiphon::inference

#endif  // ANTIPHON_INFERENCE_MODEL_ANSWERER_H_
