// SPDX-License-Identifier: Apache-2.0
//
// From a position in a MIDI file, in quarter notes from its start, to the time
// it takes to get there: the file's tempo changes, or one tempo throughout.
// Without a tempo at 0 a file begins at 120 (RP-001). A value, any thread.
#ifndef ANTIPHON_EDGE_PORT_TEMPO_MAP_H_
#define ANTIPHON_EDGE_PORT_TEMPO_MAP_H_

#include <vector>

#include "common/midi/midi_file.h"

namespace antiphon::edge {

class TempoMap {
 public:
  // Quarter notes a minute, > 0.
  static TempoMap Constant(double tempo);
  static TempoMap OfFile(const MidiFile& file);

  double SecondsAt(double quarters) const;
  double tempo_at(double quarters) const;

 private:
  struct Segment {
    double quarters = 0;  // where it begins
    double seconds = 0;
    double seconds_per_quarter = 0.5;
  };

  const Segment& SegmentOf(double quarters) const;

  std::vector<Segment> segments_;  // never empty, the first at 0
};

}  // namespace antiphon::edge

#endif  // ANTIPHON_EDGE_PORT_TEMPO_MAP_H_
