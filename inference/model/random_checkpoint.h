// SPDX-License-Identifier: Apache-2.0
//
// Writes a checkpoint with random weights in the real format, so that
// everything around the model can run before a trained one exists. What it
// plays is noise, and its card says so in its name. The weights are a function
// of sizes and seed, the same on every host. Streamed: memory does not grow
// with the model.
#ifndef ANTIPHON_INFERENCE_MODEL_RANDOM_CHECKPOINT_H_
#define ANTIPHON_INFERENCE_MODEL_RANDOM_CHECKPOINT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "inference/aria/vocabulary.h"
#include "inference/model/checkpoint.h"

namespace antiphon::inference {

inline constexpr std::string_view kModelSizeNames =
    "nano, tiny, small, medium or LAYERSxWIDTH";

// "nano" 4×256, "tiny" 2×128, "small" 6×384, "medium" 16×1536 (Aria's own), or
// "8x512": up to 64 layers and a width of a multiple of 64 up to 8192. Heads 64
// wide, feed-forward 4 times the width. vocabulary_rows is left 0.
std::optional<ModelShape> NamedShape(std::string_view size);

struct RandomCheckpointOptions {
  std::string size = "nano";
  VocabularyKind vocabulary = VocabularyKind::kDefault;
  // Whether it has an adapter; absent: as Aria's of that vocabulary that need
  // theirs, demo26.
  std::optional<bool> conditioned = {};
  uint64_t seed = 1;
  std::string folder;  // made if it does not exist
};

// folder/model.safetensors (F32) and folder/model.json. Errors: AlreadyExists
// where one of them is there, InvalidArgument for an unknown size,
// FailedPrecondition where the folder cannot be written.
absl::Status WriteRandomCheckpoint(const RandomCheckpointOptions& options);

}  // namespace antiphon::inference

#endif  // ANTIPHON_INFERENCE_MODEL_RANDOM_CHECKPOINT_H_
