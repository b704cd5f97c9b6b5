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

// Of bf16, the upper halves of floats.
[[gnu::always_inline]] inline void LoadLanes(const uint16_t* from, Lanes& to) {
  typedef uint16_t Halves __attribute__((vector_size(2 * kLanes)));
  typedef uint32_t Words __attribute__((vector_size(4 * kLanes)));
  Halves halves;
  std::memcpy(&halves, from, sizeof halves);
  const Words words = __builtin_convertvector(halves, Words) << 16;
  std::memcpy(&to, &words, sizeof to);
}

// To the nearest bf16, ties to even. Not for NaN.
[[gnu::always_inline]] inline void StoreLanes(const Lanes& from, uint16_t* to) {
  typedef uint16_t Halves __attribute__((vector_size(2 * kLanes)));
  typedef uint32_t Words __attribute__((vector_size(4 * kLanes)));
  Words words;
  std::memcpy(&words, &from, sizeof words);
  words = (words + 0x7fff + (words >> 16 & 1)) >> 16;
  const Halves halves = __builtin_convertvector(words, Halves);
  std::memcpy(to, &halves, sizeof halves);
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

// e^x for x <= 0, within 2e-7 of it; NaN stays. The method of Cephes' expf:
// x = n·ln 2 + r, a polynomial in r, n added to the exponent.
[[gnu::always_inline]] inline void Exponentiate(Lanes& x) {
  typedef int32_t Words __attribute__((vector_size(sizeof(Lanes))));
  constexpr float kLowest = -87;     // below it, a result is denormal
  constexpr float kRound = 3 << 22;  // added, it leaves whole numbers
  constexpr float kLog2E = 1.44269504f;
  constexpr float kLn2High = 0.693359375f;
  constexpr float kLn2Low = -2.12194440e-4f;
  const Lanes low = Lanes{} + kLowest;
  x = x < low ? low : x;
  const Lanes shifted = x * kLog2E + kRound;
  const Lanes n = shifted - kRound;
  const Lanes r = x - n * kLn2High - n * kLn2Low;
  Lanes p = r * 1.9875691500e-4f + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * (r * r) + r + 1.0f;
  Words exponent = __builtin_convertvector(n, Words);
  exponent = (exponent + 127) << 23;
  Lanes power;
  std::memcpy(&power, &exponent, sizeof power);
  x = p * power;
}

}  // namespace antiphon::inference

#endif  // ANTIPHON_INFERENCE_MODEL_LANES_H_
