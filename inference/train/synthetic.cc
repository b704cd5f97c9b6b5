// SPDX-License-Identifier: Apache-2.0
#include "inference/train/synthetic.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <iterator>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "inference/model/model.h"
#include "inference/train/melody.h"

namespace antiphon::inference {
namespace {

constexpr int kFewestBars = 16;
constexpr int kMostBars = 32;
constexpr double kBeatMs = kWarpedBarMs / 4.;
constexpr double kLeastSwing = 1.5;
constexpr double kMostSwing = 2.2;
constexpr int kLowestRoot = 31;
constexpr int kHighestRoot = 48;
constexpr int kVoicingCentre = 57;
constexpr const char* kKeys[] = {"C",  "Db", "D",  "Eb", "E",  "F",
                                 "Gb", "G",  "Ab", "A",  "Bb", "B"};

using Texts = absl::Span<const std::string_view>;

// A left hand's bar: semitones above the root, put onto the chord.
struct FigureNote {
  int step;
  int steps;
  int interval;
};
using Figure = std::vector<FigureNote>;

struct Recipe {
  const char* name;
  double swung;  // share of its pieces
  Texts charts;
  Texts melody;
  Texts chords;
  std::vector<Figure> bass;  // empty: it walks
  double approaches;
  double chord_length;  // of what is written
  bool blue;            // weak notes of the melody from the blues scale
};

constexpr std::string_view kBluesCharts[] = {
    "C7 C7 C7 C7 F7 F7 C7 C7 G7 F7 C7 G7",
    "C7 F7 C7 C7 F7 F7 C7 C7 G7 F7 C7 C7/G7",
    "C7 F7 C7 Gm7/C7 F7 F7 C7 A7 Dm7 G7 C7/A7 Dm7/G7"};
constexpr std::string_view kSwingCharts[] = {
    "Dm7 G7 Cmaj7 Cmaj7 Dm7 G7 Cmaj7 A7",
    "Dm7 G7 Cmaj7 C7 Fmaj7 Bb7 Em7/A7 Dm7/G7",
    "Dm7 G7 Cmaj7 Cmaj7 Cm7 F7 Bbmaj7 Bbmaj7 "
    "Fm7 Bb7 Ebmaj7 Ebmaj7 Dm7 G7 Cmaj7 Dm7/G7",
    "Dm7b5 G7b9 Cm7 Cm7 Fm7 Bb7 Ebmaj7 Abmaj7"};
constexpr std::string_view kBossaCharts[] = {
    "Cmaj7 Cmaj7 D7 D7 Dm7 G7 Cmaj7 Db7", "Cmaj7 Am7 Dm7 G7 Em7 A7 Dm7 G7",
    "Cm7 Cm7 Fm7 Fm7 Dm7b5 G7b9 Cm7 G7b9",
    "Cm7 Fm7 Bb7 Ebmaj7 Abmaj7 Dm7b5 G7b9 Cm7"};
constexpr std::string_view kBalladCharts[] = {
    "C G Am F", "Am F C G",    "F G C Am",    "C/G Am F C/G",
    "C Am F G", "Am Em F C/G", "C G/F Am F/G"};

constexpr std::string_view kSwingMelody[] = {
    ".xxxx-x-", "x-xxx-..", "xxx-.x-.", "..xx-xx-", "x-x-xx-x",
    "x--x--x-", "xxxxx-..", ".x-xx-x-", "x-xxxxx-", "x---...x"};
constexpr std::string_view kBluesMelody[] = {
    "xxx-....", ".xxxx---", "x-xxx-..", "x--xx---", "..xxx-x-", "xx.xx-.."};
constexpr std::string_view kBossaMelody[] = {
    "x--x--x-", ".x-x-x-.", "x-.x-xx-", "..x-xx--", "x--xx--x", "x-x-----"};
constexpr std::string_view kBalladMelody[] = {
    "x-x-x-xx", "x---x-x-", "..x-x-x-", "x-xxx---", "x-------", "x--xx-x-"};

constexpr std::string_view kSwingChords[] = {
    "x--x....", "...x...x", ".x-..x-.", "x-..x-..", "..x-..x-", "x......x"};
constexpr std::string_view kBoogieChords[] = {"x-..x-..", "..x-..x-",
                                              ".x-x....", "x---...."};
constexpr std::string_view kBossaChords[] = {"x-.x--x-", "..x-.x-.", "x--x-.x-",
                                             ".x-x-.x-"};
constexpr std::string_view kBalladChords[] = {"x---x---", "x-------",
                                              "x-x-x-x-", "..x-..x-"};

Figure Eighths(const std::vector<int>& intervals) {
  Figure figure;
  for (const int interval : intervals) {
    figure.push_back({2 * static_cast<int>(figure.size()), 2, interval});
  }
  return figure;
}

const Recipe& RecipeOf(Style style) {
  static const std::vector<Recipe>* const recipes = new std::vector<Recipe>{
      {"12-bar blues",
       1,
       kBluesCharts,
       kBluesMelody,
       kSwingChords,
       {},
       .3,
       .7,
       true},
      {"ii-V-I swing",
       1,
       kSwingCharts,
       kSwingMelody,
       kSwingChords,
       {},
       .35,
       .7,
       false},
      {"boogie",
       .7,
       {kBluesCharts, 2},
       kBluesMelody,
       kBoogieChords,
       {Eighths({0, 4, 7, 9, 10, 9, 7, 4}), Eighths({0, 7, 9, 7, 0, 7, 9, 7}),
        Eighths({0, 12, 0, 12, 0, 12, 0, 12})},
       .3,
       .6,
       true},
      {"bossa",
       0,
       kBossaCharts,
       kBossaMelody,
       kBossaChords,
       {{{0, 6, 0}, {6, 2, 7}, {8, 6, 7}, {14, 2, 0}},
        {{0, 6, 0}, {6, 2, 0}, {8, 8, 7}}},
       .2,
       .8,
       false},
      {"I-V-vi-IV ballad",
       0,
       kBalladCharts,
       kBalladMelody,
       kBalladChords,
       {Eighths({0, 7, 12, 16, 19, 16, 12, 7}),
        Eighths({0, 7, 12, 7, 16, 7, 12, 7}),
        Eighths({0, 7, 12, 7, 0, 7, 12, 7})},
       0,
       1,
       false}};
  return (*recipes)[static_cast<size_t>(style)];
}

int Uniform(int low, int high, Random& random) {
  return std::uniform_int_distribution<int>(low, high)(random);
}
template <typename List>
const auto& OneOf(const List& list, Random& random) {
  return list[static_cast<size_t>(
      Uniform(0, static_cast<int>(std::size(list)) - 1, random))];
}
constexpr PitchClasses ClassOf(int root) {
  return static_cast<PitchClasses>(1 << root);
}

class Arranger {
 public:
  Arranger(Style style, Random& random)
      : recipe_(RecipeOf(style)), random_(random) {
    std::uniform_real_distribution<double> share;
    if (share(random_) < recipe_.swung) {
      made_.swing = std::uniform_real_distribution<double>(kLeastSwing,
                                                           kMostSwing)(random_);
    }
    key_ = Uniform(0, 11, random_);
    const std::vector<Chord> chorus =
        ReadChart(OneOf(recipe_.charts, random_), key_);
    const int bars = static_cast<int>(chorus.size()) / 2;
    const int times =
        Uniform((kFewestBars + bars - 1) / bars, kMostBars / bars, random_);
    for (int i = 0; i < times; ++i) {
      made_.chords.insert(made_.chords.end(), chorus.begin(), chorus.end());
    }
  }

