// SPDX-License-Identifier: Apache-2.0
//
// What stands beside a weights file: model.json, Antiphon's own card, or
// config.json in the manner of the reference (d_model, n_heads, …) or of
// Hugging Face (hidden_size, …). Everything is optional; what a card does say
// is checked here for its range, and against the tensors by Checkpoint.
//
// model.json:
//   {"name", "licence", "sha256", "vocabulary": "default|demo25|demo26",
//    "model": {"d_model", "n_heads", "n_layers", "d_ff", "max_seq_len",
//              "vocabulary_rows"},
//    "time_base": "real|bar", "segment_ms",
//    "sampling": {"temperature", "top_p", "min_p"},
//    "row_map": [[begin, end], …]}   ids that have rows, end excluded
// Members that are not named here are ignored. Pure functions; any thread.
#ifndef ANTIPHON_INFERENCE_MODEL_MODEL_CARD_H_
#define ANTIPHON_INFERENCE_MODEL_MODEL_CARD_H_

#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "inference/aria/row_map.h"
#include "inference/model/model.h"

namespace antiphon::inference {

inline constexpr size_t kMaxCardBytes = 1 << 20;

struct ModelCard {
  std::string source;  // file name, or "" where there is no card
  std::string name;
  std::string licence;
  std::string sha256;      // of the weights, lower-case hexadecimal
  std::string vocabulary;  // a name that Vocabulary::FromName knows, or ""
  std::optional<int> d_model;
  std::optional<int> heads;
  std::optional<int> layers;
  std::optional<int> d_ff;
  std::optional<int> max_position;
  std::optional<int> vocabulary_rows;
  std::optional<TimeBase> time_base;
  std::optional<int> segment_ms;
  std::optional<double> temperature;
  std::optional<double> top_p;
  std::optional<double> min_p;
  std::optional<RowMap> row_map;  // absent: every id of the vocabulary

  // Where there is a row map: whose ids it names, and how many there are.
  std::string MappedVocabulary() const {
    return vocabulary.empty() ? "default" : vocabulary;
  }
  int MappedIds() const {
    return Vocabulary::FromName(MappedVocabulary())->size();
  }
  // Where it is not stated: two bars, or Aria's 5000 ms.
  int SegmentMs() const {
    const bool bars = time_base == TimeBase::kBar;
    return segment_ms.value_or(bars ? 2 * kWarpedBarMs : kMaxSegmentMs);
  }
};

// Errors: InvalidArgument naming `source`, the member and its value.
absl::StatusOr<ModelCard> ParseModelCard(std::string_view text,
                                         std::string_view source);
// A config.json that describes something else (no known member) gives an empty
// card.
absl::StatusOr<ModelCard> ParseConfig(std::string_view text,
                                      std::string_view source);

// model.json in `folder`, else config.json, else an empty card.
absl::StatusOr<ModelCard> FindModelCard(const std::string& folder);

// The text of a model.json that says what `card` says.
std::string SerializeModelCard(const ModelCard& card);

}  // namespace antiphon::inference

#endif  // ANTIPHON_INFERENCE_MODEL_MODEL_CARD_H_
