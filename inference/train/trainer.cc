// SPDX-License-Identifier: Apache-2.0
#include "inference/train/trainer.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/_foreach_lerp.h>
#include <ATen/ops/_foreach_mul.h>
#include <ATen/ops/_foreach_norm.h>
#include <ATen/ops/_fused_adamw.h>
#include <ATen/ops/full.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/rt/clock.h"
#include "inference/model/safetensors_writer.h"
#include "inference/model/sha256.h"
#include "inference/model/torch_terms.h"
#include "inference/train/training_network.h"

namespace antiphon::inference {
namespace {

namespace fs = std::filesystem;

constexpr double kBeta1 = 0.9;
constexpr double kBeta2 = 0.95;
constexpr double kAdamEpsilon = 1e-8;
constexpr char kRemedy[] = "take a smaller --config or fewer --sequences";
constexpr int64_t kPadTo = 16;  // what the kernels take

enum Class { kNoteClass, kOnsetClass, kDurClass, kOtherClass, kClasses };

Class ClassOf(const Vocabulary& vocabulary, TokenId id) {
  switch (vocabulary.ClassOf(id)) {
    case TokenClass::kNote:
      return kNoteClass;
    case TokenClass::kOnset:
      return kOnsetClass;
    case TokenClass::kDur:
      return kDurClass;
    default:
      return kOtherClass;
  }
}

// Sums of losses by class of the target.
struct Tally {
  std::array<double, kClasses> sums{};
  std::array<int64_t, kClasses> counts{};

  ClassLosses Means() const {
    const auto mean = [this](Class c) {
      return counts[c] == 0 ? 0 : sums[c] / static_cast<double>(counts[c]);
    };
    ClassLosses means{.note = mean(kNoteClass),
                      .onset = mean(kOnsetClass),
                      .duration = mean(kDurClass),
                      .other = mean(kOtherClass)};
    const double sum = std::accumulate(sums.begin(), sums.end(), 0.0);
    const int64_t count =
        std::accumulate(counts.begin(), counts.end(), int64_t{0});
    if (count > 0) means.all = sum / static_cast<double>(count);
    if (counts[kNoteClass] > 0) {
      means.per_note = sum / static_cast<double>(counts[kNoteClass]);
    }
    return means;
  }
};

std::vector<at::Tensor> ZerosLike(const std::vector<at::Tensor>& tensors) {
  std::vector<at::Tensor> zeros;
  for (const at::Tensor& tensor : tensors) {
    zeros.push_back(at::zeros_like(tensor).detach());
  }
  return zeros;
}

// Before hours are spent on what cannot be kept.
absl::Status CheckWritable(const std::string& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  const fs::path probe = fs::path(folder) / ".writable";
  const bool written = !error && std::ofstream(probe).put(' ').flush().good();
  fs::remove(probe, error);
  if (written) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("'", folder, "' cannot be written to; take another --out"));
}

}  // namespace

struct Trainer::State {
  State(const TrainerOptions& o, RowMap map, CropAt at)
      : options(o),
        rows(std::move(map)),
        crop_at(std::move(at)),
        vocabulary(VocabularyKind::kDefault),
        steps(std::max<int64_t>(1, o.tokens / (o.sequences * o.length))),
        network(o.shape, o.length, o.dropout, o.seed, o.device),
        average(o.shape, o.length, 0, o.seed, o.device),
        first_moments(ZerosLike(network.parameters())),
        second_moments(ZerosLike(network.parameters())),
        reported(rt::Now()) {
    for (const at::Tensor& tensor : average.parameters()) {
      tensor.set_requires_grad(false);
    }
  }

  TrainingBatch BatchOf(const std::vector<TrainingCrop>& crops) const;
  std::vector<TrainingCrop> CropsOf(int64_t step) const;
  double RateAt(int64_t step) const;
  // Losses of a batch, added to `tally` once they are known.
  void Add(const TrainingBatch& batch, const at::Tensor& losses,
           Tally& tally) const;
  void Optimise(const std::vector<at::Tensor>& gradients);
  // Name, tensor: everything that the next step depends on but its number.
  std::vector<std::pair<std::string, at::Tensor>> Tensors() const;
  at::Tensor RunMark() const;
  std::string StatePath() const {
    return fs::path(options.folder) / kTrainingState;
  }
  absl::Status LoadState();
  absl::Status LoadWeights();

  const TrainerOptions options;
  const RowMap rows;
  const CropAt crop_at;
  const Vocabulary vocabulary;
  const int64_t steps;
  TrainingNetwork network;
  TrainingNetwork average;
  std::vector<at::Tensor> first_moments;
  std::vector<at::Tensor> second_moments;
  int64_t step = 0;
  int64_t tokens = 0;
  Tally tally;
  int64_t first_step = 0;  // of this process
  absl::Duration spent;    // on steps, since then, up to `reported`
  MonoTime reported;
  int64_t reported_step = 0;
  int64_t reported_tokens = 0;
};

