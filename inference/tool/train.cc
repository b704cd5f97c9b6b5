// SPDX-License-Identifier: Apache-2.0
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "common/rt/clock.h"
#include "inference/model/checkpoint.h"
#include "inference/model/random_checkpoint.h"
#include "inference/tool/command.h"
#include "inference/train/crop_source.h"
#include "inference/train/trainer.h"
#include "inference/train/training_piece.h"

namespace antiphon::inference {
namespace {

namespace fs = std::filesystem;

const absl::Duration kReportEvery = absl::Seconds(10);
const absl::Duration kCheckpointEvery = absl::Minutes(3);
constexpr int kLength = 512;
// A bar time model's answer is seldom longer than half of this.
constexpr int kMaxPosition = kLength + kMaxBranchTokens;
constexpr double kNewRate = 1.5e-3;
constexpr double kFineTuningRate = 2e-4;
constexpr int64_t kNewTokens = 40'000'000;
constexpr int64_t kFineTuningTokens = 2'000'000;
constexpr char kNewConfig[] = "nano";

volatile std::sig_atomic_t stop_requested = 0;

void RequestStop(int) { stop_requested = 1; }

absl::StatusOr<std::vector<TrainingPiece>> Read(const char* flag,
                                                const std::string& folder) {
  MonoTime shown = rt::Now();
  auto read = ReadFolder(folder, [&](size_t done, size_t total) {
    if (done < total && rt::Now() - shown < absl::Seconds(1)) return;
    shown = rt::Now();
    std::fprintf(stderr, "\r%s: %zu of %zu files%s", folder.c_str(), done,
                 total, done == total ? "\n" : "");
  });
  if (!read.ok()) {
    return absl::Status(read.status().code(),
                        absl::StrCat(flag, "=", read.status().message()));
  }
  for (const auto& skipped : read->skipped) {
    std::fprintf(stderr, "skipped %s: %s\n", skipped.name.c_str(),
                 skipped.reason.c_str());
  }
  return std::move(read->pieces);
}

// The beginning and the middle of each piece, as written.
std::vector<TrainingCrop> ValidationOf(
    const std::vector<TrainingPiece>& pieces) {
  std::vector<TrainingCrop> crops;
  for (const TrainingPiece& piece : pieces) {
    for (const int64_t bar : {int64_t{0}, piece.bars() / 2}) {
      auto crop = PlainCrop(piece, bar, kLength);
      if (crop) crops.push_back(*std::move(crop));
    }
  }
  return crops;
}

void Print(const TrainingProgress& p) {
  std::printf(
      "step %5d of %d (%4.1f %%) | %5.1f M tokens, %5.0f a second | rate %.2e |"
      " loss %.3f: note %.3f, onset %.3f, duration %.3f | %s left\n",
      static_cast<int>(p.step), static_cast<int>(p.steps),
      100.0 * static_cast<double>(p.step) / static_cast<double>(p.steps),
      static_cast<double>(p.tokens) / 1e6, p.tokens_per_second, p.rate,
      p.losses.all, p.losses.note, p.losses.onset, p.losses.duration,
      absl::FormatDuration(absl::Trunc(p.left, absl::Seconds(1))).c_str());
  std::fflush(stdout);
}

void Validate(Trainer& trainer, const std::vector<TrainingCrop>& crops) {
  if (crops.empty()) return;
  const ClassLosses v = trainer.Judge(crops);
  std::printf(
      "step %5d: validation %.3f nats a note, %.3f a token: note %.3f, onset "
      "%.3f, duration %.3f\n",
      static_cast<int>(trainer.step()), v.per_note, v.all, v.note, v.onset,
      v.duration);
  std::fflush(stdout);
}

absl::Status Run(Trainer& trainer, const std::vector<TrainingCrop>& valid) {
  MonoTime reported = rt::Now();
  MonoTime saved = rt::Now();
  if (trainer.step() > 0) {
    std::printf("going on after step %d\n", static_cast<int>(trainer.step()));
  }
  while (trainer.step() < trainer.steps() && stop_requested == 0) {
    if (absl::Status status = trainer.Step(); !status.ok()) return status;
    if (rt::Now() - reported >= kReportEvery) {
      Print(trainer.Report());
      reported = rt::Now();
    }
    if (rt::Now() - saved >= kCheckpointEvery) {
      if (absl::Status status = trainer.SaveState(); !status.ok())
        return status;
      Validate(trainer, valid);
      saved = rt::Now();
    }
  }
  if (absl::Status status = trainer.SaveState(); !status.ok()) return status;
  Validate(trainer, valid);
  return trainer.SaveModel();
}

void PrintEnd(const Trainer& trainer, const std::string& out) {
  const auto step = static_cast<int>(trainer.step());
  const auto steps = static_cast<int>(trainer.steps());
  if (step < steps) {
    std::printf("stopped at step %d of %d; the same command goes on there\n",
                step, steps);
  }
  std::printf("wrote %s; to play with it: antiphon-inference --model=%s\n",
              out.c_str(), out.c_str());
}

// What training begins with, where it begins with something.
absl::StatusOr<std::unique_ptr<Checkpoint>> OpenSource(
    const TrainOptions& options, const RowMap& rows) {
  const std::string flag = absl::StrCat("--init-from=", options.init_from);
  std::error_code error;
  if (!fs::exists(options.init_from, error)) {
    return absl::NotFoundError(absl::StrCat(
        flag,
        ": there is nothing of that name; give the folder of a model, "
        "such as models/starter"));
  }
  auto source = Checkpoint::Open(options.init_from);
  if (!source.ok()) {
    return absl::Status(source.status().code(),
                        absl::StrCat(flag, ": ", source.status().message()));
  }
  const ModelCard& card = (*source)->card();
  if (!card.row_map || card.row_map->rows() != rows.rows()) {
    return absl::InvalidArgumentError(absl::StrCat(
        flag,
        " was not trained by antiphon-model train, whose models play in "
        "bars; only such a one can be trained on"));
  }
  return source;
}

// As --config says, or the weights to begin with.
absl::StatusOr<ModelShape> ShapeOf(const TrainOptions& options,
                                   const Checkpoint* source) {
  const std::optional<ModelShape> named =
      NamedShape(options.config.value_or(kNewConfig));
  if (!named) {
    return absl::InvalidArgumentError(
        absl::StrCat("--config=", *options.config, " is unknown; take one of ",
                     std::string(kModelSizeNames)));
  }
  if (source == nullptr) return *named;
  const ModelShape& shape = source->shape();
  const bool same =
      named->layers == shape.layers && named->d_model == shape.d_model;
  if (options.config && !same) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--config=", *options.config, " is not what --init-from=",
        options.init_from, " is, which has ", shape.layers, " layers of width ",
        shape.d_model, "; leave --config out"));
  }
  return shape;
}

