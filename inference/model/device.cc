// SPDX-License-Identifier: Apache-2.0
#include "inference/model/device.h"

#include <dlfcn.h>

#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"

namespace antiphon::inference {
namespace {

template <typename... Args>
absl::Status Unusable(const Args&... args) {
  return absl::FailedPreconditionError(
      absl::StrCat("--device=cuda: ", args...));
}

}  // namespace

absl::StatusOr<Device> NamedDevice(std::string_view name) {
  if (name == "cpu") return Device::kCpu;
  if (name == "cuda") return Device::kCuda;
  return absl::InvalidArgumentError(absl::StrCat(
      "--device=", std::string(name), " is unknown; take cpu or cuda"));
}

absl::Status OpenDevice(Device device) {
  if (device == Device::kCpu) return absl::OkStatus();
  std::error_code error;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", error);
  return OpenCuda((program.parent_path() / "libantiphon_cuda.so").string());
}

absl::Status OpenCuda(const std::string& plugin) {
  std::error_code error;
  if (!std::filesystem::exists(plugin, error)) {
    return Unusable("there is no '", plugin,
                    "'; take a build with libtorch, or --device=cpu");
  }
  void* library = dlopen(plugin.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    return Unusable(dlerror(), "; scripts/fetch_libtorch.py --cuda fetches ",
                    "CUDA's libraries");
  }
  using Count = int();
  auto* const count =
      reinterpret_cast<Count*>(dlsym(library, "AntiphonCudaDevices"));
  if (count == nullptr) return Unusable("'", plugin, "' is another library");
  if (count() > 0) return absl::OkStatus();
  return Unusable("no GPU with a driver was found; take --device=cpu");
}

}  // namespace antiphon::inference
