// SPDX-License-Identifier: Apache-2.0
//
// A MIDI file as the host that plays it: song position 0, START, 24 clocks per
// quarter note along the file's tempo map (or one tempo throughout), the notes
// and the sustain pedal of all tracks on their own channels, then note-offs for
// what still sounds and STOP on a bar line, whose own clock is not sent. At one
// instant the clock comes first, then events in file order. Everything else in
// the file (other controllers, programs) is left out.
//
// Refused, with the remedy: no notes, tempo outside Performer's limits, a meter
// that Meter does not have, longer than kMaxHours.
#ifndef ANTIPHON_EDGE_PORT_FILE_PERFORMER_H_
#define ANTIPHON_EDGE_PORT_FILE_PERFORMER_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/midi/midi_file.h"
#include "common/music/meter.h"
#include "edge/port/performer.h"
#include "edge/port/tempo_map.h"

namespace antiphon::edge {

class FilePerformer : public Performer {
 public:
  static constexpr int kMaxBars = 100'000;
  static constexpr double kMaxHours = 24;

  struct Options {
    MonoTime start{};               // of pulse 0
    std::optional<double> tempo{};  // quarter notes a minute, else the file's
    // Bars until STOP; 0: up to the first bar line at or after the last event,
    // and tail_bars more.
    int bars = 0;
    int tail_bars = 2;
  };

  static absl::StatusOr<FilePerformer> Create(const MidiFile& file,
                                              const Options& options);

  std::optional<TimedMessage> Next() override;

  const MeterMap& meters() const { return meters_; }
  int bars() const { return bars_; }
  // Of STOP.
  MonoTime end() const { return TimeAt(EndQuarters()); }
  size_t note_count() const { return note_count_; }

 private:
  struct Event {
    int64_t tick = 0;  // file ticks
    MidiMessage message;
  };

  FilePerformer(TempoMap tempos, MeterMap meters, MonoTime start)
      : tempos_(std::move(tempos)), meters_(std::move(meters)), start_(start) {}

  static std::vector<Event> EventsOf(const MidiFile& file);
  absl::Status FindEnd(double last_quarters, const Options& options);
  void AddEvents(const std::vector<Event>& events, int ticks_per_quarter);

  double EndQuarters() const;
  MonoTime TimeAt(double quarters) const;

  TempoMap tempos_;
  MeterMap meters_;
  MonoTime start_;
  int bars_ = 0;
  Ticks end_;
  size_t note_count_ = 0;
  std::vector<TimedMessage> messages_;  // all but the clocks, in time order
  size_t given_ = 0;                    // of messages_
  int64_t next_pulse_ = 0;
};

}  // namespace antiphon::edge

#endif  // ANTIPHON_EDGE_PORT_FILE_PERFORMER_H_
