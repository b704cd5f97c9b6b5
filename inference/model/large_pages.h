// SPDX-License-Identifier: Apache-2.0
//
// Memory for weights: decode reads all of it at each step, and with pages of
// 4 KB waits for their addresses as well. Pieces of one reservation follow each
// other, so that no large page is begun for each. What is not touched is never
// resident. Where the kernel has no large pages, nothing changes. One owner.
#ifndef ANTIPHON_INFERENCE_MODEL_LARGE_PAGES_H_
#define ANTIPHON_INFERENCE_MODEL_LARGE_PAGES_H_

#include <cstddef>

namespace antiphon::inference {

class LargePages {
 public:
  // Throws std::bad_alloc where there is no room for `bytes`.
  explicit LargePages(size_t bytes);
  ~LargePages();
  LargePages(const LargePages&) = delete;
  LargePages& operator=(const LargePages&) = delete;

  // Zeros, at a multiple of 64, valid as long as this object; null where less
  // than `bytes` is left.
  void* Take(size_t bytes);

 private:
  const size_t size_;
  char* const begin_;
  size_t used_ = 0;
};

}  // namespace antiphon::inference

#endif  // ANTIPHON_INFERENCE_MODEL_LARGE_PAGES_H_
