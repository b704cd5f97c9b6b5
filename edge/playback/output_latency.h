// SPDX-License-Identifier: Apache-2.0
//
// How long the instrument takes from a note-on to its sound, by velocity: a
// constant for a synthesizer behind a buffer, a curve for a Disklavier, whose
// hammers need longer the softer they strike. Notes are sent that much earlier
// than their tick. A plain value; real-time safe but for Parse.
#ifndef ANTIPHON_EDGE_PLAYBACK_OUTPUT_LATENCY_H_
#define ANTIPHON_EDGE_PLAYBACK_OUTPUT_LATENCY_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "absl/status/statusor.h"
#include "common/time/mono_time.h"

namespace antiphon::edge {

class OutputLatency {
 public:
  static constexpr double kMaxMilliseconds = 1000;

  OutputLatency() = default;  // none
  // "30": milliseconds for every velocity; "1:120,64:60,127:30": by velocity,
  // straight lines between the points, level before the first and after the
  // last. The error names the value and the two forms.
  static absl::StatusOr<OutputLatency> Parse(std::string_view text);

  // velocity: 0..127.
  absl::Duration At(uint8_t velocity) const {
    return absl::Nanoseconds(nanos_[velocity & 0x7F]);
  }
  absl::Duration Longest() const;

 private:
  std::array<int64_t, 128> nanos_{};
};

}  // namespace antiphon::edge

#endif  // ANTIPHON_EDGE_PLAYBACK_OUTPUT_LATENCY_H_
