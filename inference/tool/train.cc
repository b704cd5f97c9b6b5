// SPDX-License-Identifier: Apache-2.0
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "common/rt/clock.h"
#include "inference/model/random_checkpoint.h"
#include "inference/tool/command.h"
#include "inference/train/crop_source.h"
#include "inference/train/trainer.h"
#include "inference/train/training_piece.h"

namespace antiphon::inference {
namespace {

const absl::Duration kReportEvery = absl::Seconds(10);
const absl::Duration kCheckpointEvery = absl::Minutes(3);
constexpr int kLength = 512;
// A bar time model's answer is seldom longer than half of this.
constexpr int kMaxPosition = kLength + kMaxBranchTokens;
constexpr double kNewRate = 1.5e-3;
constexpr double kFineTuningRate = 2e-4;

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

ModelCard CardOf(const TrainOptions& options, const RowMap& rows) {
  ModelCard card;
  card.row_map = rows;
  card.name = std::filesystem::path(options.out).filename();
  card.vocabulary = "default";
  card.time_base = TimeBase::kBar;
  card.segment_ms = kBarSegmentMs;
  card.temperature = 1.0;
  card.top_p = 0.95;
  return card;
}

TrainerOptions TrainerOptionsOf(const TrainOptions& options,
                                const ModelShape& shape, Device device,
                                const RowMap& rows) {
  TrainerOptions trainer;
  trainer.shape = shape;
  trainer.tokens = options.million_tokens * 1'000'000;
  trainer.length = kLength;
  trainer.sequences = options.sequences;
  trainer.peak_rate = options.rate.value_or(
      options.init_from.empty() ? kNewRate : kFineTuningRate);
  trainer.dropout = options.dropout;
  trainer.seed = options.seed;
  trainer.threads = options.threads;
  trainer.device = device;
  trainer.folder = options.out;
  trainer.init_from = options.init_from;
  trainer.card = CardOf(options, rows);
  return trainer;
}

}  // namespace

absl::Status RunTrain(const TrainOptions& options) {
  const absl::StatusOr<Device> device = NamedDevice(options.device);
  if (!device.ok()) return device.status();
  if (absl::Status s = OpenDevice(*device); !s.ok()) return s;
  const RowMap rows =
      RowMap::Compact(Vocabulary(VocabularyKind::kDefault), kBarSegmentMs);
  std::optional<ModelShape> shape = NamedShape(options.config);
  if (!shape) {
    return absl::InvalidArgumentError(
        absl::StrCat("--config=", options.config, " is unknown; take one of ",
                     std::string(kModelSizeNames)));
  }
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
  const TrainerOptions trainer_options =
      TrainerOptionsOf(options, *shape, *device, rows);
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
  std::printf("%zu pieces, %d steps of %d tokens, %.1f M parameters\n",
              pieces->size(), static_cast<int>((*trainer)->steps()),
              static_cast<int>(trainer_options.sequences * kLength),
              static_cast<double>(shape->parameters()) / 1e6);
  return Run(**trainer, valid);
}

}  // namespace antiphon::inference
