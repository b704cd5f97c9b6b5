// SPDX-License-Identifier: Apache-2.0
//
// From --model to whoever answers: loads the checkpoint and warms it up.
#ifndef ANTIPHON_INFERENCE_MODEL_ANSWERER_H_
#define ANTIPHON_INFERENCE_MODEL_ANSWERER_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "inference/engine/job.h"

namespace antiphon::inference {

struct LoadedModel {
  std::unique_ptr<Answerer> answerer;
  std::string name;
  std::string sha256;
};

absl::StatusOr<LoadedModel> LoadAnswerer(const std::string& path,
                                         int context_tokens);

}  // namespace antiphon::inference

#endif  // ANTIPHON_INFERENCE_MODEL_ANSWERER_H_
