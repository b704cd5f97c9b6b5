// SPDX-License-Identifier: Apache-2.0
#include "inference/model/kv_cache.h"

namespace antiphon::inference {
namespace {

size_t Values(const KvCache::Shape& shape, int positions) {
  return static_cast<size_t>(shape.layers) * static_cast<size_t>(shape.slots) *
         static_cast<size_t>(shape.heads) *
         static_cast<size_t>(shape.head_width) * static_cast<size_t>(positions);
}

}  // namespace

size_t KvCache::Shape::bytes() const {
  return 2 * sizeof(float) *
         (Values(*this, trunk_positions) + Values(*this, branch_positions));
}

KvCache::KvCache(const Shape& shape)
    : shape_(shape),
      trunk_(Allocate(shape.trunk_positions)),
      branch_(Allocate(shape.branch_positions)) {}

KvCache::Part KvCache::Allocate(int positions) const {
  const size_t n = Values(shape_, positions);
  // Not initialised: large blocks then become resident page by page.
  return {std::unique_ptr<float[]>(new float[n]),
          std::unique_ptr<float[]>(new float[n])};
}

KvCache::Head KvCache::At(const Part& part, int positions, int layer,
                          SlotId slot, int head) const {
  const size_t index =
      (static_cast<size_t>(layer) * static_cast<size_t>(shape_.slots) +
       static_cast<size_t>(slot)) *
          static_cast<size_t>(shape_.heads) +
      static_cast<size_t>(head);
  const size_t offset = index * static_cast<size_t>(positions) *
                        static_cast<size_t>(shape_.head_width);
  return {part.keys.get() + offset, part.values.get() + offset};
}

}  // namespace antiphon::inference
