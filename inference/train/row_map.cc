// SPDX-License-Identifier: Apache-2.0
#include "inference/train/row_map.h"

namespace antiphon::inference {

TokenSet CompactRows(const Vocabulary& vocabulary) {
  TokenSet rows;
  rows.Add(TokenRange{0, kPianoPrefixToken + 1});
  // Velocity 0 is no note.
  rows.Add({vocabulary.NoteId(kLowestKey, 0),
            vocabulary.NoteId(kHighestKey, kMaxVelocityToken) + 1,
            kVelocitySteps});
  rows.Add({vocabulary.durs().begin, vocabulary.durs().end});
  rows.Add({vocabulary.onsets().begin,
            vocabulary.OnsetId(kBarSegmentMs - kTimeStepMs) + 1});
  return rows;
}

}  // namespace antiphon::inference
