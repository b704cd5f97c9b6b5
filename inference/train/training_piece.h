// SPDX-License-Identifier: Apache-2.0
//
// Music to learn from: one pianist in bar time. Every bar of a file's meter map
// is warped to kWarpedBarMs by TimeMap::Bars, which is also what the service
// reads a musician's bars by, so that the model meets in use what it has
// learnt. The pedal lengthens notes and is gone. Any thread.
#ifndef ANTIPHON_INFERENCE_TRAIN_TRAINING_PIECE_H_
#define ANTIPHON_INFERENCE_TRAIN_TRAINING_PIECE_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "common/music/meter.h"
#include "inference/aria/chords.h"

namespace antiphon::inference {

// Longer pieces are refused: no music, but a wrong delta time.
inline constexpr int64_t kMaxTrainingBars = 20'000;

// Whose notes these are, as bits: what two tracks play together is both's.
using Roles = uint8_t;
inline constexpr Roles kMelody = 1;     // track MELODY
inline constexpr Roles kRightHand = 2;  // track RH
inline constexpr Roles kLeftHand = 4;   // track LH
inline constexpr Roles kWhole = 8;      // any other track
inline constexpr Roles kAllRoles = 15;

// In bar time; its tags are roles.
using TrainingNote = TaggedNote;

struct TrainingPiece {
  std::string name;                 // path, or what made it
  std::vector<TrainingNote> notes;  // as ByOnsetAndPitch leaves them
  std::vector<Meter> meters;        // of each bar, the last onset's included

  int64_t bars() const { return static_cast<int64_t>(meters.size()); }
};

// Errors say what is wrong, without the file's name: it is unreadable, has no
// note but drums, a meter Antiphon does not know, or more than
// kMaxTrainingBars.
absl::StatusOr<TrainingPiece> ReadTrainingPiece(const std::string& path);

struct TrainingFolder {
  struct Skipped {
    std::string name;
    std::string reason;
  };

  std::vector<TrainingPiece> pieces;  // by path
  std::vector<Skipped> skipped;
};

// Every .mid and .midi below `folder`, upper case too. `progress` hears after
// each file how many of how many are read. A bad file is skipped; errors: there
// is no folder of that name, it has no MIDI file, or no good one.
absl::StatusOr<TrainingFolder> ReadFolder(
    const std::string& folder,
    absl::FunctionRef<void(size_t done, size_t total)> progress);

}  // namespace antiphon::inference

#endif  // ANTIPHON_INFERENCE_TRAIN_TRAINING_PIECE_H_