// A token that predicts nothing that is judged stands at the end of short ones.
TrainingBatch Trainer::State::BatchOf(
    const std::vector<TrainingCrop>& crops) const {
  size_t longest = 2;
  for (const TrainingCrop& crop : crops)
    longest = std::max(longest, crop.tokens.size());
  TrainingBatch batch;
  batch.sequences = static_cast<int64_t>(crops.size());
  batch.length = std::min(
      options.length,
      (static_cast<int64_t>(longest) - 1 + kPadTo - 1) / kPadTo * kPadTo);
  const auto row_of = [this](TokenId id) {
    return static_cast<int64_t>(rows.RowOrUnknown(id));
  };
  for (const TrainingCrop& crop : crops) {
    for (int64_t i = 0; i < batch.length; ++i) {
      const size_t next = static_cast<size_t>(i) + 1;
      const bool is_there = next < crop.tokens.size();
      batch.inputs.push_back(is_there ? row_of(crop.tokens[next - 1])
                                      : kPadToken);
      batch.targets.push_back(
          is_there && crop.wanted[next] ? row_of(crop.tokens[next]) : -1);
    }
  }
  return batch;
}

std::vector<TrainingCrop> Trainer::State::CropsOf(int64_t at) const {
  const auto first_of_second = static_cast<int64_t>(static_cast<double>(steps) *
                                                    (1 - options.second_stage));
  const int stage = at < first_of_second ? 1 : 2;
  std::vector<TrainingCrop> crops;
  for (int64_t i = 0; i < options.sequences; ++i) {
    crops.push_back(
        crop_at(static_cast<uint64_t>(at * options.sequences + i), stage));
  }
  return crops;
}

double Trainer::State::RateAt(int64_t at) const {
  const double done = static_cast<double>(at + 1);
  const double warm =
      std::max(1.0, options.warm_up * static_cast<double>(steps));
  if (done < warm) return options.peak_rate * done / warm;
  return options.peak_rate * (static_cast<double>(steps) - done + 1) /
         (static_cast<double>(steps) - warm + 1);
}

void Trainer::State::Add(const TrainingBatch& batch, const at::Tensor& losses,
                         Tally& to) const {
  const at::Tensor values = losses.detach().cpu().contiguous();
  const float* loss = values.const_data_ptr<float>();
  for (const int64_t target : batch.targets) {
    if (target < 0) continue;
    const Class c = ClassOf(vocabulary, rows.IdOf(static_cast<int>(target)));
    to.sums[c] += *loss++;
    ++to.counts[c];
  }
}

void Trainer::State::Optimise(const std::vector<at::Tensor>& gradients) {
  const at::NoGradGuard no_grad;
  const double norm =
      at::stack(at::_foreach_norm(gradients)).norm().item<double>();
  if (norm > options.clip) at::_foreach_mul_(gradients, options.clip / norm);
  const double rate = RateAt(step);
  // Matrices shrink, norms do not.
  for (const bool matrices : {true, false}) {
    std::vector<at::Tensor> own, grads, first, second;
    const std::vector<at::Tensor>& parameters = network.parameters();
    for (size_t i = 0; i < parameters.size(); ++i) {
      if ((parameters[i].dim() == 2) != matrices) continue;
      own.push_back(parameters[i]);
      grads.push_back(gradients[i]);
      first.push_back(first_moments[i]);
      second.push_back(second_moments[i]);
    }
    const std::vector<at::Tensor> counts(
        own.size(), at::full({}, static_cast<double>(step + 1),
                             own.front().options().requires_grad(false)));
    at::_fused_adamw_(own, grads, first, second, {}, counts, rate, kBeta1,
                      kBeta2, matrices ? options.weight_decay : 0, kAdamEpsilon,
                      false, false);
  }
  // Young, the average forgets its random beginning faster.
  const double keep =
      std::min(options.average,
               static_cast<double>(step + 1) / static_cast<double>(step + 10));
  at::_foreach_lerp_(average.parameters(), network.parameters(), 1 - keep);
}

