// SPDX-License-Identifier: Apache-2.0
// What needs checkpoints but no arithmetic: info and init.
#include <cstdio>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "inference/model/checkpoint.h"
#include "inference/model/memory_need.h"
#include "inference/model/random_checkpoint.h"
#include "inference/tool/checkpoint_list.h"
#include "inference/tool/command.h"

namespace antiphon::inference {
namespace {

constexpr double kMega = 1e6;
constexpr int kContextTokens = 1024;  // of a musician, unless told otherwise

void Line(const char* what, const std::string& value) {
  std::printf("%-14s%s\n", what, value.c_str());
}

std::string VocabularyText(const Checkpoint& checkpoint) {
  const int rows = checkpoint.shape().vocabulary_rows;
  const ModelCard& card = checkpoint.card();
  if (card.row_map) {
    return absl::StrCat(rows, " rows, for as many of the ", card.MappedIds(),
                        " tokens of ", card.MappedVocabulary());
  }
  const std::optional<Vocabulary> known = Vocabulary::FromRows(rows);
  return absl::StrCat(rows, " rows, ",
                      known ? std::string(known->name())
                            : "none of Aria's: no tokens, logits only");
}

std::string SamplingText(const ModelCard& card) {
  const bool silent = !card.temperature && !card.top_p && !card.min_p;
  if (silent) return "temperature 0.8, top_p 0.9 (the card says nothing)";
  std::string text =
      absl::StrCat("temperature ", card.temperature.value_or(0.8));
  if (card.top_p) absl::StrAppend(&text, ", top_p ", *card.top_p);
  if (card.min_p) absl::StrAppend(&text, ", min_p ", *card.min_p);
  return text;
}

void PrintShape(const Checkpoint& checkpoint) {
  const ModelShape& shape = checkpoint.shape();
  const double parameters = static_cast<double>(shape.parameters());
  Line("vocabulary", VocabularyText(checkpoint));
  Line("size", absl::StrFormat("%d layers of width %d, %d heads, feed-forward "
                               "%d, at most %d positions",
                               shape.layers, shape.d_model, shape.heads,
                               shape.d_ff, shape.max_position));
  Line("parameters",
       absl::StrFormat("%.1f million, stored as %s", parameters / kMega,
                       checkpoint.StoredTypes()));
  const MemoryNeed exact = NeedOf(shape, ComputeType::kF32, 1, kContextTokens);
  const MemoryNeed less = NeedOf(shape, ComputeType::kBf16, 1, kContextTokens);
  Line("memory",
       absl::StrFormat(
           "%s in fp32, %s in bf16, %s of it for %d tokens of context",
           SizeText(exact.total()), SizeText(less.total()),
           SizeText(exact.cache), kContextTokens));
  if (shape.adapter_width > 0) {
    Line("adapter",
         absl::StrCat("conditioning vector of ", shape.adapter_width,
                      shape.lead() > 0 ? ", zeros in front of the music"
                                       : ", not used"));
  }
}

}  // namespace

absl::Status RunInfo(const InfoOptions& options) {
  const std::vector<std::string> files = CheckpointsIn(options.model);
  const bool inside = !files.empty() && absl::StrContains(files.front(), '/');
  if (files.size() > 1 || inside) {
    PrintCheckpoints(options.model, files);
    return absl::OkStatus();
  }
  absl::StatusOr<std::unique_ptr<Checkpoint>> opened =
      Checkpoint::Open(options.model);
  if (!opened.ok()) return opened.status();
  const Checkpoint& checkpoint = **opened;
  if (absl::Status s = checkpoint.CheckFinite(); !s.ok()) return s;
  const ModelCard& card = checkpoint.card();
  const std::string sha256 = checkpoint.Sha256();
  if (!card.sha256.empty() && card.sha256 != sha256) {
    return absl::InvalidArgumentError(absl::StrCat(
        card.source, " says sha256 ", card.sha256, ", '", checkpoint.path(),
        "' has ", sha256, "; restore the file or correct the card"));
  }
  Line("name", checkpoint.name());
  Line("file", absl::StrFormat("%s, %d bytes", checkpoint.path(),
                               checkpoint.file_bytes()));
  Line("sha256", sha256);
  Line("card", card.source.empty() ? "none" : card.source);
  Line("licence", card.licence.empty() ? "not stated" : card.licence);
  PrintShape(checkpoint);
  const bool bar = card.time_base == TimeBase::kBar;
  Line("time base", absl::StrFormat("%s, segments of %d ms",
                                    bar ? "bar" : "real", card.SegmentMs()));
  Line("sampling", SamplingText(card));
  return absl::OkStatus();
}

absl::Status RunInit(const InitOptions& options) {
  absl::StatusOr<Vocabulary> vocabulary = NamedVocabulary(options.vocabulary);
  if (!vocabulary.ok()) return vocabulary.status();
  if (!NamedShape(options.config)) {
    return absl::InvalidArgumentError(
        absl::StrCat("--config=", options.config, " is unknown; take one of ",
                     std::string(kModelSizeNames)));
  }
  RandomCheckpointOptions random;
  random.size = options.config;
  random.vocabulary = vocabulary->kind();
  random.seed = options.seed;
  random.folder = options.folder;
  absl::Status status = WriteRandomCheckpoint(random);
  if (!status.ok()) return status;
  std::printf("%s/model.safetensors: random weights; what they play is noise\n",
              options.folder.c_str());
  return absl::OkStatus();
}

}  // namespace antiphon::inference
