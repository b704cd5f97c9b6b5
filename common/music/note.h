// SPDX-License-Identifier: Apache-2.0
//
// Notes as they travel between the modules of the edge and of the service.
#ifndef ANTIPHON_COMMON_MUSIC_NOTE_H_
#define ANTIPHON_COMMON_MUSIC_NOTE_H_

#include <cstdint>

#include "common/music/ticks.h"

namespace antiphon {

enum class NoteSource : uint8_t { kHuman, kAnswer };
enum class HeldBy : uint8_t { kNone, kKey, kPedal };

struct Note {
  Ticks tick;            // from the origin (context) or the bar's line (answer)
  Ticks duration;        // >= 1; of a held note: so far
  uint8_t pitch = 0;     // 0..127
  uint8_t velocity = 0;  // 1..127
  NoteSource source = NoteSource::kHuman;
  HeldBy held_by = HeldBy::kNone;

  Ticks end() const { return tick + duration; }
  friend bool operator==(const Note&, const Note&) = default;
};

struct PedalChange {
  Ticks tick;
  bool down = false;

  friend bool operator==(const PedalChange&, const PedalChange&) = default;
};

struct TempoChange {
  Ticks tick;
  double quarters_per_minute = 120;

  friend bool operator==(const TempoChange&, const TempoChange&) = default;
};

// What sounded in a bar, exactly one per bar (design: outcome).
enum class Outcome : uint8_t {
  kAnswer,
  kOverlap,
  kRepeat,
  kSustain,
  kPattern,
  kRest,
  kSilence
};
inline constexpr int kOutcomes = 7;

// Why it was that.
enum class Reason : uint8_t {
  kInTime,
  kJoined,
  kShortened,
  kNoInput,
  kWarmUp,
  kMode,
  kEmpty,
  kLate,
  kLost,
  kRefused,
  kRejected,
  kInvalid,
  kTimeout,
  kUnavailable,
  kCancelled
};
inline constexpr int kReasons = 15;

// Lower case with underscores, as in logs, files and metric labels.
const char* ToString(Outcome outcome);
const char* ToString(Reason reason);

}  // namespace antiphon

#endif  // ANTIPHON_COMMON_MUSIC_NOTE_H_
