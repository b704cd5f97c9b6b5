// SPDX-License-Identifier: Apache-2.0
//
// Trains a model on crops of music: AdamW with warm-up and a straight decay to
// nothing, clipped gradients, an exponential average of the weights that is
// what ships. The second stage, the last part of the budget, hears calls and is
// judged by its answers alone.
//
// Everything is a function of the options and the number of the step: a run
// that was stopped goes on along the same curve, to the bit, or to noise on a
// GPU, which sums in no fixed order. The state is written to
// OUT/training.safetensors every few minutes and at the end; then the averaged
// weights, bf16, to OUT/model.safetensors with their card. Owner: one thread.
#ifndef ANTIPHON_INFERENCE_TRAIN_TRAINER_H_
#define ANTIPHON_INFERENCE_TRAIN_TRAINER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "inference/aria/row_map.h"
#include "inference/model/checkpoint.h"
#include "inference/model/device.h"
#include "inference/model/model_card.h"
#include "inference/train/crops.h"

namespace antiphon::inference {

struct TrainerOptions {
  ModelShape shape;
  int64_t tokens = 40'000'000;  // the budget, padding included
  int64_t sequences = 8;        // a step
  int64_t length = 512;         // tokens, a multiple of 16
  double peak_rate = 1.5e-3;
  double warm_up = 0.02;  // of the steps
  double weight_decay = 0.1;
  double clip = 1;
  double dropout = 0;
  double average = 0.998;      // what the average keeps a step
  double second_stage = 0.15;  // of the steps
  uint64_t seed = 1;
  int threads = 2;               // of ATen, for the whole process
  Device device = Device::kCpu;  // opened before (OpenDevice)
  absl::Duration checkpoint_every = absl::Minutes(3);
  std::string folder;
  std::string init_from;  // weights to begin with; "" = at random
  std::string data;       // what `crop_at` takes them from, to know it again
  ModelCard card;         // of the result; sizes and sha256 are filled in
};

// Nats per token of each class, over what was judged.
struct ClassLosses {
  double note = 0;
  double onset = 0;
  double duration = 0;
  double other = 0;  // <T>
  double all = 0;
  double per_note = 0;  // of all tokens, for each note
};

struct TrainingProgress {
  int64_t step = 0;
  int64_t steps = 0;
  int64_t tokens = 0;
  double tokens_per_second = 0;
  double rate = 0;
  ClassLosses losses;  // since the last report
  absl::Duration left;
};

class Trainer {
 public:
  // TrainingCrop `index` of a stage (1 or 2).
  using CropAt = std::function<TrainingCrop(uint64_t index, int stage)>;

  // Goes on from the state in the folder where there is one, if it was written
  // with the same options and data; where the training runs, the number of
  // threads and the first weights may differ. Errors name the file and what to
  // do.
  static absl::StatusOr<std::unique_ptr<Trainer>> Create(
      const TrainerOptions& options, RowMap rows, CropAt crop_at);
  ~Trainer();

  int64_t step() const;
  int64_t steps() const;

  // One step. Internal where the loss is no number any more.
  absl::Status Step();
  // Since the last call.
  TrainingProgress Report();
  // The averaged weights' losses on crops.
  ClassLosses Judge(const std::vector<TrainingCrop>& crops);

  absl::Status SaveState() const;
  absl::Status SaveModel() const;

 private:
  struct State;
  explicit Trainer(std::unique_ptr<State> state);

  const std::unique_ptr<State> state_;
};

}  // namespace antiphon::inference

#endif  // ANTIPHON_INFERENCE_TRAIN_TRAINER_H_
