// SPDX-License-Identifier: Apache-2.0
//
// The rows of the table: what people, baselines and models answer to the same
// calls, measured alike. One thread.
#ifndef ANTIPHON_INFERENCE_EVALUATE_ROWS_H_
#define ANTIPHON_INFERENCE_EVALUATE_ROWS_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "inference/engine/job.h"
#include "inference/evaluate/baselines.h"
#include "inference/evaluate/metrics.h"
#include "inference/evaluate/passage.h"
#include "inference/model/model.h"

namespace antiphon::inference {

// A call, what the human went on with, and the tempos from its first line on.
struct Case {
  std::string file;
  Passage call;
  Passage human;
  std::vector<TempoChange> tempos;
};

struct Row {
  std::string name;   // "repeat_last_bar": as in JSON
  std::string label;  // as in the table
  size_t answers = 0;
  Metrics mean{};
};

// An answer to the case; `random` is another one for each sample.
using Answering =
    std::function<absl::StatusOr<Passage>(const Case& one, Random& random)>;

struct RowOptions {
  std::string name;
  std::string label;
  int samples = 1;
  uint64_t seed = 1;
};
// Means over `samples` answers to each case. `on_case`, where given, is called
// after each.
absl::StatusOr<Row> RowOf(const RowOptions& options,
                          const std::vector<Case>& cases,
                          const Answering& answer,
                          const std::function<void()>& on_case = nullptr);

// The human row and those baselines that need no training, in order.
absl::StatusOr<std::vector<Row>> BaselineRows(const std::vector<Case>& cases,
                                              int samples, uint64_t seed);

struct ModelAnswers {
  Answerer* answerer = nullptr;      // not owned
  std::optional<Sampling> sampling;  // the card's where absent
  bool jitter = false;               // of the call that the model gets
};
// Bar by bar through jobs, as the service: the context is the call and the
// answer so far.
Answering ModelAnswering(const ModelAnswers& how);

}  // namespace antiphon::inference

#endif  // ANTIPHON_INFERENCE_EVALUATE_ROWS_H_
