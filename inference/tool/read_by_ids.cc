// SPDX-License-Identifier: Apache-2.0
#include "inference/tool/read_by_ids.h"

#include <vector>

namespace antiphon::inference {

absl::Status ReadByIds(TorchModel& model, const std::optional<RowMap>& map,
                       absl::Span<const TokenId> tokens,
                       absl::Span<float> logits) {
  if (!map || tokens.empty()) return model.PrefillAll(0, tokens, logits);
  std::vector<TokenId> rows;
  for (const TokenId id : tokens) rows.push_back(map->RowOrUnknown(id));
  const auto width = static_cast<size_t>(map->rows());
  std::vector<float> by_row(tokens.size() * width);
  absl::Status status = model.PrefillAll(0, rows, absl::MakeSpan(by_row));
  if (!status.ok()) return status;
  const size_t ids = logits.size() / tokens.size();
  for (size_t i = 0; i < tokens.size(); ++i) {
    map->Spread({by_row.data() + i * width, width}, 0,
                static_cast<TokenId>(ids), logits.subspan(i * ids, ids));
  }
  return absl::OkStatus();
}

}  // namespace antiphon::inference
