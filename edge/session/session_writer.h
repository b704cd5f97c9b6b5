// SPDX-License-Identifier: Apache-2.0
//
// session.mid: what the player played and what was sent in answer, at the times
// they happened, on the host's grid. The grid is laid from the bar lines as
// they came: each bar has its own tempo, so that lines fall on whole bars and
// every note keeps its real place between them.
//
// Bounded by kMaxEvents and kMaxBars; what comes after is counted, not kept.
#ifndef ANTIPHON_EDGE_SESSION_SESSION_WRITER_H_
#define ANTIPHON_EDGE_SESSION_SESSION_WRITER_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "common/midi/message.h"
#include "common/midi/midi_file.h"
#include "common/music/timeline.h"

namespace antiphon::edge {

class SessionWriter {
 public:
  static constexpr size_t kMaxEvents = 2'000'000;
  static constexpr size_t kMaxBars = 200'000;

  // In order of time each.
  void OnBar(MonoTime line, const BarSpan& bar, uint32_t epoch);
  // The bar's end, where it was played to its end.
  void OnBarEnd(MonoTime line);
  void OnHuman(const TimedMessage& message);
  void OnAnswer(const TimedMessage& message);

  MidiFile ToMidiFile() const;
  absl::Status Write(const std::string& path) const;
  // The same from the bar that `from` falls into. Notes struck before it are
  // left out.
  SessionWriter Since(MonoTime from) const;
  uint64_t dropped() const { return dropped_; }

 private:
  struct Line {
    MonoTime at;
    Ticks length;
    Meter meter;
    uint32_t epoch = 0;
    std::optional<MonoTime> end{};
  };
  struct Placed {  // a line on the file's grid
    MonoTime at;
    int64_t tick = 0;
  };

  std::vector<Placed> Grid() const;
  static int64_t TickAt(const std::vector<Placed>& grid, MonoTime at);
  static MidiFileTrack TrackOf(const char* name,
                               const std::vector<TimedMessage>& messages,
                               const std::vector<Placed>& grid);
  void Keep(std::vector<TimedMessage>& track, const TimedMessage& message);

  std::vector<Line> lines_;
  std::vector<TimedMessage> human_;
  std::vector<TimedMessage> answer_;
  uint64_t dropped_ = 0;
};

}  // namespace antiphon::edge

#endif  // ANTIPHON_EDGE_SESSION_SESSION_WRITER_H_