std::vector<std::pair<std::string, at::Tensor>> Trainer::State::Tensors()
    const {
  std::vector<std::pair<std::string, at::Tensor>> tensors;
  const auto add = [&](const char* prefix, const std::vector<at::Tensor>& of) {
    for (size_t i = 0; i < of.size(); ++i) {
      tensors.emplace_back(prefix + network.specs()[i].name, of[i].detach());
    }
  };
  add("weight.", network.parameters());
  add("average.", average.parameters());
  add("first.", first_moments);
  add("second.", second_moments);
  // Whole numbers up to 2^24 are floats.
  tensors.emplace_back("steps_done", at::full({1}, static_cast<double>(step)));
  tensors.emplace_back("run", RunMark());
  return tensors;
}

// 32 numbers that are others for every other run.
at::Tensor Trainer::State::RunMark() const {
  const std::string text = absl::StrCat(
      steps, " ", options.sequences, " ", options.length, " ",
      options.peak_rate, " ", options.warm_up, " ", options.weight_decay, " ",
      options.clip, " ", options.dropout, " ", options.average, " ",
      options.second_stage, " ", options.seed, " ", options.data);
  Sha256 hash;
  hash.Add({reinterpret_cast<const uint8_t*>(text.data()), text.size()});
  at::Tensor mark = at::empty({32});
  float* number = mark.mutable_data_ptr<float>();
  const std::string digits = hash.Finish();
  for (size_t i = 0; i < 32; ++i) number[i] = static_cast<float>(digits[i]);
  return mark;
}

absl::Status Trainer::State::LoadState() {
  const auto file = MappedFile::Open(StatePath());
  if (!file.ok()) return file.status();
  const auto stored = ParseSafetensors((*file)->bytes());
  if (!stored.ok()) return stored.status();
  const auto other = [this] {
    return absl::FailedPreconditionError(absl::StrCat(
        "'", StatePath(),
        "' is of another run: give the flags and the MIDI files that began it, "
        "or another --out"));
  };
  for (auto& [name, tensor] : Tensors()) {
    const StoredTensor* from = stored->Find(name);
    if (from == nullptr || from->type != StoredType::kF32 ||
        from->bytes.size() != tensor.nbytes()) {
      return other();
    }
    if (name == "run") {
      if (std::memcmp(from->bytes.data(), tensor.const_data_ptr(),
                      tensor.nbytes()) != 0) {
        return other();
      }
      continue;
    }
    tensor.copy_(at::from_blob(const_cast<uint8_t*>(from->bytes.data()),
                               tensor.sizes(), at::kFloat));
    if (name == "steps_done") step = std::llround(tensor.item<double>());
  }
  tokens = step * options.sequences * options.length;
  first_step = step;
  reported_step = step;
  reported_tokens = tokens;
  return absl::OkStatus();
}

