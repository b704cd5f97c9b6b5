// SPDX-License-Identifier: Apache-2.0
#include "inference/tool/model_reader.h"

#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "inference/model/torch_model.h"

namespace antiphon::inference {

absl::StatusOr<OpenReader> OpenModelReader(const std::string& path) {
  const absl::StatusOr<std::unique_ptr<Checkpoint>> checkpoint =
      Checkpoint::Open(path);
  if (!checkpoint.ok()) return checkpoint.status();
  TorchModel::Options options;
  options.context_tokens = 2048;
  absl::StatusOr<std::unique_ptr<TorchModel>> model =
      TorchModel::Create(**checkpoint, options);
  if (!model.ok()) return model.status();
  const std::optional<RowMap> map = (*checkpoint)->card().row_map;
  ModelInfo info = (*model)->info();
  const auto rows = static_cast<size_t>(info.vocabulary_rows);
  if (map) info.vocabulary_rows = (*checkpoint)->card().MappedIds();
  const absl::StatusOr<TokenFormat> format = FormatOf(info);
  if (!format.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", path, "': ", format.status().message()));
  }
  TorchModel* const read = model->get();
  const auto ids = static_cast<size_t>(info.vocabulary_rows);
  return OpenReader{*std::move(model),
                    {*format, ids, static_cast<size_t>(info.context_tokens),
                     [read, map, rows, ids](absl::Span<const TokenId> text,
                                            absl::Span<float> logits) {
                       read->Rewind(0, 0);
                       if (!map) return read->PrefillAll(0, text, logits);
                       std::vector<TokenId> tokens(text.begin(), text.end());
                       for (TokenId& id : tokens) {
                         id = map->RowOf(id).value_or(kUnknownToken);
                       }
                       std::vector<float> by_row(text.size() * rows);
                       absl::Status status =
                           read->PrefillAll(0, tokens, absl::MakeSpan(by_row));
                       for (size_t i = 0; status.ok() && i < text.size(); ++i) {
                         map->Spread({by_row.data() + i * rows, rows}, 0,
                                     static_cast<TokenId>(ids),
                                     logits.subspan(i * ids, ids));
                       }
                       return status;
                     }}};
}

}  // namespace antiphon::inference
