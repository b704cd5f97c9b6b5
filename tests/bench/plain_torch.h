// SPDX-License-Identifier: Apache-2.0
//
// What the model's speed is judged against. PlainDecoder: Aria's decode step as
// one writes it at first, in ATen's own operators throughout (at::linear,
// matmul, softmax, cat), everything in the type of the weights. BareProducts:
// the matrix products of a prefill and nothing else. One thread; throws what
// torch throws.
#ifndef ANTIPHON_TESTS_BENCH_PLAIN_TORCH_H_
#define ANTIPHON_TESTS_BENCH_PLAIN_TORCH_H_

#include <memory>
#include <vector>

#include "inference/model/checkpoint.h"
#include "inference/model/torch_model.h"

namespace antiphon::bench {

class PlainDecoder {
 public:
  // `checkpoint` is fp32. Room for `positions` tokens in each of `batch` slots.
  PlainDecoder(const inference::Checkpoint& checkpoint,
               inference::ComputeType compute, int batch, int positions);
  ~PlainDecoder();

  // The same token in every slot, at `position`, seeing all up to itself.
  // Returns the logits of the first slot.
  std::vector<float> Step(inference::TokenId token, int position);

  // at::linear on `rows` rows with every matrix of the layers; not the head.
  void BareProducts(int rows);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace antiphon::bench

#endif  // ANTIPHON_TESTS_BENCH_PLAIN_TORCH_H_
