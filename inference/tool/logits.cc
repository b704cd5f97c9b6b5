// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "inference/model/torch_model.h"
#include "inference/tool/command.h"
#include "inference/tool/read_by_ids.h"
#include "inference/tool/token_file.h"

namespace antiphon::inference {
namespace {

constexpr size_t kChunk = 64;  // positions whose logits are held at once

absl::StatusOr<std::vector<TokenId>> ReadTokens(const std::string& path) {
  const std::string name = absl::StrCat("--tokens=", path);
  absl::StatusOr<TokenFile> file = ReadTokenFile(name, path);
  if (!file.ok()) return file.status();
  if (file->ids.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(
        name, ": holds texts alone, which are no token ids; add \"ids\""));
  }
  return std::move(file->ids);
}

// Shortest form that reads back as the same float; null for NaN and infinity.
void PrintRow(absl::Span<const float> row) {
  std::string text = "[";
  char digits[32];
  for (size_t i = 0; i < row.size(); ++i) {
    if (i > 0) text += ',';
    if (!std::isfinite(row[i])) {
      text += "null";
      continue;
    }
    const auto end = std::to_chars(digits, digits + sizeof digits, row[i]).ptr;
    text.append(digits, end);
  }
  text += ']';
  std::fwrite(text.data(), 1, text.size(), stdout);
}

size_t Argmax(absl::Span<const float> row) {
  return static_cast<size_t>(std::max_element(row.begin(), row.end()) -
                             row.begin());
}

// Prints {"logits":[…],"last_logits":[…],"argmax":[…]}, the first with `all`
// alone, chunk by chunk.
absl::Status PrintLogits(TorchModel& model, const Checkpoint& checkpoint,
                         absl::Span<const TokenId> tokens, bool all) {
  const size_t ids = static_cast<size_t>(checkpoint.ids());
  std::vector<float> logits(std::min(kChunk, tokens.size()) * ids);
  std::vector<size_t> argmax;
  for (size_t begin = 0; begin < tokens.size(); begin += kChunk) {
    const absl::Span<const TokenId> chunk = tokens.subspan(begin, kChunk);
    logits.resize(chunk.size() * ids);
    absl::Status status = ReadByIds(model, checkpoint.card().row_map, chunk,
                                    absl::MakeSpan(logits));
    if (!status.ok()) return status;
    for (size_t i = 0; i < chunk.size(); ++i) {
      const absl::Span<const float> row(logits.data() + i * ids, ids);
      argmax.push_back(Argmax(row));
      if (!all) continue;
      std::fputs(begin + i == 0 ? "{\"logits\":[" : ",", stdout);
      PrintRow(row);
    }
  }
  std::fputs(all ? "],\"last_logits\":" : "{\"last_logits\":", stdout);
  PrintRow({logits.data() + logits.size() - ids, ids});
  std::printf(",\"argmax\":%s}\n", nlohmann::json(argmax).dump().c_str());
  return absl::OkStatus();
}

}  // namespace

absl::Status RunLogits(const LogitsOptions& options) {
  absl::StatusOr<ComputeType> compute = NamedComputeType(options.dtype);
  if (!compute.ok()) return compute.status();
  const absl::StatusOr<Device> device = NamedDevice(options.device);
  if (!device.ok()) return device.status();
  if (absl::Status s = OpenDevice(*device); !s.ok()) return s;
  absl::StatusOr<std::vector<TokenId>> tokens = ReadTokens(options.tokens_file);
  if (!tokens.ok()) return tokens.status();
  absl::StatusOr<std::unique_ptr<Checkpoint>> checkpoint =
      Checkpoint::Open(options.model);
  if (!checkpoint.ok()) return checkpoint.status();
  const ModelShape& shape = (*checkpoint)->shape();
  const int positions = shape.max_position - shape.lead();
  if (tokens->size() > static_cast<size_t>(std::max(positions, 0))) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--tokens=", options.tokens_file, " holds ", tokens->size(),
        " tokens, this model reads at most ", positions));
  }
  for (TokenId id : *tokens) {
    if (id < (*checkpoint)->ids()) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("--tokens=", options.tokens_file, " holds id ", id,
                     ", this model knows 0..", (*checkpoint)->ids() - 1));
  }
  TorchModel::Options how;
  how.context_tokens = static_cast<int>(tokens->size());
  how.compute = *compute;
  how.device = *device;
  absl::StatusOr<std::unique_ptr<TorchModel>> model =
      TorchModel::Create(**checkpoint, how);
  if (!model.ok()) return model.status();
  return PrintLogits(**model, **checkpoint, *tokens, options.all);
}

}  // namespace antiphon::inference
