// SPDX-License-Identifier: Apache-2.0
//
// Ticks of a MIDI file to milliseconds, rounded as Aria's tokenizer rounds:
// seconds summed in double span by span, then to the nearest millisecond, half
// to even. Before the first tempo message the tempo is 500000 µs per quarter
// (Standard MIDI Files 1.0). Immutable; any thread.
#ifndef ANTIPHON_INFERENCE_ARIA_TEMPO_MAP_H_
#define ANTIPHON_INFERENCE_ARIA_TEMPO_MAP_H_

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "common/midi/midi_file.h"

namespace antiphon::inference {

class TempoMap {
 public:
  // `tempos` sorted by tick; of several on one tick the last one counts.
  TempoMap(int ticks_per_quarter, absl::Span<const MidiFileTempo> tempos);

  // 0 for end ≤ start. Saturates far beyond any piece of music (10^15 ms).
  int64_t DurationMs(int64_t start_tick, int64_t end_tick) const;

 private:
  struct Span {
    int64_t begin_tick = 0;
    double seconds_per_tick = 0;
  };
  std::vector<Span> spans_;  // the first begins at tick 0
};

}  // namespace antiphon::inference

#endif  // ANTIPHON_INFERENCE_ARIA_TEMPO_MAP_H_
