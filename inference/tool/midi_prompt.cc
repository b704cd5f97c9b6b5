// SPDX-License-Identifier: Apache-2.0
#include "inference/tool/midi_prompt.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <tuple>
#include <utility>

namespace antiphon::inference {
namespace {

constexpr double kUsPerMinute = 60e6;

// Note-offs before note-ons on one tick.
MidiFileTrack TrackOf(const char* name, std::vector<Note> notes) {
  std::stable_sort(
      notes.begin(), notes.end(), [](const Note& a, const Note& b) {
        return std::tie(a.pitch, a.tick) < std::tie(b.pitch, b.tick);
      });
  MidiFileTrack track;
  track.name = name;
  for (size_t i = 0; i < notes.size(); ++i) {
    Ticks off = notes[i].end();
    if (i + 1 < notes.size() && notes[i + 1].pitch == notes[i].pitch) {
      off = std::min(off, notes[i + 1].tick);
    }
    if (off <= notes[i].tick) continue;
    track.events.push_back(
        {notes[i].tick.count(), 3, {0x90, notes[i].pitch, notes[i].velocity}});
    track.events.push_back({off.count(), 3, {0x80, notes[i].pitch, 0}});
  }
  std::stable_sort(track.events.begin(), track.events.end(),
                   [](const MidiFileEvent& a, const MidiFileEvent& b) {
                     return std::tie(a.tick, a.bytes[0], a.bytes[1]) <
                            std::tie(b.tick, b.bytes[0], b.bytes[1]);
                   });
  if (!track.events.empty()) track.end_tick = track.events.back().tick;
  return track;
}

}  // namespace

MidiFile FileOf(const Piece& human, const std::vector<Note>& answer) {
  MidiFile file;
  file.ticks_per_quarter = static_cast<int>(kTicksPerQuarter);
  for (const TempoChange& tempo : human.tempos) {
    file.tempos.push_back(
        {tempo.tick.count(), static_cast<uint32_t>(std::lround(
                                 kUsPerMinute / tempo.quarters_per_minute))});
  }
  for (const MeterMap::Change& change : human.meters.changes()) {
    file.meters.push_back(
        {change.at.count(), change.meter.numerator, change.meter.denominator});
  }
  file.tracks = {TrackOf("human", human.notes), TrackOf("answer", answer)};
  return file;
}

}  // namespace antiphon::inference
