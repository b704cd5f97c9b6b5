// SPDX-License-Identifier: Apache-2.0
//
// Says on standard error how far a part of the work is and how long it takes
// on: on a terminal every second in place, else a line every half minute; what
// is done within a second says nothing. One thread.
#ifndef ANTIPHON_INFERENCE_EVALUATE_PROGRESS_H_
#define ANTIPHON_INFERENCE_EVALUATE_PROGRESS_H_

#include <cstddef>
#include <string>

#include "common/time/mono_time.h"

namespace antiphon::inference {

class Progress {
 public:
  // `part`: "model, windows".
  Progress(std::string part, size_t steps);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void Step();

 private:
  const std::string part_;
  const size_t steps_;
  const bool terminal_;
  const MonoTime begin_;
  MonoTime next_;
  size_t done_ = 0;
  bool shown_ = false;
};

}  // namespace antiphon::inference

#endif  // ANTIPHON_INFERENCE_EVALUATE_PROGRESS_H_
