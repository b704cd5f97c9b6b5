// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "inference/engine/aria_answerer.h"
#include "inference/evaluate/ngram_model.h"
#include "inference/evaluate/progress.h"
#include "inference/evaluate/report.h"
#include "inference/model_answerer.h"
#include "inference/tool/command.h"
#include "inference/tool/evaluate_data.h"
#include "inference/tool/model_reader.h"

namespace antiphon::inference {
namespace {

std::string SourceOf(const std::string& file) {
  const std::string folder =
      std::filesystem::path(file).parent_path().filename().string();
  return folder.empty() ? "pieces" : folder;
}

// Reads, answers and measures; the report grows part by part.
class Evaluation {
 public:
  Evaluation(const EvaluateOptions& options, EvaluationData data)
      : options_(options), data_(std::move(data)) {
    report_.windows = data_.cases.size();
    report_.long_windows = data_.long_cases.size();
  }

  absl::Status AddBaselines();
  absl::Status AddFourGram();
  absl::Status AddModel();
  const Report& report() const { return report_; }

 private:
  absl::StatusOr<Likelihood> LikelihoodOf(const Reader& reader,
                                          const std::string& part) const;
  absl::Status AddAnswers(const std::string& name, const std::string& label,
                          const ModelAnswers& how);
  absl::Status Read();
  absl::Status Play();
  std::optional<Sampling> SamplingOf(const ModelInfo& card) const;

  const EvaluateOptions options_;
  const EvaluationData data_;
  Report report_;
};

absl::Status Evaluation::AddBaselines() {
  for (const auto& [cases, rows] :
       {std::pair{&data_.cases, &report_.rows},
        std::pair{&data_.long_cases, &report_.long_rows}}) {
    if (cases->empty()) continue;
    auto found = BaselineRows(*cases, options_.samples, options_.seed);
    if (!found.ok()) return found.status();
    *rows = *std::move(found);
  }
  return absl::OkStatus();
}

absl::StatusOr<Likelihood> Evaluation::LikelihoodOf(
    const Reader& reader, const std::string& part) const {
  Progress progress(absl::StrCat(part, ", pieces"), data_.pieces.size());
  Likelihood sum;
  for (const auto& [file, piece] : data_.pieces) {
    const absl::StatusOr<std::vector<Text>> texts = ExcerptsOf(
        reader.format, piece, std::min(kExcerptTokens, reader.max_tokens));
    absl::Status status = texts.status();
    for (size_t i = 0; status.ok() && i < texts->size(); ++i) {
      status = AddText(reader, SourceOf(file), (*texts)[i], sum);
    }
    if (!status.ok()) {
      return absl::Status(status.code(),
                          absl::StrCat(file, ": ", status.message()));
    }
    progress.Step();
  }
  return sum;
}

absl::Status Evaluation::AddAnswers(const std::string& name,
                                    const std::string& label,
                                    const ModelAnswers& how) {
  for (const auto& [cases, rows] :
       {std::pair{&data_.cases, &report_.rows},
        std::pair{&data_.long_cases, &report_.long_rows}}) {
    if (cases->empty()) continue;
    Progress progress(absl::StrFormat("%s, windows of %d bars", label,
                                      2 * cases->front().call.bars),
                      cases->size());
    absl::StatusOr<Row> row =
        RowOf({name, label, options_.samples, options_.seed}, *cases,
              ModelAnswering(how), [&progress] { progress.Step(); });
    if (!row.ok()) return row.status();
    rows->push_back(*std::move(row));
  }
  return absl::OkStatus();
}

absl::Status Evaluation::AddFourGram() {
  if (options_.train.empty()) {
    report_.remarks.push_back(
        "no 4-gram row: it learns from --train=DIR, which was not given");
    return absl::OkStatus();
  }
  const TokenFormat format{Vocabulary(VocabularyKind::kDefault), TimeBase::kBar,
                           2 * kWarpedBarMs};
  Ngram ngram(format.vocabulary.size());
  const absl::StatusOr<int> files = LearnFolder(options_.train, format, ngram);
  if (!files.ok()) return files.status();
  report_.remarks.push_back(absl::StrFormat(
      "the 4-gram learnt from %d files, %d tokens", *files, ngram.tokens()));
  auto model = std::make_unique<NgramModel>(&ngram, format);
  const Reader reader{
      format, static_cast<size_t>(format.vocabulary.size()), kExcerptTokens,
      [&model](absl::Span<const TokenId> text, absl::Span<float> logits) {
        model->ReadAll(text, logits);
        return absl::OkStatus();
      }};
  absl::StatusOr<Likelihood> found = LikelihoodOf(reader, "4-gram");
  if (!found.ok()) return found.status();
  report_.four_gram = *std::move(found);
  auto answerer = AriaAnswerer::Create(std::move(model));
  if (!answerer.ok()) return answerer.status();
  return AddAnswers("four_gram", "4-gram sampler",
                    {answerer->get(), std::nullopt, false});
}

absl::Status Evaluation::AddModel() {
  if (options_.model.empty()) {
    report_.remarks.push_back("no model rows: --model=DIR was not given");
    return absl::OkStatus();
  }
  // One after the other: each holds the weights.
  absl::Status status = Read();
  return status.ok() ? Play() : status;
}

absl::Status Evaluation::Read() {
  const absl::StatusOr<OpenReader> opened = OpenModelReader(options_.model);
  if (!opened.ok()) return opened.status();
  report_.model = opened->model->info().name;
  absl::StatusOr<Likelihood> found = LikelihoodOf(opened->reader, "model");
  if (!found.ok()) return found.status();
  report_.likelihood = *std::move(found);
  Progress progress("pairing, windows", data_.cases.size());
  const absl::StatusOr<Pairing> pairing =
      PairingOf(opened->reader, data_.cases, options_.samples, options_.seed,
                [&progress] { progress.Step(); });
  if (!pairing.ok()) return pairing.status();
  report_.pairing = *pairing;
  return absl::OkStatus();
}

absl::Status Evaluation::Play() {
  const absl::StatusOr<LoadedModel> model =
      LoadAnswerer({.path = options_.model});
  if (!model.ok()) return model.status();
  ModelAnswers how{model->answerer.get(), SamplingOf(model->info), false};
  absl::Status status = AddAnswers("model", "model", how);
  how.jitter = true;
  status.Update(AddAnswers("model_jittered", "model, call jittered", how));
  return status;
}

std::optional<Sampling> Evaluation::SamplingOf(const ModelInfo& card) const {
  if (!options_.temperature && !options_.top_p) return std::nullopt;
  Sampling sampling;
  sampling.temperature = options_.temperature.value_or(card.temperature);
  sampling.top_p = options_.top_p.value_or(card.top_p.value_or(1));
  if (!options_.top_p) sampling.min_p = card.min_p;
  return sampling;
}

}  // namespace

absl::Status RunEvaluate(const EvaluateOptions& options) {
  absl::StatusOr<EvaluationData> data = ReadEvaluationData(options);
  if (!data.ok()) return data.status();
  Evaluation evaluation(options, *std::move(data));
  absl::Status status = evaluation.AddBaselines();
  if (status.ok()) status = evaluation.AddFourGram();
  if (status.ok()) status = evaluation.AddModel();
  if (!status.ok()) return status;
  std::puts((options.json ? JsonOf(evaluation.report())
                          : MarkdownOf(evaluation.report()))
                .c_str());
  return absl::OkStatus();
}

}  // namespace antiphon::inference
