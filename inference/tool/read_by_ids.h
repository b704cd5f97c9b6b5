// SPDX-License-Identifier: Apache-2.0
//
// Logits of every position by id, also of a checkpoint that has rows for some
// ids alone: those without are read as <U> and are -infinity. Owner: the
// model's.
#ifndef ANTIPHON_INFERENCE_TOOL_READ_BY_IDS_H_
#define ANTIPHON_INFERENCE_TOOL_READ_BY_IDS_H_

#include <optional>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "inference/aria/row_map.h"
#include "inference/model/torch_model.h"

namespace antiphon::inference {

// Appends to the trunk of slot 0. `logits`: a row of ids for each token.
absl::Status ReadByIds(TorchModel& model, const std::optional<RowMap>& map,
                       absl::Span<const TokenId> tokens,
                       absl::Span<float> logits);

}  // namespace antiphon::inference

#endif  // ANTIPHON_INFERENCE_TOOL_READ_BY_IDS_H_
