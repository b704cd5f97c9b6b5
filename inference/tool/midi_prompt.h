// SPDX-License-Identifier: Apache-2.0
//
// A piece and its answer, back to a MIDI file. Pure function on plain data; any
// thread.
#ifndef ANTIPHON_INFERENCE_TOOL_MIDI_PROMPT_H_
#define ANTIPHON_INFERENCE_TOOL_MIDI_PROMPT_H_

#include <vector>

#include "common/midi/midi_file.h"
#include "common/music/note.h"
#include "inference/aria/piece.h"

namespace antiphon::inference {

// 480 ticks per quarter note, tracks `human` and `answer`. Where a key is
// struck again while it sounds, the earlier note of the track ends.
MidiFile FileOf(const Piece& human, const std::vector<Note>& answer);

}  // namespace antiphon::inference

#endif  // ANTIPHON_INFERENCE_TOOL_MIDI_PROMPT_H_