absl::Status Trainer::State::LoadWeights() {
  const auto checkpoint = Checkpoint::Open(options.init_from);
  if (!checkpoint.ok()) return checkpoint.status();
  for (size_t i = 0; i < network.specs().size(); ++i) {
    const TensorSpec& spec = network.specs()[i];
    const StoredTensor& from = (*checkpoint)->Tensor(spec.name);
    if (from.shape != spec.shape) {
      return absl::InvalidArgumentError(absl::StrCat(
          "--init-from=", options.init_from, ": ", spec.name, " is ",
          ShapeText(from.shape), ", here it is ", ShapeText(spec.shape)));
    }
    const at::Tensor values =
        at::empty(from.shape, at::TensorOptions().dtype(TorchType(from.type)));
    std::memcpy(values.mutable_data_ptr(), from.bytes.data(),
                from.bytes.size());
    const at::NoGradGuard no_grad;
    network.parameters()[i].copy_(values);
    average.parameters()[i].copy_(values);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<Trainer>> Trainer::Create(
    const TrainerOptions& options, RowMap rows, CropAt crop_at) {
  std::unique_ptr<State> state;
  absl::Status status = Guarded(kRemedy, [&] {
    at::set_num_threads(options.threads);
    state =
        std::make_unique<State>(options, std::move(rows), std::move(crop_at));
  });
  if (!status.ok()) return status;
  status = CheckWritable(options.folder);
  if (!status.ok()) return status;
  std::error_code error;
  if (fs::exists(state->StatePath(), error)) {
    status = state->LoadState();
  } else if (!options.init_from.empty()) {
    status = state->LoadWeights();
  }
  if (!status.ok()) return status;
  return std::unique_ptr<Trainer>(new Trainer(std::move(state)));
}

Trainer::Trainer(std::unique_ptr<State> state) : state_(std::move(state)) {}
Trainer::~Trainer() = default;

int64_t Trainer::step() const { return state_->step; }
int64_t Trainer::steps() const { return state_->steps; }

absl::Status Trainer::Step() {
  State& s = *state_;
  const TrainingBatch batch = s.BatchOf(s.CropsOf(s.step));
  bool finite = true;
  const absl::Status status = Guarded(kRemedy, [&] {
    at::manual_seed(s.options.seed * 1'000'003 + static_cast<uint64_t>(s.step));
    const at::Tensor losses = s.network.Losses(batch, true);
    const at::Tensor loss = losses.mean();
    finite = std::isfinite(loss.item<float>());
    if (!finite) return;
    loss.backward();
    std::vector<at::Tensor> gradients;
    for (const at::Tensor& parameter : s.network.parameters()) {
      gradients.push_back(parameter.grad());
    }
    s.Optimise(gradients);
    for (const at::Tensor& parameter : s.network.parameters()) {
      parameter.mutable_grad().reset();
    }
    s.Add(batch, losses, s.tally);
  });
  if (!status.ok()) return status;
  if (!finite) {
    return absl::InternalError(
        absl::StrCat("the loss is no number at step ", s.step,
                     "; begin again with a lower --rate"));
  }
  ++s.step;
  s.tokens += batch.sequences * batch.length;
  return absl::OkStatus();
}

TrainingProgress Trainer::Report() {
  State& s = *state_;
  const MonoTime now = rt::Now();
  const double seconds =
      std::max(1e-3, absl::ToDoubleSeconds(now - s.reported));
  TrainingProgress progress;
  progress.step = s.step;
  progress.steps = s.steps;
  progress.tokens = s.tokens;
  progress.tokens_per_second =
      static_cast<double>(s.tokens - s.reported_tokens) / seconds;
  progress.rate = s.RateAt(std::max<int64_t>(0, s.step - 1));
  progress.losses = s.tally.Means();
  s.spent += now - s.reported;
  if (s.step > s.first_step) {
    progress.left = s.spent * (static_cast<double>(s.steps - s.step) /
                               static_cast<double>(s.step - s.first_step));
  }
  s.tally = {};
  s.reported = now;
  s.reported_step = s.step;
  s.reported_tokens = s.tokens;
  return progress;
}

ClassLosses Trainer::Judge(const std::vector<TrainingCrop>& crops) {
  State& s = *state_;
  const MonoTime begin = rt::Now();
  const at::NoGradGuard no_grad;
  Tally tally;
  const size_t at_once = static_cast<size_t>(s.options.sequences);
  for (size_t first = 0; first < crops.size(); first += at_once) {
    const size_t end = std::min(crops.size(), first + at_once);
    const TrainingBatch batch =
        s.BatchOf({crops.begin() + static_cast<std::ptrdiff_t>(first),
                   crops.begin() + static_cast<std::ptrdiff_t>(end)});
    s.Add(batch, s.average.Losses(batch, false), tally);
  }
  s.reported = s.reported + (rt::Now() - begin);  // which is not the training's
  return tally.Means();
}

absl::Status Trainer::SaveState() const {
  const auto tensors = state_->Tensors();
  std::vector<TensorPlan> plan;
  for (const auto& [name, tensor] : tensors) {
    plan.push_back({name, "F32", tensor.sizes().vec()});
  }
  SafetensorsWriter writer(state_->StatePath(), plan);
  for (const auto& [name, tensor] : tensors) {
    const at::Tensor stored = tensor.cpu();
    writer.Write({static_cast<const uint8_t*>(stored.const_data_ptr()),
                  stored.nbytes()});
  }
  return writer.Finish().status();
}

absl::Status Trainer::SaveModel() const {
  const State& s = *state_;
  const fs::path folder(s.options.folder);
  std::vector<TensorPlan> plan;
  for (const TensorSpec& spec : s.average.specs()) {
    plan.push_back({spec.name, "BF16", spec.shape});
  }
  SafetensorsWriter writer(folder / "model.safetensors", plan);
  for (const at::Tensor& parameter : s.average.parameters()) {
    const at::Tensor stored = parameter.to(at::kBFloat16).cpu().contiguous();
    writer.Write({static_cast<const uint8_t*>(stored.const_data_ptr()),
                  stored.nbytes()});
  }
  const absl::StatusOr<std::string> sha256 = writer.Finish();
  if (!sha256.ok()) return sha256.status();
  ModelCard card = s.options.card;
  card.sha256 = *sha256;
  card.d_model = s.options.shape.d_model;
  card.heads = s.options.shape.heads;
  card.layers = s.options.shape.layers;
  card.d_ff = s.options.shape.d_ff;
  card.max_position = s.options.shape.max_position;
  card.vocabulary_rows = s.options.shape.vocabulary_rows;
  const fs::path path = folder / "model.json";
  std::ofstream file(path);
  file << SerializeModelCard(card);
  file.close();
  if (file.good()) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("cannot write '", path.string(), "'"));
}

}  // namespace antiphon::inference
