// SPDX-License-Identifier: Apache-2.0
#include "inference/tool/command.h"
#include "inference/tool/model_reader.h"

namespace antiphon::inference {

absl::Status RunLogits(const LogitsOptions&) {
  return absl::InvalidArgumentError(
      "logits needs libtorch, which this build is without; build with "
      "-DANTIPHON_TORCH=ON");
}

absl::Status RunBench(const BenchOptions&) {
  return absl::InvalidArgumentError(
      "bench needs libtorch, which this build is without; build with "
      "-DANTIPHON_TORCH=ON");
}

absl::Status RunTrain(const TrainOptions&) {
  return absl::InvalidArgumentError(
      "train needs libtorch, which this build is without; build with "
      "-DANTIPHON_TORCH=ON");
}

absl::StatusOr<OpenReader> OpenModelReader(const std::string&) {
  return absl::InvalidArgumentError(
      "evaluate --model needs libtorch, which this build is without; build "
      "with -DANTIPHON_TORCH=ON, or leave --model out");
}

}  // namespace antiphon::inference
