// SPDX-License-Identifier: Apache-2.0
//
// Whether a model hears to which call an answer belongs: the human answer's
// nats after its own call against those after the call of another piece in the
// same meter. No copying trick wins here. One thread.
#ifndef ANTIPHON_INFERENCE_EVALUATE_PAIRING_H_
#define ANTIPHON_INFERENCE_EVALUATE_PAIRING_H_

#include <cstdint>
#include <functional>
#include <vector>

#include "absl/status/statusor.h"
#include "inference/evaluate/likelihood.h"
#include "inference/evaluate/rows.h"

namespace antiphon::inference {

struct Pairing {
  int pairs = 0;
  int own = 0;  // pairs whose answer is likelier after its own call

  double Share() const { return static_cast<double>(own) / pairs; }
};

// Each case against `samples` random other ones. Left out is what is alone in
// its meter, or longer than the model reads. `on_case`, where given, is called
// after each.
absl::StatusOr<Pairing> PairingOf(const Reader& reader,
                                  const std::vector<Case>& cases, int samples,
                                  uint64_t seed,
                                  const std::function<void()>& on_case);

}  // namespace antiphon::inference

#endif  // ANTIPHON_INFERENCE_EVALUATE_PAIRING_H_