// Of pieces, to know them again.
std::string MarkOf(const std::vector<TrainingPiece>& pieces) {
  size_t notes = 0;
  int64_t bars = 0;
  for (const TrainingPiece& piece : pieces) {
    notes += piece.notes.size();
    bars += piece.bars();
  }
  return absl::StrCat(pieces.size(), " pieces, ", bars, " bars, ", notes,
                      " notes");
}

// Who made the weights that these were made from is said beside them too.
void CopyNotice(const Checkpoint& source, const std::string& out) {
  const fs::path notice = fs::path(source.path()).parent_path() / "NOTICE";
  std::error_code error;
  if (!fs::exists(notice, error)) return;
  fs::copy_file(notice, fs::path(out) / "NOTICE",
                fs::copy_options::skip_existing, error);
}

ModelCard CardOf(const TrainOptions& options, const RowMap& rows,
                 const Checkpoint* source) {
  ModelCard card;
  card.row_map = rows;
  if (source != nullptr) card.licence = source->card().licence;
  card.name = (fs::path(options.out) / "").parent_path().filename();
  card.vocabulary = "default";
  card.time_base = TimeBase::kBar;
  card.segment_ms = kBarSegmentMs;
  card.temperature = 1.0;
  card.top_p = 0.95;
  return card;
}

