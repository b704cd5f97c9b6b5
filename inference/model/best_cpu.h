// SPDX-License-Identifier: Apache-2.0
//
// ANTIPHON_BEST_CPU before a function: compiled for AVX-512, for AVX2 and
// plainly; the version for this processor is chosen when the program is loaded.
// Empty under sanitizers, which do not run yet when the choice is made, and
// where the compiler lacks it. What the function calls is not multiplied.
#ifndef ANTIPHON_INFERENCE_MODEL_BEST_CPU_H_
#define ANTIPHON_INFERENCE_MODEL_BEST_CPU_H_

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
// Levels, not names of processors: those match one maker's alone.
#define ANTIPHON_BEST_CPU \
  __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define ANTIPHON_BEST_CPU
#endif

#endif  // ANTIPHON_INFERENCE_MODEL_BEST_CPU_H_
