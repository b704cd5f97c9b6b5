// SPDX-License-Identifier: Apache-2.0
//
// x · weightᵀ for a few rows of x, as in decoding, where a weight is read once
// and used for a handful of rows: limited by memory, not arithmetic. Weights
// are fp32, or bf16 that are widened on the way; x and all sums are fp32. Each
// result is one dot product with a fixed order of additions, so a row's result
// never depends on how many rows are computed with it, nor on which outputs.
// Any thread.
#ifndef ANTIPHON_INFERENCE_MODEL_ROW_PRODUCT_H_
#define ANTIPHON_INFERENCE_MODEL_ROW_PRODUCT_H_

#include <cstddef>
#include <cstdint>

namespace antiphon::inference {

// x: rows × width; weight: outputs × width; out: rows × outputs, all row-major.
void RowProduct(const float* x, size_t rows, const float* weight,
                size_t outputs, size_t width, float* out);
// weight: the bits of bf16.
void RowProduct(const float* x, size_t rows, const uint16_t* weight,
                size_t outputs, size_t width, float* out);

}  // namespace antiphon::inference

#endif  // ANTIPHON_INFERENCE_MODEL_ROW_PRODUCT_H_
