// SPDX-License-Identifier: Apache-2.0
#include "edge/session/session_writer.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <utility>

namespace antiphon::edge {
namespace {

constexpr double kDefaultNanosPerTick = 500e6 / kTicksPerQuarter;
constexpr int64_t kMaxTempo = 0xFFFFFF;  // microseconds a quarter note

double NanosBetween(MonoTime a, MonoTime b) {
  return static_cast<double>(b.nanos() - a.nanos());
}

}  // namespace

void SessionWriter::OnBar(MonoTime line, const BarSpan& bar, uint32_t epoch) {
  if (lines_.size() == kMaxBars) {
    ++dropped_;
    return;
  }
  lines_.push_back({line, bar.length(), bar.meter, epoch});
}

void SessionWriter::OnBarEnd(MonoTime line) {
  // Beyond kMaxBars the last bar kept has its end already.
  if (!lines_.empty() && !lines_.back().end) lines_.back().end = line;
}

void SessionWriter::OnHuman(const TimedMessage& message) {
  if (message.message.IsChannelMessage()) Keep(human_, message);
}

void SessionWriter::OnAnswer(const TimedMessage& message) {
  Keep(answer_, message);
}

void SessionWriter::Keep(std::vector<TimedMessage>& track,
                         const TimedMessage& message) {
  if (track.size() == kMaxEvents) {
    ++dropped_;
    return;
  }
  track.push_back(message);
}

// Every line, and one beyond the last so that each bar has an end.
std::vector<SessionWriter::Placed> SessionWriter::Grid() const {
  std::vector<Placed> grid;
  double nanos_per_tick = kDefaultNanosPerTick;
  int64_t tick = 0;
  for (size_t i = 0; i < lines_.size(); ++i) {
    const Line& line = lines_[i];
    if (!grid.empty() && line.at <= grid.back().at) continue;
    grid.push_back({line.at, tick});
    const bool last = i + 1 == lines_.size();
    const double nanos = last ? 0 : NanosBetween(line.at, lines_[i + 1].at);
    if (!last && lines_[i + 1].epoch == line.epoch) {
      tick += line.length.count();
      nanos_per_tick = nanos / static_cast<double>(line.length.count());
    } else if (!last) {  // time stood or jumped: as long as it took
      tick += std::max<int64_t>(1, std::llround(nanos / nanos_per_tick));
    } else {
      const double guess =
          static_cast<double>(line.length.count()) * nanos_per_tick;
      const MonoTime guessed =
          MonoTime::FromNanos(line.at.nanos() + std::llround(guess));
      grid.push_back({line.end.value_or(guessed), tick + line.length.count()});
    }
  }
  return grid;
}

int64_t SessionWriter::TickAt(const std::vector<Placed>& grid, MonoTime at) {
  if (grid.size() < 2) return 0;
  auto next = std::upper_bound(
      grid.begin() + 1, grid.end() - 1, at,
      [](MonoTime t, const Placed& placed) { return t < placed.at; });
  const Placed& from = *std::prev(next);
  const double slope = static_cast<double>(next->tick - from.tick) /
                       NanosBetween(from.at, next->at);
  const int64_t tick =
      from.tick + std::llround(NanosBetween(from.at, at) * slope);
  return std::max<int64_t>(0, tick);
}

MidiFileTrack SessionWriter::TrackOf(const char* name,
                                     const std::vector<TimedMessage>& messages,
                                     const std::vector<Placed>& grid) {
  MidiFileTrack track;
  track.name = name;
  std::map<std::pair<int, int>, int> sounding;
  int64_t tick = 0;
  for (const TimedMessage& m : messages) {
    tick = std::max(tick, TickAt(grid, m.at));
    MidiFileEvent event{.tick = tick,
                        .size = static_cast<uint8_t>(m.message.size())};
    std::copy_n(m.message.data(), event.size, event.bytes.begin());
    track.events.push_back(event);
    const auto key = std::pair(m.message.channel(), m.message.pitch());
    if (m.message.IsNoteOn()) ++sounding[key];
    if (m.message.IsNoteOff()) sounding.erase(key);
  }
  if (!grid.empty()) tick = std::max(tick, grid.back().tick);
  for (const auto& [key, count] : sounding) {
    track.events.push_back({.tick = tick,
                            .size = 3,
                            .bytes = {static_cast<uint8_t>(0x80 | key.first),
                                      static_cast<uint8_t>(key.second), 0}});
  }
  track.end_tick = tick;
  return track;
}

MidiFile SessionWriter::ToMidiFile() const {
  MidiFile file;
  file.ticks_per_quarter = kTicksPerQuarter;
  const std::vector<Placed> grid = Grid();
  for (size_t i = 0; i + 1 < grid.size(); ++i) {
    const double micros = NanosBetween(grid[i].at, grid[i + 1].at) / 1e3 *
                          kTicksPerQuarter /
                          static_cast<double>(grid[i + 1].tick - grid[i].tick);
    const auto tempo = static_cast<uint32_t>(
        std::clamp<int64_t>(std::llround(micros), 1, kMaxTempo));
    if (file.tempos.empty() || file.tempos.back().us_per_quarter != tempo) {
      file.tempos.push_back({grid[i].tick, tempo});
    }
  }
  for (const Line& line : lines_) {
    const MidiFileMeter meter{TickAt(grid, line.at), line.meter.numerator,
                              line.meter.denominator};
    if (file.meters.empty() ||
        file.meters.back().numerator != meter.numerator ||
        file.meters.back().denominator != meter.denominator) {
      file.meters.push_back(meter);
    }
  }
  file.tracks.push_back(TrackOf("human", human_, grid));
  file.tracks.push_back(TrackOf("answer", answer_, grid));
  return file;
}

SessionWriter SessionWriter::Since(MonoTime from) const {
  SessionWriter tail;
  auto line = std::upper_bound(
      lines_.begin(), lines_.end(), from,
      [](MonoTime at, const Line& candidate) { return at < candidate.at; });
  if (line != lines_.begin()) --line;
  tail.lines_.assign(line, lines_.end());
  const MonoTime begin = line == lines_.end() ? from : line->at;
  const auto keep = [begin](const std::vector<TimedMessage>& all,
                            std::vector<TimedMessage>& kept) {
    std::set<std::pair<int, int>> struck;
    for (const TimedMessage& m : all) {
      if (m.at < begin) continue;
      const auto key = std::pair(m.message.channel(), m.message.pitch());
      if (m.message.IsNoteOn()) struck.insert(key);
      if (m.message.IsNoteOff() && struck.erase(key) == 0) continue;
      kept.push_back(m);
    }
  };
  keep(human_, tail.human_);
  keep(answer_, tail.answer_);
  return tail;
}

absl::Status SessionWriter::Write(const std::string& path) const {
  return WriteMidiFile(ToMidiFile(), path);
}

}  // namespace antiphon::edge
