// SPDX-License-Identifier: Apache-2.0
//
// A MIDI file as Aria's tokenizer reads it: notes with a start and an end,
// pedal changes and programs, in file ticks. The order is part of the result:
// notes by start tick, those with the same start in the order of their ends in
// the file, then of their tracks. Notes that never end are dropped.
// Pure functions on plain data; any thread.
#ifndef ANTIPHON_INFERENCE_ARIA_NOTE_LIST_H_
#define ANTIPHON_INFERENCE_ARIA_NOTE_LIST_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "common/midi/midi_file.h"
#include "inference/aria/tempo_map.h"
#include "inference/aria/vocabulary.h"

namespace antiphon::inference {

inline constexpr int kChannels = 16;
inline constexpr int kDrumChannel = 9;  // counted from 0
inline constexpr int kSustainController = 64;

struct FileNote {
  int channel = 0;
  int pitch = 0;
  int velocity = 0;
  int64_t start_tick = 0;
  int64_t end_tick = 0;
  size_t track = 0;  // its place in MidiFile::tracks

  friend bool operator==(const FileNote&, const FileNote&) = default;
};

struct PedalChange {
  int channel = 0;
  bool down = false;
  int64_t tick = 0;

  friend bool operator==(const PedalChange&, const PedalChange&) = default;
};

struct ProgramChange {
  int channel = 0;
  int program = 0;
  int64_t tick = 0;

  friend bool operator==(const ProgramChange&, const ProgramChange&) = default;
};

struct NoteList {
  std::vector<FileNote> notes;
  std::vector<PedalChange> pedals;      // every CC64 message, by tick
  std::vector<ProgramChange> programs;  // by tick
};

// A file without a program change gets one: program 0 on channel 0.
NoteList ReadNotes(const MidiFile& file);

// Takes out all that sounds on a channel which ever has a program of an
// instrument that `vocabulary` ignores. Drums and program 0 always stay.
void DropIgnoredInstruments(const Vocabulary& vocabulary, NoteList& list);

// Keeps of each channel only the presses during which a note ends. A press that
// is never let go stays, unless it is the very last change: so the reference.
void RemoveRedundantPedals(NoteList& list);

// Keeps what starts at most limit_ms after tick 0; a pedal left down by the
// very last change kept loses that change.
void KeepFirst(const TempoMap& tempos, int64_t limit_ms, NoteList& list);

// By channel, the index into InstrumentName of its last program, also where it
// plays no note; piano where it plays without a program. Nothing for channels
// without either, for drums and for what Aria has no instrument for.
std::array<std::optional<int>, kChannels> InstrumentsOf(const NoteList& list);

}  // namespace antiphon::inference

#endif  // ANTIPHON_INFERENCE_ARIA_NOTE_LIST_H_
