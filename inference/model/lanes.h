// SPDX-License-Identifier: Apache-2.0
//
// Vectors of 16 floats as GCC and Clang know them: one register with AVX-512,
// two with AVX2, four without. Everything here is inlined and so compiled for
// the processor of its caller (best_cpu.h). The order of additions is fixed.
#ifndef ANTIPHON_INFERENCE_MODEL_LANES_H_
#define ANTIPHON_INFERENCE_MODEL_LANES_H_

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace antiphon::inference {

inline constexpr size_t kLanes = 16;
typedef float Lanes __attribute__((vector_size(kLanes * sizeof(float))));
typedef float FourFloats __attribute__((vector_size(4 * sizeof(float))));

[[gnu::always_inline]] inline void LoadLanes(const float* from, Lanes& to) {
  std::memcpy(&to, from, sizeof to);
}

// Sums the lanes of four vectors: by halves to four lanes, then across.
[[gnu::always_inline]] inline void SumLanes(const Lanes (&lanes)[4],
                                            FourFloats& out) {
  typedef float Eight __attribute__((vector_size(8 * sizeof(float))));
  FourFloats folded[4];
  for (size_t k = 0; k < 4; ++k) {
    Eight halves[2];
    std::memcpy(halves, &lanes[k], sizeof halves);
    const Eight eight = halves[0] + halves[1];
    FourFloats quarters[2];
    std::memcpy(quarters, &eight, sizeof quarters);
    folded[k] = quarters[0] + quarters[1];
  }
  const FourFloats first =
      __builtin_shufflevector(folded[0], folded[1], 0, 4, 1, 5) +
      __builtin_shufflevector(folded[0], folded[1], 2, 6, 3, 7);
  const FourFloats second =
      __builtin_shufflevector(folded[2], folded[3], 0, 4, 1, 5) +
      __builtin_shufflevector(folded[2], folded[3], 2, 6, 3, 7);
  out = __builtin_shufflevector(first, second, 0, 1, 4, 5) +
        __builtin_shufflevector(first, second, 2, 3, 6, 7);
}

}  // namespace antiphon::inference

#endif  // ANTIPHON_INFERENCE_MODEL_LANES_H_
