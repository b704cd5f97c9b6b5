// SPDX-License-Identifier: Apache-2.0
//
// SHA-256 (FIPS 180-4) of bytes that arrive in pieces. One owner; no errors.
#ifndef ANTIPHON_INFERENCE_MODEL_SHA256_H_
#define ANTIPHON_INFERENCE_MODEL_SHA256_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/types/span.h"

namespace antiphon::inference {

class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;

  void Add(absl::Span<const uint8_t> bytes);
  // Lower-case hexadecimal. Call once, last.
  std::string Finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace antiphon::inference

#endif  // ANTIPHON_INFERENCE_MODEL_SHA256_H_
