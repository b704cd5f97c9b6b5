// SPDX-License-Identifier: Apache-2.0
//
// A folder's checkpoints for people: a line for each, by name, with vocabulary,
// size, stored type and memory, or why it cannot be used. Reads headers alone.
#ifndef ANTIPHON_INFERENCE_TOOL_CHECKPOINT_LIST_H_
#define ANTIPHON_INFERENCE_TOOL_CHECKPOINT_LIST_H_

#include <string>
#include <vector>

namespace antiphon::inference {

// *.safetensors in `folder` and in the folders directly inside it, sorted,
// relative to it. Empty for what is no folder.
std::vector<std::string> CheckpointsIn(const std::string& folder);

// Memory is for one musician with 1024 tokens of context.
void PrintCheckpoints(const std::string& folder,
                      const std::vector<std::string>& files);

}  // namespace antiphon::inference

#endif  // ANTIPHON_INFERENCE_TOOL_CHECKPOINT_LIST_H_
