// SPDX-License-Identifier: Apache-2.0
//
// Keys (after rotation) and values of everything the slots have read, in fp32:
// for trunks and for branches each [layer][slot][head][position][head width].
// Fixed capacity; memory that was never written is never resident. It knows no
// lengths: SlotBook does. Owner: that of the model.
#ifndef ANTIPHON_INFERENCE_MODEL_KV_CACHE_H_
#define ANTIPHON_INFERENCE_MODEL_KV_CACHE_H_

#include <cstddef>
#include <memory>

#include "inference/model/model.h"

namespace antiphon::inference {

class KvCache {
 public:
  struct Shape {
    int layers = 0;
    int slots = 0;
    int heads = 0;
    int head_width = 0;
    int trunk_positions = 0;
    int branch_positions = 0;

    // Of the whole cache.
    size_t bytes() const;
  };
  // Position 0 of one head; the others follow head_width apart.
  struct Head {
    float* keys = nullptr;
    float* values = nullptr;
  };

  explicit KvCache(const Shape& shape);

  const Shape& shape() const { return shape_; }
  Head Trunk(int layer, SlotId slot, int head) const {
    return At(trunk_, shape_.trunk_positions, layer, slot, head);
  }
  Head Branch(int layer, SlotId slot, int head) const {
    return At(branch_, shape_.branch_positions, layer, slot, head);
  }

 private:
  struct Part {
    std::unique_ptr<float[]> keys;
    std::unique_ptr<float[]> values;
  };
  Head At(const Part& part, int positions, int layer, SlotId slot,
          int head) const;
  Part Allocate(int positions) const;

  Shape shape_;
  Part trunk_;
  Part branch_;
};

}  // namespace antiphon::inference

#endif  // ANTIPHON_INFERENCE_MODEL_KV_CACHE_H_
