// SPDX-License-Identifier: Apache-2.0
#include "inference/evaluate/baselines.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numbers>
#include <set>
#include <tuple>
#include <utility>

#include "inference/engine/time_map.h"
#include "inference/evaluate/key.h"

namespace antiphon::inference {
namespace {

constexpr int64_t kSixteenth = 120;  // ticks
constexpr double kChordJitterMs = 14;
constexpr double kNoteJitterMs = 5;
constexpr uint8_t kVelocity = 70;
// A chain of one chord alone would never end.
constexpr int kMaxMarkovSteps = 2000;

// The standard's distributions differ between libraries.
size_t Below(size_t limit, Random& random) {
  return static_cast<size_t>(random() % limit);
}

double Uniform(Random& random) {
  return static_cast<double>(random() >> 11) * 0x1p-53;
}

// Box and Muller's.
double Normal(double deviation, Random& random) {
  const double radius = std::sqrt(-2 * std::log(1 - Uniform(random)));
  return deviation * radius * std::cos(2 * std::numbers::pi * Uniform(random));
}

void SortNotes(std::vector<Note>& notes) {
  std::stable_sort(
      notes.begin(), notes.end(), [](const Note& a, const Note& b) {
        return std::tie(a.tick, a.pitch) < std::tie(b.tick, b.pitch);
      });
}

// One step of the chain: to the next note.
using Step = std::pair<int, int64_t>;  // interval, gap
using Followers = std::map<std::vector<Step>, std::vector<Step>>;

std::vector<Step> StepsOf(const std::vector<Note>& notes) {
  std::vector<Step> steps;
  for (size_t i = 1; i < notes.size(); ++i) {
    steps.emplace_back(notes[i].pitch - notes[i - 1].pitch,
                       (notes[i].tick - notes[i - 1].tick).count());
  }
  return steps;
}

// What follows the last `order` steps, for every order.
Followers FollowersIn(const std::vector<Step>& steps) {
  Followers followers;
  for (size_t i = 0; i < steps.size(); ++i) {
    for (size_t order = 0; order <= std::min<size_t>(2, i); ++order) {
      const auto end = steps.begin() + static_cast<std::ptrdiff_t>(i);
      followers[{end - static_cast<std::ptrdiff_t>(order), end}].push_back(
          steps[i]);
    }
  }
  return followers;
}

Step NextStep(const Followers& followers, std::vector<Step> last,
              Random& random) {
  while (true) {
    const auto found = followers.find(last);
    if (found != followers.end()) {
      return found->second[Below(found->second.size(), random)];
    }
    last.erase(last.begin());
  }
}

}  // namespace

Passage RepeatLastBar(const Passage& call) {
  const Passage last = BarsOf(call, call.bars - 1, 1);
  Passage answer{{}, call.bar_length, call.bars};
  for (int bar = 0; bar < call.bars; ++bar) {
    for (Note note : last.notes) {
      note.tick += Ticks::Of(bar * call.bar_length.count());
      answer.notes.push_back(note);
    }
  }
  return answer;
}

Passage RandomInKey(const Passage& call, Random& random) {
  const Key key = FindKey(CountPitchClasses(call.notes));
  const auto [low, high] = std::minmax_element(
      call.notes.begin(), call.notes.end(),
      [](const Note& a, const Note& b) { return a.pitch < b.pitch; });
  std::vector<int> pitches;
  for (int pitch = low->pitch; pitch <= high->pitch; ++pitch) {
    if (key.Contains(pitch)) pitches.push_back(pitch);
  }
  // One note off its own key.
  if (pitches.empty()) pitches.push_back(key.tonic + 60);
  const auto places =
      static_cast<size_t>((call.length().count() - 1) / kSixteenth + 1);
  std::set<std::pair<int64_t, int>> taken;
  for (size_t i = 0; i < call.notes.size(); ++i) {
    const int64_t tick =
        static_cast<int64_t>(Below(places, random)) * kSixteenth;
    taken.emplace(tick, pitches[Below(pitches.size(), random)]);
  }
  Passage answer{{}, call.bar_length, call.bars};
  for (const auto& [tick, pitch] : taken) {
    answer.notes.push_back({.tick = Ticks::Of(tick),
                            .duration = Ticks::Of(kSixteenth),
                            .pitch = static_cast<uint8_t>(pitch),
                            .velocity = kVelocity});
  }
  return answer;
}

Passage Markov2(const Passage& call, Random& random) {
  std::vector<Note> notes = call.notes;
  SortNotes(notes);
  Passage answer{{}, call.bar_length, call.bars};
  const std::vector<Step> steps = StepsOf(notes);
  if (steps.empty()) return answer;
  const Followers followers = FollowersIn(steps);
  std::vector<Step> last(
      steps.end() - std::min<std::ptrdiff_t>(2, std::ssize(steps)),
      steps.end());
  int64_t tick = notes.back().tick.count();
  int pitch = notes.back().pitch;
  for (int i = 0; i < kMaxMarkovSteps; ++i) {
    const Step step = NextStep(followers, last, random);
    last.push_back(step);
    if (last.size() > 2) last.erase(last.begin());
    pitch = std::clamp(pitch + step.first, 0, 127);
    tick += step.second;
    const Ticks at = Ticks::Of(tick) - call.length();
    if (at >= call.length()) break;
    if (at < Ticks()) continue;
    answer.notes.push_back({.tick = at,
                            .duration = Ticks::Of(kSixteenth),
                            .pitch = static_cast<uint8_t>(pitch),
                            .velocity = kVelocity});
  }
  return answer;
}

Passage Jittered(const Passage& call, const std::vector<TempoChange>& tempos,
                 Random& random) {
  Passage played = call;
  const Ticks last = call.length() - Ticks::Of(1);
  const TimeMap time = TimeMap::Real(tempos, Ticks());
  double chord_ms = 0;
  for (size_t i = 0; i < call.notes.size(); ++i) {
    const Ticks written = call.notes[i].tick;
    if (i == 0 || written != call.notes[i - 1].tick) {
      chord_ms = Normal(kChordJitterMs, random);
    }
    const double ms = chord_ms + Normal(kNoteJitterMs, random);
    const Ticks moved =
        written + Ticks::Of(std::llround(ms / time.MsPerTickAt(written)));
    played.notes[i].tick = std::clamp(moved, Ticks(), last);
  }
  SortNotes(played.notes);
  return played;
}

}  // namespace antiphon::inference
