// SPDX-License-Identifier: Apache-2.0
//
// How fast one thread reads memory: the floor of a decode step, which reads
// every weight once. Of a buffer as large as the weights, so that it lies in
// the same caches. One owner.
#ifndef ANTIPHON_INFERENCE_MODEL_READ_PROBE_H_
#define ANTIPHON_INFERENCE_MODEL_READ_PROBE_H_

#include <cstddef>
#include <cstdint>
#include <vector>

namespace antiphon::inference {

class ReadProbe {
 public:
  explicit ReadProbe(size_t bytes);

  // Reads the buffer once, from its beginning to its end.
  void Read();

  size_t bytes() const { return words_.size() * sizeof(uint64_t); }

 private:
  std::vector<uint64_t> words_;
  uint64_t sum_ = 0;  // so that no read is left out
};

}  // namespace antiphon::inference

#endif  // ANTIPHON_INFERENCE_MODEL_READ_PROBE_H_