TrainerOptions TrainerOptionsOf(const TrainOptions& options,
                                const ModelShape& shape, Device device) {
  const bool is_new = options.init_from.empty();
  TrainerOptions trainer;
  trainer.shape = shape;
  trainer.tokens = options.million_tokens
                       ? *options.million_tokens * 1'000'000
                       : (is_new ? kNewTokens : kFineTuningTokens);
  trainer.length = kLength;
  trainer.sequences = options.sequences;
  trainer.peak_rate =
      options.rate.value_or(is_new ? kNewRate : kFineTuningRate);
  trainer.dropout = options.dropout;
  trainer.seed = options.seed;
  trainer.threads = options.threads;
  trainer.device = device;
  trainer.folder = options.out;
  trainer.init_from = options.init_from;
  return trainer;
}

}  // namespace

absl::Status RunTrain(const TrainOptions& options) {
  const absl::StatusOr<Device> device = NamedDevice(options.device);
  if (!device.ok()) return device.status();
  if (absl::Status s = OpenDevice(*device); !s.ok()) return s;
  const RowMap rows =
      RowMap::Compact(Vocabulary(VocabularyKind::kDefault), kBarSegmentMs);
  std::unique_ptr<Checkpoint> source;
  if (!options.init_from.empty()) {
    auto opened = OpenSource(options, rows);
    if (!opened.ok()) return opened.status();
    source = *std::move(opened);
  }
  absl::StatusOr<ModelShape> shape = ShapeOf(options, source.get());
  if (!shape.ok()) return shape.status();
  shape->vocabulary_rows = rows.rows();
  shape->max_position = kMaxPosition;
  auto pieces = Read("--midi", options.midi);
  if (!pieces.ok()) return pieces.status();
  std::vector<TrainingCrop> valid;
  if (!options.valid.empty()) {
    auto held_out = Read("--valid", options.valid);
    if (!held_out.ok()) return held_out.status();
    valid = ValidationOf(*held_out);
  }
  TrainerOptions trainer_options = TrainerOptionsOf(options, *shape, *device);
  trainer_options.card = CardOf(options, rows, source.get());
  trainer_options.data = MarkOf(*pieces);
  CropSourceOptions source_options;
  source_options.crops.max_tokens = kLength;
  const auto varied = CropSource::Create(*pieces, source_options, options.seed);
  if (!varied.ok()) return varied.status();
  source_options.answers = true;
  const auto answers =
      CropSource::Create(*pieces, source_options, options.seed);
  if (!answers.ok()) return answers.status();
  const auto crop_at = [&](uint64_t number, int stage) {
    return stage == 1 ? varied->Crop(number) : answers->Crop(number);
  };
  auto trainer = Trainer::Create(trainer_options, rows, crop_at);
  if (!trainer.ok()) return trainer.status();
  std::signal(SIGINT, RequestStop);
  std::signal(SIGTERM, RequestStop);
  std::fprintf(stderr, "%zu pieces, %d steps of %d tokens, %.1f M parameters\n",
               pieces->size(), static_cast<int>((*trainer)->steps()),
               static_cast<int>(trainer_options.sequences * kLength),
               static_cast<double>(shape->parameters()) / 1e6);
  absl::Status status = Run(**trainer, valid);
  if (!status.ok()) return status;
  if (source != nullptr) CopyNotice(*source, options.out);
  PrintEnd(**trainer, options.out);
  return absl::OkStatus();
}

}  // namespace antiphon::inference
