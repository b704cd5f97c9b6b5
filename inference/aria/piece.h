// SPDX-License-Identifier: Apache-2.0
//
// A MIDI file as one pianist's piece in Antiphon's ticks, with its bars. All
// channels but the drums' are one piano; the pedal lengthens notes and is gone.
// Pure functions on plain data; any thread.
#ifndef ANTIPHON_INFERENCE_ARIA_PIECE_H_
#define ANTIPHON_INFERENCE_ARIA_PIECE_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/midi/midi_file.h"
#include "common/music/meter.h"
#include "common/music/note.h"

namespace antiphon::inference {

struct Piece {
  std::vector<Note> notes;          // by tick
  std::vector<size_t> tracks;       // of each note, its track in the file
  std::vector<TempoChange> tempos;  // never empty, the first at 0
  MeterMap meters;

  // The bar after the one that holds the last onset.
  HostBar BarAfter() const;
};

// Errors: no notes; a meter that Antiphon does not know; more than 2^40 ticks.
absl::StatusOr<Piece> PieceOf(const MidiFile& file);

// The piece in a file. What is wrong with the music is said of `name`.
absl::StatusOr<Piece> ReadPiece(const std::string& path,
                                const std::string& name);

}  // namespace antiphon::inference

#endif  // ANTIPHON_INFERENCE_ARIA_PIECE_H_
