// SPDX-License-Identifier: Apache-2.0
#include "inference/train/melody.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdlib>
#include <utility>

namespace antiphon::inference {
namespace {

constexpr int kStepsPerChord = kStepsPerBar / 2;
constexpr int kStepsPerCall = 2 * kStepsPerBar;
constexpr int kWidestLine = 9;  // semitones from the centre
constexpr double kSameCall = .6;

int Uniform(int low, int high, Random& random) {
  return std::uniform_int_distribution<int>(low, high)(random);
}
bool Chance(double share, Random& random) {
  return std::uniform_real_distribution<double>()(random) < share;
}

// Two bars whose pitches are heights: semitones from the centre, roughly.
using Motif = std::vector<WrittenNote>;

class Composer {
 public:
  Composer(const std::vector<Chord>& chords, const MelodyOptions& options,
           Random& random)
      : chords_(chords), options_(options), random_(random) {}

  std::vector<WrittenNote> Write() {
    const int bars = static_cast<int>(chords_.size()) / 2;
    Motif call = NewCall();
    for (int bar = 0; bar + 4 <= bars; bar += 4) {
      if (bar > 0 && !Chance(kSameCall, random_)) call = NewCall();
      Set(call, bar * kStepsPerBar);
      Set(AnswerTo(call), (bar + 2) * kStepsPerBar);
    }
    return melody_;
  }

 private:
  std::vector<WrittenNote> NewBar() {
    const auto last = static_cast<int>(options_.rhythms.size()) - 1;
    return ReadRhythm(
        options_.rhythms[static_cast<size_t>(Uniform(0, last, random_))]);
  }

  void Append(const std::vector<WrittenNote>& bar, Motif& motif) {
    for (WrittenNote note : bar) {
      note.step += kStepsPerBar;
      motif.push_back(note);
    }
  }

  // Mostly by step, now and then by a leap, back towards the middle.
  int NextHeight(int height) {
    static constexpr std::array<int, 12> kMoves = {-2, -2, -2, -1, -1, 1,
                                                   1,  2,  2,  2,  5,  -4};
    const int move = kMoves[static_cast<size_t>(Uniform(0, 11, random_))];
    const int next = height + move;
    return std::abs(next) > kWidestLine ? height - move : next;
  }

  Motif NewCall() {
    Motif call = NewBar();
    Append(NewBar(), call);
    int height = Uniform(-4, 5, random_);
    for (WrittenNote& note : call) {
      note.pitch = height;
      height = NextHeight(height);
    }
    return call;
  }

  // The first bar is the call's, a little higher, lower or upside down; the
  // second its own or the call's, and it ends on a long low note.
  Motif AnswerTo(const Motif& call) {
    Motif answer = call;
    if (Chance(.4, random_)) {
      std::erase_if(answer, [](const WrittenNote& note) {
        return note.step >= kStepsPerBar;
      });
      int height = answer.empty() ? 0 : answer.back().pitch;
      Append(NewBar(), answer);
      for (WrittenNote& note : answer) {
        if (note.step >= kStepsPerBar) note.pitch = height = NextHeight(height);
      }
    }
    const bool upside_down = Chance(.15, random_);
    const int shift = Uniform(-2, 2, random_);
    for (WrittenNote& note : answer) {
      note.pitch = (upside_down ? -note.pitch : note.pitch) + shift;
    }
    if (answer.empty()) return answer;
    WrittenNote& last = answer.back();
    last.steps = std::min(8, kStepsPerCall - last.step);
    last.pitch = Uniform(-3, 0, random_);
    return answer;
  }

  const Chord& ChordAt(int step) const {
    return chords_[std::min(static_cast<size_t>(step / kStepsPerChord),
                            chords_.size() - 1)];
  }

  static bool IsStrong(const WrittenNote& note) {
    return note.step % kStepsPerChord == 0 || note.steps >= 4;
  }

  // Gives heights their pitches where the motif falls. A line that moves does
  // not come to stand because the same tone of a chord is nearest twice.
  void Set(const Motif& motif, int at) {
    const size_t first = melody_.size();
    int height = 0;
    for (WrittenNote note : motif) {
      const int move = note.pitch - std::exchange(height, note.pitch);
      note.step += at;
      const PitchClasses classes = ClassesFor(note);
      note.pitch = Nearest(classes, options_.centre + height);
      const bool stands = melody_.size() > first && move != 0 &&
                          note.pitch == melody_.back().pitch;
      if (stands) note.pitch = Next(classes, note.pitch, move > 0);
      melody_.push_back(note);
    }
    for (size_t i = first; i + 1 < melody_.size(); ++i) Approach(i);
  }

  // What is held over the middle of a bar or its end belongs to what comes.
  PitchClasses ClassesFor(const WrittenNote& note) const {
    const bool strong = IsStrong(note);
    const bool ahead = note.step % kStepsPerChord == 6 && strong;
    const Chord& chord = ChordAt(note.step + (ahead ? 2 : 0));
    if (strong) return chord.tones;
    return options_.scale != 0 ? options_.scale : chord.scale;
  }

  void Approach(size_t i) {
    WrittenNote& note = melody_[i];
    const WrittenNote& next = melody_[i + 1];
    const bool leads = !IsStrong(note) && IsStrong(next) &&
                       next.step == note.step + note.steps;
    if (!leads || !Chance(options_.approaches, random_)) return;
    note.pitch = next.pitch + (note.pitch > next.pitch ? 1 : -1);
  }

  const std::vector<Chord>& chords_;
  const MelodyOptions& options_;
  Random& random_;
  std::vector<WrittenNote> melody_;
};

}  // namespace

std::vector<WrittenNote> ReadRhythm(std::string_view rhythm) {
  constexpr int kStepsPerSign = 2;
  std::vector<WrittenNote> notes;
  for (size_t i = 0; i < rhythm.size(); ++i) {
    const int step = static_cast<int>(i) * kStepsPerSign;
    if (rhythm[i] == 'x') notes.push_back({step, kStepsPerSign, 0});
    if (rhythm[i] == '-' && !notes.empty()) notes.back().steps += kStepsPerSign;
  }
  return notes;
}

std::vector<WrittenNote> WriteMelody(const std::vector<Chord>& chords,
                                     const MelodyOptions& options,
                                     Random& random) {
  return Composer(chords, options, random).Write();
}

}  // namespace antiphon::inference
