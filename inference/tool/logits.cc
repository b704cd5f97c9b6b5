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

// One row of logits for each position, in chunks: by id, also where the model
// has rows for a few of them alone.
class Reading {
 public:
  Reading(TorchModel& model, const ModelCard& card)
      : model_(model),
        map_(card.row_map),
        rows_(static_cast<size_t>(model.info().vocabulary_rows)) {
    if (map_) by_id_.resize(static_cast<size_t>(card.MappedIds()));
  }

  absl::Status Read(absl::Span<const TokenId> chunk) {
    std::vector<TokenId> tokens(chunk.begin(), chunk.end());
    if (map_) {
      for (TokenId& id : tokens) id = map_->RowOf(id).value_or(kUnknownToken);
    }
    logits_.resize(chunk.size() * rows_);
    return model_.PrefillAll(0, tokens, absl::MakeSpan(logits_));
  }
  // Of position `i` of the chunk; valid until the next call.
  absl::Span<const float> Row(size_t i) {
    const absl::Span<const float> row(logits_.data() + i * rows_, rows_);
    if (!map_) return row;
    map_->Spread(row, 0, static_cast<TokenId>(by_id_.size()),
                 absl::MakeSpan(by_id_));
    return by_id_;
  }

 private:
  TorchModel& model_;
  const std::optional<RowMap>& map_;
  const size_t rows_;
  std::vector<float> logits_;
  std::vector<float> by_id_;
};

// Prints {"logits":[…],"last_logits":[…],"argmax":[…]}, the first with `all`
// alone, chunk by chunk.
absl::Status PrintLogits(Reading& reading, absl::Span<const TokenId> tokens,
                         bool all) {
  std::vector<size_t> argmax;
  absl::Span<const float> row;
  for (size_t begin = 0; begin < tokens.size(); begin += kChunk) {
    const absl::Span<const TokenId> chunk = tokens.subspan(begin, kChunk);
    absl::Status status = reading.Read(chunk);
    if (!status.ok()) return status;
    for (size_t i = 0; i < chunk.size(); ++i) {
      row = reading.Row(i);
      argmax.push_back(Argmax(row));
      if (!all) continue;
      std::fputs(begin + i == 0 ? "{\"logits\":[" : ",", stdout);
      PrintRow(row);
    }
  }
  std::fputs(all ? "],\"last_logits\":" : "{\"last_logits\":", stdout);
  PrintRow(row);
  std::printf(",\"argmax\":%s}\n", nlohmann::json(argmax).dump().c_str());
  return absl::OkStatus();
}

// How many ids a checkpoint reads.
int IdsOf(const Checkpoint& checkpoint) {
  const ModelCard& card = checkpoint.card();
  return card.row_map ? card.MappedIds() : checkpoint.shape().vocabulary_rows;
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
    if (id < IdsOf(**checkpoint)) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("--tokens=", options.tokens_file, " holds id ", id,
                     ", this model knows 0..", IdsOf(**checkpoint) - 1));
  }
  TorchModel::Options how;
  how.context_tokens = static_cast<int>(tokens->size());
  how.compute = *compute;
  how.device = *device;
  absl::StatusOr<std::unique_ptr<TorchModel>> model =
      TorchModel::Create(**checkpoint, how);
  if (!model.ok()) return model.status();
  Reading reading(**model, (*checkpoint)->card());
  return PrintLogits(reading, *tokens, options.all);
}

}  // namespace antiphon::inference
