// SPDX-License-Identifier: Apache-2.0
//
// The music that evaluate measures with: pieces on disk, and what the list of
// windows cuts from them. Errors name the file. One thread.
#ifndef ANTIPHON_INFERENCE_TOOL_EVALUATE_DATA_H_
#define ANTIPHON_INFERENCE_TOOL_EVALUATE_DATA_H_

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "inference/aria/piece.h"
#include "inference/evaluate/ngram.h"
#include "inference/evaluate/rows.h"
#include "inference/evaluate/text.h"
#include "inference/tool/command.h"

namespace antiphon::inference {

struct EvaluationData {
  std::map<std::string, Piece> pieces;  // all that the windows' file names
  std::vector<Case> cases;              // 2 + 2 bars
  std::vector<Case> long_cases;         // 8 + 8 bars
};
absl::StatusOr<EvaluationData> ReadEvaluationData(
    const EvaluateOptions& options);

// Lets `ngram` learn every MIDI file below `folder`; says on standard error
// which are skipped, and why. Returns how many are not; none is an error.
absl::StatusOr<int> LearnFolder(const std::string& folder,
                                const TokenFormat& format, Ngram& ngram);

}  // namespace antiphon::inference

#endif  // ANTIPHON_INFERENCE_TOOL_EVALUATE_DATA_H_
