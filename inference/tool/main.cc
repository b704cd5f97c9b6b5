// SPDX-License-Identifier: Apache-2.0
//
// antiphon-model: the model's bench. Reads the flags, checks that they belong
// to the subcommand, runs it.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/program.h"
#include "inference/model/sleeping_threads.h"
#include "inference/tool/command.h"

ABSL_FLAG(std::string, model, "", "DIR or FILE");
ABSL_FLAG(std::string, config, "nano",
          "nano, tiny, small, medium or LAYERSxWIDTH");
ABSL_FLAG(std::string, vocab, "default", "default, demo25 or demo26");
ABSL_FLAG(uint64_t, seed, 1, "of the random weights");
ABSL_FLAG(std::string, out, "", "folder or file to write");
ABSL_FLAG(bool, keep_silence, false, "time zero is the start of the file");
ABSL_FLAG(bool, remove_redundant_pedals, false, "drop idle presses");
ABSL_FLAG(int64_t, inference_prompt_ms, -1, "the first N ms as a prompt");
ABSL_FLAG(int64_t, cut_ms, 0, "N ms into the file");
ABSL_FLAG(std::string, tokens, "", "JSON file of token ids");
ABSL_FLAG(std::string, dtype, "fp32", "fp32, bf16; auto for generate");
ABSL_FLAG(std::string, device, "cpu", "cpu or cuda");
ABSL_FLAG(std::string, prompt, "", "MIDI file whose last bars are answered");
ABSL_FLAG(int, bars, 8, "bars to generate");
ABSL_FLAG(double, temperature, 0, "0 to 2; 0: the likeliest token");
ABSL_FLAG(double, top_p, 1, "above 0, at most 1");
ABSL_FLAG(bool, all, false, "logits of every position");
ABSL_FLAG(std::string, midi, "", "folder of MIDI files");
ABSL_FLAG(std::string, valid, "", "folder of MIDI files to be judged by");
ABSL_FLAG(std::string, init_from, "", "checkpoint to begin with");
ABSL_FLAG(int, million_tokens, 40, "how much to hear");
ABSL_FLAG(int, sequences, 8, "a step");
ABSL_FLAG(double, rate, 0, "highest learning rate");
ABSL_FLAG(double, dropout, 0, "0 to 0.9");
ABSL_FLAG(int, threads, 2, "of the training");
ABSL_FLAG(std::string, recipe, "", "file of flags, FILE.toml");
ABSL_FLAG(std::string, windows, "", "CSV file of calls and answers");
ABSL_FLAG(std::string, train, "", "folder that the 4-gram learns from");
ABSL_FLAG(int, samples, 3, "answers to each call");
ABSL_FLAG(int, limit, 0, "windows of each task; 0: all");
ABSL_FLAG(bool, json, false, "JSON in place of Markdown");

namespace antiphon::inference {
namespace {

constexpr char kHelp[] =
    R"(antiphon-model: looks into Aria models, and makes what they read.

  antiphon-model info DIR|FILE
      What a checkpoint is: name, vocabulary, size, memory, sampling. Checks
      every weight, and the sha256 where the card (model.json) states one.
      Of a folder with several, also in folders inside it: a line for each, with
      the memory for one musician, or why it cannot be used. Reads headers only.

  antiphon-model init --out=DIR [--config=nano] [--vocab=default] [--seed=1]
      Writes a checkpoint with random weights in the real format, so that
      everything around the model runs before a trained one exists.
      --config: nano (4x256), tiny (2x128), small (6x384), medium (16x1536), or
      another, 8x512: layers, and a width that 64 divides.

  antiphon-model tokenize FILE.mid [--vocab=default]
      Prints {"tokens":["<S>",...],"ids":[0,...]}, as Aria reads the file.
      --vocab=default|demo25|demo26   the vocabulary
      --keep-silence                  time zero is the file's start, not its
                                      first event
      --remove-redundant-pedals       drop pedal presses that hold no note
      --inference-prompt-ms=N         the first N ms, without an end
      --cut-ms=N                      as one piano, while it is played, N ms into
                                      the file: what sounds on lasts to N. Says
                                      too, as "final", how many tokens stay
                                      whatever follows

