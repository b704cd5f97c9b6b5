// SPDX-License-Identifier: Apache-2.0
//
// Where the model's matrix products run. CUDA's kernels are in a plugin, a
// shared library beside the program that is linked to them: the program itself
// starts without. It has to be opened before anything asks libtorch about CUDA,
// or libtorch does without for good: so first thing in main, on its thread. It
// is never closed. Needs no torch.
#ifndef ANTIPHON_INFERENCE_MODEL_DEVICE_H_
#define ANTIPHON_INFERENCE_MODEL_DEVICE_H_

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace antiphon::inference {

enum class Device { kCpu, kCuda };

// The device that --device names: "cpu" or "cuda".
absl::StatusOr<Device> NamedDevice(std::string_view name);

// For CUDA opens libantiphon_cuda.so beside this program and looks for a GPU.
// Errors: FailedPrecondition where the plugin, CUDA's libraries or a GPU are
// missing, in one line that says which.
absl::Status OpenDevice(Device device);

// The part of OpenDevice that knows no paths.
absl::Status OpenCuda(const std::string& plugin);

}  // namespace antiphon::inference

#endif  // ANTIPHON_INFERENCE_MODEL_DEVICE_H_
