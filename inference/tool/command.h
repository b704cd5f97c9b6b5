// SPDX-License-Identifier: Apache-2.0
//
// The subcommands of antiphon-model. Each writes its result to standard output
// and returns OK, or a status of one line that names the value and the remedy.
// A status of bad input (InvalidArgument, NotFound, …) ends with exit code 2,
// of a failure (Internal, …) with 1. One thread.
#ifndef ANTIPHON_INFERENCE_TOOL_COMMAND_H_
#define ANTIPHON_INFERENCE_TOOL_COMMAND_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "inference/aria/vocabulary.h"

namespace antiphon::inference {

// The vocabulary that --vocab names.
absl::StatusOr<Vocabulary> NamedVocabulary(const std::string& name);

struct InfoOptions {
  std::string model;  // file, folder of one, or folder of several
};
absl::Status RunInfo(const InfoOptions& options);

struct InitOptions {
  std::string config;
  std::string vocabulary;
  uint64_t seed = 1;
  std::string folder;
};
absl::Status RunInit(const InitOptions& options);

struct TokenizeOptions {
  std::string file;
  std::string vocabulary;
  bool keep_silence = false;
  bool remove_redundant_pedals = false;
  std::optional<int64_t> inference_prompt_ms;
  std::optional<int64_t> cut_ms;  // above 0; with it, of those above none
};
absl::Status RunTokenize(const TokenizeOptions& options);

struct DetokenizeOptions {
  std::string file;
  std::string out;
  std::string vocabulary;  // "": the one that the tokens belong to
};
absl::Status RunDetokenize(const DetokenizeOptions& options);

struct GenerateOptions {
  std::string model;
  std::string prompt;
  int bars = 0;                       // 1..kMaxGeneratedBars
  std::optional<double> temperature;  // the model card's where absent
  std::optional<double> top_p;        // replaces the card's min_p
  uint64_t seed = 1;
  std::string dtype;  // "auto", "fp32" or "bf16"
  std::string out;
};
inline constexpr int kMaxGeneratedBars = 1024;
absl::Status RunGenerate(const GenerateOptions& options);

struct LogitsOptions {
  std::string model;
  std::string tokens_file;
  std::string dtype;   // "fp32" or "bf16"
  std::string device;  // "cpu" or "cuda"
  bool all = false;
};
absl::Status RunLogits(const LogitsOptions& options);

struct BenchOptions {
  std::string model;
  std::string dtype;   // "fp32" or "bf16"
  std::string device;  // "cpu" or "cuda"
};
absl::Status RunBench(const BenchOptions& options);

struct TrainOptions {
  std::string midi;   // folder
  std::string valid;  // folder; "": nothing is judged on the way
  std::string out;    // folder
  std::optional<std::string> config;  // nano, or as `init_from` is
  std::string init_from;  // checkpoint to begin with; "": random weights
  std::optional<int64_t> million_tokens;  // 40, or 2 with `init_from`
  int sequences = 8;                      // a step, of 512 tokens each
  std::optional<double> rate;
  double dropout = 0;
  uint64_t seed = 1;
  int threads = 2;
  std::string device;  // "cpu" or "cuda"
};
absl::Status RunTrain(const TrainOptions& options);

struct EvaluateOptions {
  std::string model;    // "": the baselines alone
  std::string midi;     // folder that the windows' files lie in
  std::string windows;  // CSV, see inference/evaluate/window_file.h
  std::string train;    // folder that the 4-gram learns from; "": none
  int samples = 3;      // 1..kMaxSamples answers to each call
  int limit = 0;        // windows of each task, 0: all
  std::optional<double> temperature;  // the model card's where absent
  std::optional<double> top_p;        // replaces the card's min_p
  uint64_t seed = 1;
  bool json = false;
};
inline constexpr int kMaxSamples = 100;
absl::Status RunEvaluate(const EvaluateOptions& options);

}  // namespace antiphon::inference

#endif  // ANTIPHON_INFERENCE_TOOL_COMMAND_H_
