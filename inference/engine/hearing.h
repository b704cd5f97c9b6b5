// SPDX-License-Identifier: Apache-2.0
//
// How a model that learnt from scores hears a player. Hands strike the notes of
// a chord some milliseconds apart, and a note some too soon or too late; and
// who listens through a sound card is late all the time. Scores know none of
// that, and a model that reads such onsets as written looks for a rhythm in
// them. So a player's lateness is taken off, notes struck together are heard as
// a chord, and where a sixteenth or a triplet of eighths is near, the chord is
// heard there. What is near neither stays where it was played: thirty-seconds,
// quintuplets, a light swing, a grace note that is no part of a chord. Pure
// functions; any thread.
#ifndef ANTIPHON_INFERENCE_ENGINE_HEARING_H_
#define ANTIPHON_INFERENCE_ENGINE_HEARING_H_

#include <vector>

#include "common/music/note.h"
#include "inference/engine/job.h"

namespace antiphon::inference {

// Hands err in time; at fast tempos ticks keep apart what may be written there.

// A chord: notes within that of its first one. A thirty-second is 60 ticks.
inline constexpr int kChordMs = 30;
inline constexpr int kChordTicks = 45;
// How far a chord may be from where it is heard. A quintuplet is 24 ticks from
// a sixteenth.
inline constexpr int kReachMs = 40;
inline constexpr int kReachTicks = 23;
// A lateness, or earliness: less is lost in the reach, more is no hand's.
inline constexpr int kLeastLateMs = 8;
inline constexpr int kMostLateMs = 40;

// `job`'s notes, in its order. Answers stay as they are, and so does what was
// played before the first bar line, or would be heard at the cut or later. A
// held note sounds on until the cut; the others last as long as they did.
std::vector<Note> AsHeard(const Job& job);

}  // namespace antiphon::inference

#endif  // ANTIPHON_INFERENCE_ENGINE_HEARING_H_