  antiphon-model detokenize FILE.json --out=FILE.mid
      The way back: reads {"tokens":[ids]}, {"tokens":[texts]}, or what tokenize
      printed, and writes the notes; a tick is a millisecond. Skips what is no
      complete event, as Aria does.
      --vocab=default|demo25|demo26   the vocabulary; without it the one that
                                      the texts belong to, or default

  antiphon-model generate --model=DIR|FILE --prompt=FILE.mid --out=FILE.mid
      Plays on after the last bar of the file, bar by bar, with as many bars
      before as the model reads; the service gives it three:
      prints each note as it is drawn, writes the prompt and the answer.
      --bars=8                        how many bars, 1 to 1024
      --temperature=T --top-p=P       0 to 2, and above 0 to 1; without them
                                      the model card's
      --seed=1                        the same seed writes the same file
      --dtype=auto|fp32|bf16          of weights and products; auto as the
                                      service, from weights and processor

  antiphon-model logits --model=DIR|FILE --tokens=FILE.json
      Reads {"tokens":[ids]}, or what tokenize printed. Prints
      {"last_logits":[...],"argmax":[one id per position]}.
      --all                           also "logits": a row for every position
      --dtype=fp32|bf16               of weights and products
      --device=cpu|cuda               where they are

  antiphon-model evaluate --model=DIR --midi=DIR --windows=FILE.csv
      How a model answers, in numbers, beside what people and simple tricks
      answer to the same calls: the distance to the human row is what counts.
      Prints Markdown; says on stderr how long it takes on.
      FILE.csv names bars of files below --midi: call and answer, 2+2 or 8+8.
      Without --model the baselines alone.
      --samples=3                     answers to each call, 1 to 100
      --limit=N                       N windows of each kind, evenly spread
      --train=DIR                     MIDI files that the 4-gram row learns from
      --temperature=T --top-p=P       without them the model card's
      --seed=1                        the same seed finds the same, where the
                                      processor is of the same kind: answers
                                      are drawn as by the service (its
                                      --dtype=auto), likelihoods are in fp32
      --json                          {"nats_per_note","by_source","pairing",
                                      "rows":{"human":{...},...},...}

  antiphon-model bench --model=DIR|FILE [--dtype=fp32] [--device=cpu]
      How fast this machine reads a context and continues it, by the number of
      musicians served at once, beside the time of reading the weights once.

  antiphon-model train --midi=DIR --out=DIR [--valid=DIR]
      Learns from the MIDI files below a folder, and writes a model that plays
      in the bars it is given. Says how far it is every ten seconds; stopped, it
      goes on where it was when the same command is given again.
      --valid=DIR                     files that are never heard, to judge by
                                      bars are the file's: record to the click
      --init-from=DIR|FILE            begin with these weights: fine-tuning, as
                                      with models/starter on your own playing
      --config=nano                   tiny, nano, small, medium, or 8x512; with
                                      --init-from as those weights are
      --million-tokens=40             how much to hear, 2 with --init-from: one
                                      minute of piano is about 1,500 tokens, and
                                      some ten times through all of it is enough
      --sequences=8                   of 512 tokens, in one step
      --rate=R                        1.5e-3, or 2e-4 with --init-from
      --dropout=0 --seed=1 --threads=2
      --device=cpu|cuda               where the training runs
      --recipe=FILE.toml              these flags, from a file

