// SPDX-License-Identifier: Apache-2.0
//
// Aria's network as it is trained: the tensors of inference/model/checkpoint.h,
// by the same names, as parameters of autograd. Residual stream, norms and
// parameters are fp32, inputs of products bf16 (autocast's rule). Included by
// inference/train/*.cc alone. Throws what torch throws. Owner: one thread.
#ifndef ANTIPHON_INFERENCE_TRAIN_TRAINING_NETWORK_H_
#define ANTIPHON_INFERENCE_TRAIN_TRAINING_NETWORK_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "inference/model/checkpoint.h"
#include "inference/model/device.h"

namespace at {
class Tensor;
}

namespace antiphon::inference {

// Rows of tokens of one length, and what each is to predict.
struct TrainingBatch {
  int64_t sequences = 0;
  int64_t length = 0;            // a multiple of 16
  std::vector<int64_t> inputs;   // [sequences · length], rows of the embedding
  std::vector<int64_t> targets;  // the same; -1: not judged
};

class TrainingNetwork {
 public:
  // Random parameters, a function of `seed`: norms are the identity, matrices
  // normal, narrower where they end a layer. `dropout` of what a layer adds.
  // All of it is on `device`, and so are the losses.
  TrainingNetwork(const ModelShape& shape, int64_t max_length, double dropout,
                  uint64_t seed, Device device);
  ~TrainingNetwork();

  // Negative log likelihood of each judged target, in the batch's order, in
  // nats; with gradients where autograd is on. `training`: with dropout.
  at::Tensor Losses(const TrainingBatch& batch, bool training) const;

  const ModelShape& shape() const { return shape_; }
  // As TensorsOf(shape()).
  const std::vector<TensorSpec>& specs() const { return specs_; }
  const std::vector<at::Tensor>& parameters() const { return parameters_; }

 private:
  const at::Tensor& Parameter(const std::string& name) const;
  at::Tensor Normed(const at::Tensor& x, const std::string& name) const;

  const ModelShape shape_;
  const double dropout_;
  const std::vector<TensorSpec> specs_;
  std::vector<at::Tensor> parameters_;
  const std::unique_ptr<class Rotation> rotation_;
};

}  // namespace antiphon::inference

#endif  // ANTIPHON_INFERENCE_TRAIN_TRAINING_NETWORK_H_
