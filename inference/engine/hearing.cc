// SPDX-License-Identifier: Apache-2.0
#include "inference/engine/hearing.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>

#include "absl/types/span.h"
#include "inference/engine/time_map.h"

namespace antiphon::inference {
namespace {

// In ticks from the bar's line.
constexpr int64_t kSixteenth = kTicksPerQuarter / 4;
constexpr int64_t kTriplet = kTicksPerQuarter / 3;
// Some are 20 ticks from a triplet. So they count, and are left where they are,
// only where another chord is nearer than the 80 of triplets of sixteenths.
constexpr int64_t kThirtySecond = kTicksPerQuarter / 8;
constexpr double kQuickTicks = 70;
// Farther from a beat is no beat, but a quintuplet, say.
constexpr double kBeatTicks = 45;
constexpr size_t kFewestBeats = 4;  // that tell a lateness

using Notes = absl::Span<Note* const>;

struct Chord {
  Notes notes;
  double at = 0;  // ticks, the mean
  double ticks_per_ms = 1;
  // Struck a little early, a bar's first notes were put on its line when they
  // were taken in: they say nothing of how late or early the player is.
  bool on_line = false;
  bool quick = false;  // may be a thirty-second

  Ticks Without(double late_ms) const {
    return Ticks::Of(std::llround(at - (on_line ? 0 : late_ms) * ticks_per_ms));
  }
  double reach() const {  // ticks
    return std::min<double>(kReachTicks, kReachMs * ticks_per_ms);
  }
};

std::vector<Note*> PlayedIn(Ticks origin, std::vector<Note>& notes) {
  std::vector<Note*> played;
  for (Note& note : notes) {
    if (note.source == NoteSource::kHuman && note.tick >= origin) {
      played.push_back(&note);
    }
  }
  std::stable_sort(
      played.begin(), played.end(),
      [](const Note* a, const Note* b) { return a->tick < b->tick; });
  return played;
}

double MeanOnset(Notes notes) {
  double sum = 0;
  for (const Note* note : notes) sum += static_cast<double>(note->tick.count());
  return sum / static_cast<double>(notes.size());
}

double TicksPerMs(Ticks at, const TimeMap& time) {
  const Ticks bar = Ticks::Of(kTicksPerWhole);
  const int64_t ms = time.MsAt(at + bar) - time.MsAt(at);
  return static_cast<double>(bar.count()) /
         static_cast<double>(std::max<int64_t>(1, ms));
}

std::vector<Chord> ChordsOf(Notes played, const Job& job) {
  const TimeMap time = TimeMap::Real(job.tempos, Ticks());
  std::vector<Chord> chords;
  while (!played.empty()) {
    const Ticks first = played.front()->tick;
    const double ticks_per_ms = TicksPerMs(first, time);
    const auto length = static_cast<int64_t>(
        std::min<double>(kChordTicks, kChordMs * ticks_per_ms));
    const auto end =
        std::find_if(played.begin(), played.end(), [&](const Note* note) {
          return note->tick > first + Ticks::Of(length);
        });
    const Notes notes = played.first(static_cast<size_t>(end - played.begin()));
    const bool on_line =
        std::binary_search(job.bar_lines.begin(), job.bar_lines.end(), first);
    chords.push_back({notes, MeanOnset(notes), ticks_per_ms, on_line});
    played.remove_prefix(notes.size());
  }
  for (size_t i = 1; i < chords.size(); ++i) {
    if (chords[i].at - chords[i - 1].at > kQuickTicks) continue;
    chords[i - 1].quick = chords[i].quick = true;
  }
  return chords;
}

// Where the bar of `tick` would begin if it was whole: a pickup begins before
// its line.
Ticks LineBefore(Ticks tick, const Job& job) {
  const std::vector<Ticks>& lines = job.bar_lines;
  const auto next = std::upper_bound(lines.begin(), lines.end(), tick);
  if (next == lines.begin()) return lines.front();
  const Ticks line = *(next - 1);
  if (next - 1 != lines.begin() || next == lines.end() || !job.origin_meter) {
    return line;
  }
  return std::min(line, *next - job.origin_meter->BarLength());
}

Ticks NearestOf(int64_t grid, Ticks line, Ticks tick) {
  const double places =
      static_cast<double>((tick - line).count()) / static_cast<double>(grid);
  return line + Ticks::Of(std::llround(places) * grid);
}

double TicksBetween(Ticks a, Ticks b) {
  return static_cast<double>(std::abs((a - b).count()));
}

// Of a chord at `tick`: the nearest place of a sixteenth or a triplet; none
// where a thirty-second is nearer.
std::optional<Ticks> PlaceNear(Ticks tick, bool quick, const Job& job) {
  const Ticks line = LineBefore(tick, job);
  const Ticks sixteenth = NearestOf(kSixteenth, line, tick);
  const Ticks triplet = NearestOf(kTriplet, line, tick);
  const bool is_triplet =
      TicksBetween(triplet, tick) < TicksBetween(sixteenth, tick);
  const Ticks place = is_triplet ? triplet : sixteenth;
  const Ticks fine = NearestOf(kThirtySecond, line, tick);
  if (quick && TicksBetween(fine, tick) < TicksBetween(place, tick)) {
    return std::nullopt;
  }
  return place;
}

// What a bar is counted in.
int64_t BeatOf(const Meter& meter) {
  const bool in_threes = meter.denominator == 8 && meter.numerator % 3 == 0;
  return in_threes ? kTicksPerQuarter * 3 / 2 : kTicksPerQuarter;
}

// How far a chord is behind the nearest beat; nothing where it is none, or
// stands on a line.
std::optional<double> BehindBeatMs(const Chord& chord, const Job& job) {
  if (chord.on_line) return std::nullopt;
  const Ticks tick = chord.Without(0);
  const Ticks beat =
      NearestOf(BeatOf(job.human_meter), LineBefore(tick, job), tick);
  const double behind = chord.at - static_cast<double>(beat.count());
  if (std::abs(behind) > kBeatTicks) return std::nullopt;
  return behind / chord.ticks_per_ms;
}

// The middle one of all beats: what is between the beats may be swung.
double LatenessOf(const std::vector<Chord>& chords, const Job& job) {
  std::vector<double> behind_ms;
  for (const Chord& chord : chords) {
    const std::optional<double> ms = BehindBeatMs(chord, job);
    if (ms) behind_ms.push_back(*ms);
  }
  if (behind_ms.size() < kFewestBeats) return 0;
  const auto middle =
      behind_ms.begin() + static_cast<std::ptrdiff_t>(behind_ms.size() / 2);
  std::nth_element(behind_ms.begin(), middle, behind_ms.end());
  const double off = std::abs(*middle);
  return off < kLeastLateMs || off > kMostLateMs ? 0 : *middle;
}

Ticks HeardAt(const Chord& chord, double late_ms, const Job& job) {
  const Ticks tick = std::max(job.bar_lines.front(), chord.Without(late_ms));
  const std::optional<Ticks> place = PlaceNear(tick, chord.quick, job);
  const bool near = place && TicksBetween(tick, *place) <= chord.reach();
  return near ? *place : tick;
}

void MoveTo(Ticks tick, Notes notes) {
  for (Note* note : notes) {
    if (note->held_by != HeldBy::kNone) {
      note->duration = std::max(Ticks::Of(1), note->end() - tick);
    }
    note->tick = tick;
  }
}

}  // namespace

std::vector<Note> AsHeard(const Job& job) {
  std::vector<Note> notes = job.notes;
  if (job.bar_lines.empty()) return notes;
  const std::vector<Note*> played = PlayedIn(job.bar_lines.front(), notes);
  const std::vector<Chord> chords = ChordsOf(played, job);
  const double late_ms = LatenessOf(chords, job);
  for (const Chord& chord : chords) {
    const Ticks heard = HeardAt(chord, late_ms, job);
    if (heard < job.cut) MoveTo(heard, chord.notes);
  }
  return notes;
}

}  // namespace antiphon::inference
