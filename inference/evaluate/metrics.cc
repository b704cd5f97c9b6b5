// SPDX-License-Identifier: Apache-2.0
#include "inference/evaluate/metrics.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <numeric>
#include <set>
#include <utility>

#include "inference/evaluate/key.h"

namespace antiphon::inference {
namespace {

constexpr int64_t kGrooveBins = 48;
constexpr int64_t kGridReach = 6;         // ticks
constexpr int64_t kGrids[] = {120, 160};  // a sixteenth, a triplet eighth
constexpr int kRangeReach = 5;            // semitones
constexpr double kExactCopyFrom = 0.95;
constexpr int kLongestLoop = 3;

using Places = std::set<std::pair<int64_t, int>>;  // position, pitch

double Folded(double a, double b) {
  return a > 0 && b > 0 ? std::min(a / b, b / a) : 0;
}

template <typename Predicate>
double Share(const std::vector<Note>& notes, Predicate holds) {
  if (notes.empty()) return 0;
  return static_cast<double>(std::count_if(notes.begin(), notes.end(), holds)) /
         static_cast<double>(notes.size());
}

double PchOverlap(const std::vector<Note>& a, const std::vector<Note>& b) {
  if (a.empty() || b.empty()) return 0;
  const PitchClasses in_a = CountPitchClasses(a);
  const PitchClasses in_b = CountPitchClasses(b);
  double overlap = 0;
  for (size_t i = 0; i < in_a.size(); ++i) {
    overlap += std::min(in_a[i] / static_cast<double>(a.size()),
                        in_b[i] / static_cast<double>(b.size()));
  }
  return overlap;
}

using Groove = std::array<double, kGrooveBins>;

Groove GrooveOf(const Passage& passage) {
  Groove groove{};
  const int64_t bar = passage.bar_length.count();
  for (const Note& note : passage.notes) {
    const int64_t in_bar = note.tick.count() % bar;
    const int64_t bin = (in_bar * kGrooveBins + bar / 2) / bar % kGrooveBins;
    ++groove[static_cast<size_t>(bin)];
  }
  return groove;
}

double Cosine(const Groove& a, const Groove& b) {
  const auto dot = [](const Groove& x, const Groove& y) {
    return std::inner_product(x.begin(), x.end(), y.begin(), 0.0);
  };
  const double lengths = std::sqrt(dot(a, a) * dot(b, b));
  return lengths > 0 ? dot(a, b) / lengths : 0;
}

double NotesPerOnset(const Passage& passage) {
  std::set<Ticks> onsets;
  for (const Note& note : passage.notes) onsets.insert(note.tick);
  if (onsets.empty()) return 0;
  return static_cast<double>(passage.notes.size()) /
         static_cast<double>(onsets.size());
}

double NotesPerBar(const Passage& passage) {
  return static_cast<double>(passage.notes.size()) / passage.bars;
}

bool OnGrid(int64_t in_bar) {
  return std::any_of(std::begin(kGrids), std::end(kGrids), [=](int64_t grid) {
    const int64_t after = in_bar % grid;
    return std::min(after, grid - after) <= kGridReach;
  });
}

Places PlacesOf(const Passage& passage) {
  Places places;
  for (const Note& note : passage.notes) {
    places.emplace(note.tick.count(), note.pitch);
  }
  return places;
}

double ShareInRange(const Passage& call, const Passage& answer) {
  const auto [low, high] = std::minmax_element(
      call.notes.begin(), call.notes.end(),
      [](const Note& a, const Note& b) { return a.pitch < b.pitch; });
  const int from = low->pitch - kRangeReach;
  const int to = high->pitch + kRangeReach;
  return Share(answer.notes, [=](const Note& note) {
    return from <= note.pitch && note.pitch <= to;
  });
}

double ShareOfEmptyBars(const Passage& passage) {
  std::set<int64_t> filled;
  for (const Note& note : passage.notes) filled.insert(passage.BarOf(note));
  return 1 - static_cast<double>(filled.size()) / passage.bars;
}

// Silence is no loop.
int LongestLoop(const Passage& passage) {
  int longest = 0;
  int run = 0;
  Places before;
  for (int bar = 0; bar < passage.bars; ++bar) {
    Places places = PlacesOf(BarsOf(passage, bar, 1));
    run = places.empty() ? 0 : places == before ? run + 1 : 1;
    longest = std::max(longest, run);
    before = std::move(places);
  }
  return longest;
}

}  // namespace

std::string_view NameOf(Metric metric) {
  constexpr std::array<std::string_view, kMetrics> kNames = {
      "pch_overlap", "in_key",     "density",        "groove",
      "poly",        "on_grid",    "copy",           "range",
      "empty",       "exact_copy", "pch_first_half", "pch_second_half",
      "loop",        "long_loop"};
  return kNames[metric];
}

Metrics Compare(const Passage& call, const Passage& answer) {
  const std::vector<Note>& notes = answer.notes;
  const int half = answer.bars / 2;
  const Key key = FindKey(CountPitchClasses(call.notes));
  const Places known = PlacesOf(call);
  const int64_t bar = answer.bar_length.count();
  Metrics metrics{};
  metrics[kPchOverlap] = PchOverlap(call.notes, notes);
  metrics[kInKey] =
      Share(notes, [&](const Note& note) { return key.Contains(note.pitch); });
  metrics[kDensity] = Folded(NotesPerBar(call), NotesPerBar(answer));
  metrics[kGroove] = Cosine(GrooveOf(call), GrooveOf(answer));
  metrics[kPoly] = Folded(NotesPerOnset(call), NotesPerOnset(answer));
  metrics[kOnGrid] = Share(
      notes, [&](const Note& note) { return OnGrid(note.tick.count() % bar); });
  metrics[kCopy] = Share(notes, [&](const Note& note) {
    return known.contains({note.tick.count(), note.pitch});
  });
  metrics[kRange] = ShareInRange(call, answer);
  metrics[kEmpty] = ShareOfEmptyBars(answer);
  metrics[kExactCopy] = metrics[kCopy] > kExactCopyFrom ? 1 : 0;
  metrics[kPchFirstHalf] =
      PchOverlap(call.notes, BarsOf(answer, 0, half).notes);
  metrics[kPchSecondHalf] =
      PchOverlap(call.notes, BarsOf(answer, half, answer.bars - half).notes);
  metrics[kLoop] = LongestLoop(answer);
  metrics[kLongLoop] = metrics[kLoop] > kLongestLoop ? 1 : 0;
  return metrics;
}

}  // namespace antiphon::inference