  antiphon-model --version | --help

Exit code: 0 fine, 1 failed, 2 wrong usage or unusable input.
Try: antiphon-model init --out=/tmp/noise && antiphon-model info /tmp/noise
)";

struct Command {
  std::string_view name;
  size_t arguments;  // beside the name
  std::string_view argument_help;
  std::vector<std::string_view> flags;
};

const std::vector<Command>& Commands() {
  static const auto& commands = *new std::vector<Command>{
      {"info", 1, "a folder or file: antiphon-model info DIR", {"model"}},
      {"init", 0, "", {"config", "vocab", "seed", "out"}},
      {"tokenize",
       1,
       "a MIDI file: antiphon-model tokenize FILE.mid",
       {"vocab", "keep_silence", "remove_redundant_pedals",
        "inference_prompt_ms", "cut_ms"}},
      {"detokenize",
       1,
       "a file of tokens: antiphon-model detokenize FILE.json --out=FILE.mid",
       {"vocab", "out"}},
      {"generate",
       0,
       "",
       {"model", "prompt", "bars", "temperature", "top_p", "seed", "dtype",
        "out"}},
      {"logits", 0, "", {"model", "tokens", "dtype", "device", "all"}},
      {"bench", 0, "", {"model", "dtype", "device"}},
      {"evaluate",
       0,
       "",
       {"model", "midi", "windows", "train", "samples", "limit", "temperature",
        "top_p", "seed", "json"}},
      {"train",
       0,
       "",
       {"midi", "valid", "out", "config", "init_from", "million_tokens",
        "sequences", "rate", "dropout", "seed", "threads", "device", "recipe"}},
  };
  return commands;
}

template <typename... Args>
absl::Status Usage(const Args&... args) {
  return absl::InvalidArgumentError(absl::StrCat(args...));
}

// Flags of another subcommand would be ignored in silence: refuse them.
absl::Status CheckFlagsOf(const Command& command, const CommandLine& line) {
  for (const auto& [name, words] : line.given) {
    if (std::find(command.flags.begin(), command.flags.end(), name) !=
        command.flags.end()) {
      continue;
    }
    return Usage(words, " is no flag of ", std::string(command.name),
                 "; --help shows which it has");
  }
  return absl::OkStatus();
}

absl::Status Required(const char* flag, const std::string& value,
                      const char* example) {
  if (!value.empty()) return absl::OkStatus();
  return Usage("--", flag, " is missing; give ", example);
}

absl::Status Tokenize(const std::string& file, const CommandLine& line) {
  TokenizeOptions options;
  options.file = file;
  options.vocabulary = absl::GetFlag(FLAGS_vocab);
  options.keep_silence = absl::GetFlag(FLAGS_keep_silence);
  options.remove_redundant_pedals =
      absl::GetFlag(FLAGS_remove_redundant_pedals);
  const int64_t prompt_ms = absl::GetFlag(FLAGS_inference_prompt_ms);
  if (prompt_ms < -1) {
    return Usage("--inference-prompt-ms=", prompt_ms, " is negative");
  }
  if (prompt_ms >= 0) options.inference_prompt_ms = prompt_ms;
  if (options.keep_silence && options.inference_prompt_ms) {
    return Usage("--keep-silence contradicts --inference-prompt-ms, which ",
                 "begins at the first event; drop one of them");
  }
  if (line.Has("cut_ms")) {
    options.cut_ms = absl::GetFlag(FLAGS_cut_ms);
    if (*options.cut_ms <= 0) {
      return Usage("--cut-ms=", *options.cut_ms, " is not above 0");
    }
    for (const char* other :
         {"keep_silence", "remove_redundant_pedals", "inference_prompt_ms"}) {
      if (!line.Has(other)) continue;
      return Usage(line.given.at(other), " has no effect with --cut-ms; drop ",
                   "one of them");
    }
  }
  return RunTokenize(options);
}

absl::Status Detokenize(const std::string& file, const CommandLine& line) {
  DetokenizeOptions options;
  options.file = file;
  options.out = absl::GetFlag(FLAGS_out);
  if (line.Has("vocab")) options.vocabulary = absl::GetFlag(FLAGS_vocab);
  absl::Status status = Required("out", options.out, "--out=FILE.mid");
  return status.ok() ? RunDetokenize(options) : status;
}

absl::Status CheckRange(const CommandLine& line, const char* flag, bool fine,
                        const char* range) {
  if (fine || !line.Has(flag)) return absl::OkStatus();
  return Usage(line.given.at(flag), " is not ", range);
}

// --temperature and --top-p, where given.
absl::Status ReadSampling(const CommandLine& line,
                          std::optional<double>& temperature,
                          std::optional<double>& top_p) {
  const double t = absl::GetFlag(FLAGS_temperature);
  const double p = absl::GetFlag(FLAGS_top_p);
  if (line.Has("temperature")) temperature = t;
  if (line.Has("top_p")) top_p = p;
  absl::Status status =
      CheckRange(line, "temperature", t >= 0 && t <= 2, "within 0 to 2");
  status.Update(
      CheckRange(line, "top_p", p > 0 && p <= 1, "above 0 and at most 1"));
  return status;
}

absl::Status Evaluate(const CommandLine& line) {
  EvaluateOptions options;
  options.model = absl::GetFlag(FLAGS_model);
  options.midi = absl::GetFlag(FLAGS_midi);
  options.windows = absl::GetFlag(FLAGS_windows);
  options.train = absl::GetFlag(FLAGS_train);
  options.samples = absl::GetFlag(FLAGS_samples);
  options.limit = absl::GetFlag(FLAGS_limit);
  options.seed = absl::GetFlag(FLAGS_seed);
  options.json = absl::GetFlag(FLAGS_json);
  absl::Status status = Required("midi", options.midi, "--midi=DIR");
  status.Update(Required("windows", options.windows, "--windows=FILE.csv"));
  status.Update(CheckRange(
      line, "samples", options.samples >= 1 && options.samples <= kMaxSamples,
      "within 1 to 100"));
  status.Update(CheckRange(line, "limit", options.limit >= 0, "0 or more"));
  status.Update(ReadSampling(line, options.temperature, options.top_p));
  return status.ok() ? RunEvaluate(options) : status;
}

absl::Status Generate(const CommandLine& line) {
  GenerateOptions options{
      absl::GetFlag(FLAGS_model),
      absl::GetFlag(FLAGS_prompt),
      absl::GetFlag(FLAGS_bars),
      std::nullopt,
      std::nullopt,
      absl::GetFlag(FLAGS_seed),
      line.Has("dtype") ? absl::GetFlag(FLAGS_dtype) : "auto",
      absl::GetFlag(FLAGS_out)};
  absl::Status status = Required("model", options.model, "--model=DIR");
  status.Update(Required("prompt", options.prompt, "--prompt=FILE.mid"));
  status.Update(Required("out", options.out, "--out=FILE.mid"));
  status.Update(CheckRange(
      line, "bars", options.bars >= 1 && options.bars <= kMaxGeneratedBars,
      "within 1 to 1024"));
  status.Update(ReadSampling(line, options.temperature, options.top_p));
  return status.ok() ? RunGenerate(options) : status;
}

absl::Status Train(const CommandLine& line) {
  TrainOptions options;
  options.midi = absl::GetFlag(FLAGS_midi);
  options.valid = absl::GetFlag(FLAGS_valid);
  options.out = absl::GetFlag(FLAGS_out);
  if (line.Has("config")) options.config = absl::GetFlag(FLAGS_config);
  options.init_from = absl::GetFlag(FLAGS_init_from);
  const int million_tokens = absl::GetFlag(FLAGS_million_tokens);
  if (line.Has("million_tokens")) options.million_tokens = million_tokens;
  options.sequences = absl::GetFlag(FLAGS_sequences);
  options.dropout = absl::GetFlag(FLAGS_dropout);
  options.seed = absl::GetFlag(FLAGS_seed);
  options.threads = absl::GetFlag(FLAGS_threads);
  options.device = absl::GetFlag(FLAGS_device);
  const double rate = absl::GetFlag(FLAGS_rate);
  if (line.Has("rate")) options.rate = rate;
  absl::Status status = Required("midi", options.midi, "--midi=DIR");
  status.Update(Required("out", options.out, "--out=DIR"));
  status.Update(CheckRange(line, "million_tokens",
                           million_tokens >= 1 && million_tokens <= 100'000,
                           "within 1 to 100000"));
  status.Update(
      CheckRange(line, "rate", rate > 0 && rate <= 1, "above 0, at most 1"));
  status.Update(CheckRange(line, "sequences",
                           options.sequences >= 1 && options.sequences <= 1024,
                           "within 1 to 1024"));
  status.Update(CheckRange(line, "dropout",
                           options.dropout >= 0 && options.dropout <= 0.9,
                           "within 0 to 0.9"));
  status.Update(CheckRange(line, "threads",
                           options.threads >= 1 && options.threads <= 256,
                           "within 1 to 256"));
  return status.ok() ? RunTrain(options) : status;
}

absl::Status Run(std::string_view name, const std::string& argument,
                 const CommandLine& line) {
  const std::string model = absl::GetFlag(FLAGS_model);
  if (name == "info") return RunInfo({argument});
  if (name == "tokenize") return Tokenize(argument, line);
  if (name == "detokenize") return Detokenize(argument, line);
  if (name == "generate") return Generate(line);
  if (name == "train") return Train(line);
  if (name == "evaluate") return Evaluate(line);
  if (name == "init") {
    const InitOptions options{
        absl::GetFlag(FLAGS_config), absl::GetFlag(FLAGS_vocab),
        absl::GetFlag(FLAGS_seed), absl::GetFlag(FLAGS_out)};
    absl::Status status = Required("out", options.folder, "--out=DIR");
    return status.ok() ? RunInit(options) : status;
  }
  if (name == "bench") {
    absl::Status status = Required("model", model, "--model=DIR");
    return status.ok() ? RunBench({model, absl::GetFlag(FLAGS_dtype),
                                   absl::GetFlag(FLAGS_device)})
                       : status;
  }
  const LogitsOptions options{
      model, absl::GetFlag(FLAGS_tokens), absl::GetFlag(FLAGS_dtype),
      absl::GetFlag(FLAGS_device), absl::GetFlag(FLAGS_all)};
  absl::Status status = Required("model", options.model, "--model=DIR");
  status.Update(Required("tokens", options.tokens_file, "--tokens=FILE.json"));
  return status.ok() ? RunLogits(options) : status;
}

absl::Status Dispatch(const CommandLine& line) {
  std::vector<std::string> rest = line.arguments;
  if (rest.empty()) {
    return Usage("a subcommand is missing; --help lists them");
  }
  for (const Command& command : Commands()) {
    if (command.name != rest.front()) continue;
    absl::Status status = CheckFlagsOf(command, line);
    if (!status.ok()) return status;
    // info takes its checkpoint also as --model, like every other program.
    const std::string model = absl::GetFlag(FLAGS_model);
    if (command.name == "info" && !model.empty()) rest.push_back(model);
    if (rest.size() - 1 > command.arguments) {
      return Usage("unexpected argument ", rest.back(), "; --help shows what ",
                   rest.front(), " takes");
    }
    if (rest.size() - 1 < command.arguments) {
      return Usage(rest.front(), " needs ", std::string(command.argument_help));
    }
    return Run(command.name, rest.back(), line);
  }
  return Usage("unknown subcommand ", rest.front(),
               "; take one of info, init, tokenize, detokenize, generate, "
               "logits, evaluate, bench, train");
}

absl::Status Main(const CommandLine& line, char** argv) {
  const bool trains =
      !line.arguments.empty() && line.arguments.front() == "train";
  if (trains && absl::GetFlag(FLAGS_threads) > 1 &&
      std::getenv("OMP_WAIT_POLICY") == nullptr) {
    LetThreadsSleep(argv);
  }
  return Dispatch(line);
}

}  // namespace
}  // namespace antiphon::inference

int main(int argc, char** argv) {
  return antiphon::RunProgram({.name = "antiphon-model",
                               .version = ANTIPHON_VERSION,
                               .help = antiphon::inference::kHelp,
                               .takes_arguments = true,
                               .config_flag = "recipe"},
                              argc, argv,
                              [argv](const antiphon::CommandLine& line) {
                                return antiphon::inference::Main(line, argv);
                              });
}
