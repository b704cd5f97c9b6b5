// SPDX-License-Identifier: Apache-2.0
//
// The two parts of Aria's attention that are no matrix products: rotary
// position embedding (half-split pairing, base 500000, tables in fp32 as in
// training) and one query row against a slot's cached keys and values.
// A row's result depends on its slot alone, not on what shares the batch: the
// order of every sum is fixed by position and head width. Vectors of lanes.h,
// compiled for each kind of processor; no allocation, no torch. Any thread.
#ifndef ANTIPHON_INFERENCE_MODEL_ATTENTION_H_
#define ANTIPHON_INFERENCE_MODEL_ATTENTION_H_

#include <vector>

namespace antiphon::inference {

class RopeTable {
 public:
  // head_width: even.
  RopeTable(int positions, int head_width);

  // Rotates `heads` vectors of head_width that follow each other.
  void Rotate(int position, int heads, float* vectors) const;

  // head_width / 2 values each.
  const float* Cosines(int position) const;
  const float* Sines(int position) const;

 private:
  int half_;
  std::vector<float> cosines_;  // [position][half]
  std::vector<float> sines_;
};

// `count` positions of one head, [position][head width].
struct KeyRange {
  const float* keys = nullptr;
  const float* values = nullptr;
  int count = 0;
};

// out = softmax(query · keys / sqrt(head_width)) · values over both ranges, the
// first before the second; together at least one position. `scores` has room
// for both counts. out: head_width values, none of the inputs.
void Attend(const float* query, const KeyRange& trunk, const KeyRange& branch,
            int head_width, float* scores, float* out);

}  // namespace antiphon::inference

#endif  // ANTIPHON_INFERENCE_MODEL_ATTENTION_H_
