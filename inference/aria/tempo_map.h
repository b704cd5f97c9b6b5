// SPDX-License-Identifier: Apache-2.0
//
// Ticks of a MIDI file to milliseconds, rounded as Aria's tokenizer rounds:
// seconds summed in double span by span, then to the nearest millisecond, half
// to even. Before the first tempo message the tempo is 500000 µs per quarter
// (Standard MIDI Files 1.0). Immutable; any thread.
#ifndef ANTIPHON_INFERENCE_ARIA_TEMPO_MAP_H_
#define ANTIPHON_INFERENCE_ARIA_TEMPO_MAP_H_

#include <cstddef>
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
  // Quick however many tempos there are; over more than 256 of them the sum of
  // seconds may differ in its last bits, except from tick 0 on.
  int64_t DurationMs(int64_t start_tick, int64_t end_tick) const;

  // The same tempos with `tick` as tick 0.
  TempoMap From(int64_t tick) const;

 private:
  struct Span {
    int64_t begin_tick = 0;
    double seconds_per_tick = 0;
    double begin_seconds = 0;  // since tick 0
  };

  TempoMap() = default;
  // In order of their ticks, the first at 0.
  void Append(int64_t begin_tick, double seconds_per_tick);
  // The last span that begins at or before `tick`.
  size_t SpanAt(int64_t tick) const;

  std::vector<Span> spans_;
};

}  // namespace antiphon::inference

#endif  // ANTIPHON_INFERENCE_ARIA_TEMPO_MAP_H_