  SyntheticPiece Arrange() {
    made_.piece.name =
        absl::StrCat("synthetic: ", recipe_.name, " in ", kKeys[key_]);
    made_.piece.meters.assign(made_.chords.size() / 2, Meter{4, 4});
    PlayMelody();
    PlayChords();
    recipe_.bass.empty() ? Walk() : PlayFigure(OneOf(recipe_.bass, random_));
    ByOnsetAndPitch(made_.piece.notes);
    return std::move(made_);
  }

 private:
  int bars() const { return static_cast<int>(made_.piece.bars()); }
  // Of half a bar; the piece goes round.
  const Chord& ChordOf(int half) const {
    return made_.chords[static_cast<size_t>(half) % made_.chords.size()];
  }

  double MsOf(int step) const {
    const double on_beat = kBeatMs * made_.swing / (1 + made_.swing);
    const double within[] = {0, on_beat / 2, on_beat, (on_beat + kBeatMs) / 2};
    return step / 4 * kBeatMs + within[step % 4];
  }

  void Play(const WrittenNote& written, double length, int loudness,
            Roles role) {
    const int in_bar = written.step % kStepsPerBar;
    int accent = in_bar == 0 ? 6 : in_bar % 8 == 0 ? 3 : 0;
    if (made_.swing > 1 && in_bar % 4 == 2) accent = 4;
    // Phrases of four bars swell and fade.
    const double phrase = written.step % (4 * kStepsPerBar) / 64.;
    accent += static_cast<int>(8 * std::sin(phrase * 3.1416));
    const double onset = MsOf(written.step);
    const double off = MsOf(written.step + written.steps);
    made_.piece.notes.push_back(
        {{std::llround(onset),
          std::max<int64_t>(kTimeStepMs, std::llround((off - onset) * length)),
          written.pitch,
          std::clamp(loudness + accent + Uniform(-5, 5, random_), 10, 120)},
         role});
  }

