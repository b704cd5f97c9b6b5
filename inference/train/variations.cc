// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include "inference/aria/quantise.h"
#include "inference/train/crops.h"

namespace antiphon::inference {
namespace {

constexpr double kChordJitterMs = 12;
constexpr double kNoteJitterMs = 5;
constexpr double kShortest = .7;
constexpr double kLongest = 1.1;

}  // namespace

void Transpose(int semitones, std::vector<TrainingNote>& notes) {
  for (TrainingNote& note : notes) note.note.pitch += semitones;
  KeepPianoKeys(notes);
}

void ShiftVelocity(int steps, std::vector<TrainingNote>& notes) {
  for (TrainingNote& note : notes) {
    note.note.velocity = std::clamp(note.note.velocity + steps * kVelocityStep,
                                    kVelocityStep, kMaxVelocityToken);
  }
}

std::vector<TrainingNote> PlayedBy(Roles roles,
                                   const std::vector<TrainingNote>& notes) {
  std::vector<TrainingNote> kept;
  for (const TrainingNote& note : notes) {
    if ((note.tags & roles) != 0) kept.push_back(note);
  }
  return kept.empty() ? notes : kept;
}

void JitterBefore(int64_t line_ms, double scale, Random& random,
                  std::vector<TrainingNote>& notes) {
  std::normal_distribution<double> of_chord(0, scale * kChordJitterMs);
  std::normal_distribution<double> of_note(0, scale * kNoteJitterMs);
  std::uniform_real_distribution<double> length(kShortest, kLongest);
  const int64_t latest_ms = std::max<int64_t>(0, line_ms - kTimeStepMs);
  int64_t chord_ms = -1;
  double shift_ms = 0;
  for (TrainingNote& each : notes) {
    TimedNote& note = each.note;
    if (note.onset_ms >= line_ms) break;
    if (note.onset_ms != chord_ms) shift_ms = of_chord(random);
    chord_ms = note.onset_ms;
    note.onset_ms = std::clamp<int64_t>(
        chord_ms + std::llround(shift_ms + of_note(random)), 0, latest_ms);
    note.duration_ms = std::max<int64_t>(
        kTimeStepMs,
        std::llround(static_cast<double>(note.duration_ms) * length(random)));
  }
  ByOnsetAndPitch(notes);
}

}  // namespace antiphon::inference
