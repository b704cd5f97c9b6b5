// SPDX-License-Identifier: Apache-2.0
//
// What the service shows of itself, antiphon_inference_*: docs/metrics.md has a
// line for each. Every series exists at 0 from the start. Any thread.
#ifndef ANTIPHON_INFERENCE_SERVICE_INFERENCE_METRICS_H_
#define ANTIPHON_INFERENCE_SERVICE_INFERENCE_METRICS_H_

#include <array>
#include <string>

#include "common/metrics/metrics.h"
#include "common/music/note.h"
#include "inference/engine/job.h"

namespace antiphon::inference {

inline constexpr int kRefusalCodes =
    4;  // invalid, overloaded, too_late, draining

struct InferenceMetrics {
  InferenceMetrics(Metrics& metrics, const std::string& version);

  std::array<Counter*, kEndReasons> jobs{};
  std::array<Counter*, kRefusalCodes> refusals{};
  std::array<std::array<Counter*, kReasons>, kOutcomes> bars{};
  Counter* deadline_misses;
  Histogram* slack;
  Histogram* queue_time;
  Histogram* prefill_time;
  Histogram* decode_time;
  Histogram* total_time;
  Counter* tokens;
  Counter* prompt_tokens;
  Counter* dropped_messages;
  Gauge* queue_depth;
  Gauge* streams;
};

}  // namespace antiphon::inference

#endif  // ANTIPHON_INFERENCE_SERVICE_INFERENCE_METRICS_H_
