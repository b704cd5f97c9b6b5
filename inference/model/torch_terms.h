// SPDX-License-Identifier: Apache-2.0
//
// Antiphon's terms in libtorch's, for inference/model/*.cc and
// inference/train/*.cc. Any thread.
#ifndef ANTIPHON_INFERENCE_MODEL_TORCH_TERMS_H_
#define ANTIPHON_INFERENCE_MODEL_TORCH_TERMS_H_

#include <cstdint>
#include <exception>
#include <new>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "inference/model/device.h"
#include "inference/model/safetensors.h"

namespace at {
class Tensor;
}
namespace c10 {
struct Device;
enum class ScalarType : int8_t;
}  // namespace c10

namespace antiphon::inference {

c10::Device TorchDevice(Device device);
c10::ScalarType TorchType(StoredType type);

// A copy, [rows, width] in fp32; the rows lie behind one another.
at::Tensor CopyOf(const float* values, int64_t rows, int64_t width,
                  Device device);

// Runs `work`; what it throws becomes a status of one line. `remedy`: of too
// little memory.
template <typename Work>
absl::Status Guarded(const char* remedy, Work work) {
  try {
    work();
    return absl::OkStatus();
  } catch (const std::bad_alloc&) {
    return absl::ResourceExhaustedError(
        absl::StrCat("not enough memory; ", remedy));
  } catch (const std::exception& e) {
    const std::string what = e.what();
    return absl::InternalError(
        absl::StrCat("libtorch: ", what.substr(0, what.find('\n'))));
  }
}

}  // namespace antiphon::inference

#endif  // ANTIPHON_INFERENCE_MODEL_TORCH_TERMS_H_
