// SPDX-License-Identifier: Apache-2.0
//
// Answers each bar with the player's own: the sound check for ports, network
// and timing. Onsets of the human bar up to the cut, at the same ticks; a note
// still held lasts to the target's end, a note begun in an earlier bar is not
// struck again, what exceeds a shorter target is cut.
#ifndef ANTIPHON_INFERENCE_ENGINE_MIRROR_H_
#define ANTIPHON_INFERENCE_ENGINE_MIRROR_H_

#include <vector>

#include "inference/engine/job.h"

namespace antiphon::inference {

std::vector<Note> MirrorOf(const Job& job);

class Mirror : public Answerer {
 public:
  JobEnd Answer(const Job& job, AnswerSink& sink) override;
};

}  // namespace antiphon::inference

#endif  // ANTIPHON_INFERENCE_ENGINE_MIRROR_H_
