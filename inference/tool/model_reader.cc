// SPDX-License-Identifier: Apache-2.0
#include "inference/tool/model_reader.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "inference/tool/read_by_ids.h"

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
  ModelInfo info = (*model)->info();
  info.vocabulary_rows = (*checkpoint)->ids();
  const absl::StatusOr<TokenFormat> format = FormatOf(info);
  if (!format.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", path, "': ", format.status().message()));
  }
  TorchModel* const read = model->get();
  return OpenReader{
      *std::move(model),
      {*format, static_cast<size_t>(info.vocabulary_rows),
       static_cast<size_t>(info.context_tokens),
       [read, map = (*checkpoint)->card().row_map](
           absl::Span<const TokenId> text, absl::Span<float> logits) {
         read->Rewind(0, 0);
         return ReadByIds(*read, map, text, logits);
       }}};
}

}  // namespace antiphon::inference
