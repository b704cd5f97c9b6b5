// SPDX-License-Identifier: Apache-2.0
#include "inference/service/inference_metrics.h"

namespace antiphon::inference {
namespace {

const std::vector<double> kSlackBounds = {
    -2, -1, -0.5, -0.2, -0.1, -0.05, 0, 0.05, 0.1, 0.2, 0.5, 1, 2, 4};
const std::vector<double> kLatencyBounds = {
    0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5};
constexpr std::array<const char*, kRefusalCodes> kRefusals = {
    "invalid", "overloaded", "too_late", "draining"};

}  // namespace

InferenceMetrics::InferenceMetrics(Metrics& m, const std::string& version) {
  for (int i = 0; i < kEndReasons; ++i) {
    jobs[static_cast<size_t>(i)] =
        m.AddCounter("antiphon_inference_jobs_total", "Jobs ended, by reason",
                     {{"end", ToString(static_cast<EndReason>(i))}});
  }
  for (size_t i = 0; i < kRefusals.size(); ++i) {
    refusals[i] =
        m.AddCounter("antiphon_inference_refusals_total",
                     "Jobs refused, by code", {{"code", kRefusals[i]}});
  }
  for (int o = 0; o < kOutcomes; ++o) {
    for (int r = 0; r < kReasons; ++r) {
      bars[static_cast<size_t>(o)][static_cast<size_t>(r)] =
          m.AddCounter("antiphon_inference_bars_total",
                       "Bars that edges reported, by outcome and reason",
                       {{"outcome", ToString(static_cast<Outcome>(o))},
                        {"reason", ToString(static_cast<Reason>(r))}});
    }
  }
  deadline_misses =
      m.AddCounter("antiphon_inference_deadline_misses_total",
                   "Jobs whose answer had not begun by the deadline");
  slack = m.AddHistogram("antiphon_inference_bar_slack_seconds",
                         "Slack that edges reported; negative: missed",
                         kSlackBounds);
  const auto phase = [&](const char* name) {
    return m.AddHistogram("antiphon_inference_phase_seconds",
                          "Time of a job, by phase", kLatencyBounds,
                          {{"phase", name}});
  };
  queue_time = phase("queue");
  prefill_time = phase("prefill");
  decode_time = phase("decode");
  total_time = phase("total");
  tokens = m.AddCounter("antiphon_inference_tokens_total", "Tokens generated");
  prompt_tokens = m.AddCounter("antiphon_inference_prompt_tokens_total",
                               "Tokens of the contexts");
  dropped_messages = m.AddCounter("antiphon_inference_dropped_messages_total",
                                  "Messages to edges that did not read theirs");
  queue_depth = m.AddGauge("antiphon_inference_queue_depth", "Jobs that wait");
  streams = m.AddGauge("antiphon_inference_streams", "Musicians connected");
  m.AddGauge("antiphon_inference_build_info", "1; the version is a label",
             {{"version", version}})
      ->Set(1);
}

}  // namespace antiphon::inference