  void PlayMelody() {
    MelodyOptions options;
    options.rhythms = recipe_.melody;
    options.approaches = recipe_.approaches;
    options.centre = Uniform(70, 76, random_);
    constexpr PitchClasses kBlues =
        1 | 1 << 3 | 1 << 5 | 1 << 6 | 1 << 7 | 1 << 10;
    if (recipe_.blue) options.scale = Transposed(kBlues, key_);
    const int loudness = Uniform(72, 88, random_);
    for (const auto& note : WriteMelody(made_.chords, options, random_)) {
      Play(note, .95, loudness, kMelody);
    }
  }

  // One rhythm for four bars; the last eighth of a bar brings the next chord.
  void PlayChords() {
    const int loudness = Uniform(50, 64, random_);
    std::vector<WrittenNote> rhythm;
    for (int bar = 0; bar < bars(); ++bar) {
      if (bar % 4 == 0) rhythm = ReadRhythm(OneOf(recipe_.chords, random_));
      for (WrittenNote note : rhythm) {
        const Chord& chord = ChordOf(2 * bar + (note.step + 2) / 8);
        note.step += bar * kStepsPerBar;
        for (int root = 0; root < 12; ++root) {
          if (!Holds(chord.voicing, root)) continue;
          note.pitch = Nearest(ClassOf(root), kVoicingCentre);
          Play(note, recipe_.chord_length, loudness, kRightHand);
        }
      }
    }
  }

  static int RootNear(const Chord& chord, int pitch) {
    const int root = Nearest(ClassOf(chord.root), pitch);
    return root < kLowestRoot    ? root + 12
           : root > kHighestRoot ? root - 12
                                 : root;
  }

  // Quarters: a root, a tone of the chord, its root or another tone, and a
  // semitone to the next root.
  void Walk() {
    const int loudness = Uniform(60, 74, random_);
    int root = RootNear(ChordOf(0), 40);
    for (int bar = 0; bar < bars(); ++bar) {
      const Chord& first = ChordOf(2 * bar);
      const Chord& second = ChordOf(2 * bar + 1);
      const int next = RootNear(ChordOf(2 * bar + 2), root);
      const int tone =
          Nearest(static_cast<PitchClasses>(first.tones & ~ClassOf(first.root)),
                  root + Uniform(2, 8, random_));
      const int third =
          first.root != second.root
              ? RootNear(second, tone)
              : Nearest(static_cast<PitchClasses>(first.tones &
                                                  ~ClassOf(PitchClass(tone))),
                        (tone + next) / 2);
      int lead = next + (third > next ? 1 : -1);
      if (lead == third) lead = 2 * next - lead;
      int step = bar * kStepsPerBar;
      for (const int pitch : {root, tone, third, lead}) {
        Play({step, 4, pitch}, .9, loudness, kLeftHand);
        step += 4;
      }
      root = next;
    }
  }

  // A bar of two chords plays the figure's first half twice.
  void PlayFigure(const Figure& figure) {
    const int loudness = Uniform(56, 70, random_);
    for (int bar = 0; bar < bars(); ++bar) {
      const bool two = ChordOf(2 * bar).root != ChordOf(2 * bar + 1).root;
      for (int half = 0; half < (two ? 2 : 1); ++half) {
        const Chord& chord = ChordOf(2 * bar + half);
        const int root = RootNear(chord, 40);
        for (const FigureNote& note : figure) {
          if (two && note.step >= 8) continue;
          const int steps =
              two ? std::min(note.steps, 8 - note.step) : note.steps;
          Play({bar * kStepsPerBar + half * 8 + note.step, steps,
                OnChord(chord, root, note.interval)},
               .9, loudness, kLeftHand);
        }
      }
    }
  }

  // Sixths and tenths of rolling basses are no chord tones and stay.
  int OnChord(const Chord& chord, int root, int interval) const {
    return recipe_.blue ? root + interval
                        : Nearest(chord.tones, root + interval);
  }

  const Recipe& recipe_;
  Random& random_;
  int key_ = 0;
  SyntheticPiece made_;
};

}  // namespace

const char* ToString(Style style) { return RecipeOf(style).name; }

SyntheticPiece MakePiece(Style style, Random& random) {
  return Arranger(style, random).Arrange();
}

}  // namespace antiphon::inference
