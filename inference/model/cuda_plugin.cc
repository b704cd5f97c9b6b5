// SPDX-License-Identifier: Apache-2.0
//
// libantiphon_cuda.so: opening it loads libtorch's CUDA half, which registers
// its kernels (device.h). Asks through the hooks that libtorch has for this, so
// it compiles without CUDA's headers.
#include <ATen/detail/CUDAHooksInterface.h>

#include <exception>

// How many GPUs there are; 0 without a driver.
extern "C" int AntiphonCudaDevices() noexcept {
  try {
    return at::detail::getCUDAHooks().getNumGPUs();
  } catch (const std::exception&) {
    return 0;
  }
}
