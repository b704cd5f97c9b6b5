// SPDX-License-Identifier: Apache-2.0
//
// A piano note and a change of its sustain pedal on the model's own time line:
// integral milliseconds from an origin that the owner of the list chooses. With
// the time base `real` these are true milliseconds, with `bar` every bar is
// warped to the same length first.
#ifndef ANTIPHON_INFERENCE_ARIA_TIMED_NOTE_H_
#define ANTIPHON_INFERENCE_ARIA_TIMED_NOTE_H_

#include <cstdint>

namespace antiphon::inference {

struct TimedNote {
  int64_t onset_ms = 0;
  int64_t duration_ms = 0;
  int pitch = 0;     // 0..127
  int velocity = 0;  // 1..127

  friend bool operator==(const TimedNote&, const TimedNote&) = default;
};

struct TimedPedal {
  int64_t at_ms = 0;
  bool down = false;

  friend bool operator==(const TimedPedal&, const TimedPedal&) = default;
};

}  // namespace antiphon::inference

#endif  // ANTIPHON_INFERENCE_ARIA_TIMED_NOTE_H_
