// SPDX-License-Identifier: Apache-2.0
//
// What an evaluation found, as a Markdown text and as JSON. Pure functions.
#ifndef ANTIPHON_INFERENCE_EVALUATE_REPORT_H_
#define ANTIPHON_INFERENCE_EVALUATE_REPORT_H_

#include <optional>
#include <string>
#include <vector>

#include "inference/evaluate/likelihood.h"
#include "inference/evaluate/pairing.h"
#include "inference/evaluate/rows.h"

namespace antiphon::inference {

struct Report {
  std::string model;  // name, "" without a model
  std::optional<Likelihood> likelihood;
  std::optional<Pairing> pairing;
  std::optional<Likelihood> four_gram;
  size_t windows = 0;       // of 2 + 2 bars
  size_t long_windows = 0;  // of 8 + 8 bars
  std::vector<Row> rows;    // the first one is the human's
  std::vector<Row> long_rows;
  std::vector<std::string> remarks;
};

std::string MarkdownOf(const Report& report);

// {"model", "nats_per_note", "by_source":{name: nats per note}, "by_class":
// {name: nats per token}, "pairing", "four_gram_nats_per_note", "windows",
// "rows":{"human":{"pch_overlap", …, "answers"}, …}, "windows_8_8",
// "rows_8_8", "remarks"}; null for what was not measured.
std::string JsonOf(const Report& report);

}  // namespace antiphon::inference

#endif  // ANTIPHON_INFERENCE_EVALUATE_REPORT_H_
