// SPDX-License-Identifier: Apache-2.0
//
// What antiphon-edge was asked to do: its flags, their ranges, and which go
// together. A flag that would have no effect is refused, never ignored.
#ifndef ANTIPHON_EDGE_SETTINGS_H_
#define ANTIPHON_EDGE_SETTINGS_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/flags.h"
#include "common/music/meter.h"
#include "edge/midi_ports.h"
#include "edge/playback/output_latency.h"
#include "edge/port/rtmidi_port.h"

namespace antiphon::edge {

enum class Task { kPlay, kListPorts, kMonitor, kDoctor };
enum class Source { kClock, kInternal, kFile };

struct Settings {
  Task task = Task::kPlay;
  Source source = Source::kClock;
  std::string performer;        // MIDI file, for kFile
  std::optional<double> tempo;  // quarter notes a minute
  Meter meter;
  Ticks pickup;                 // of --meter's bars; 0: none
  double clock_offset_ms = 0;   // positive: the clock's beats are later
  int bars = 0;                 // to play; 0: until something ends it
  std::vector<std::string> in;  // names of ports; "": a virtual port
  std::string out, clock;       // the same; no clock: from the first input
  int in_channel = 0;           // of the notes, 1..16; 0: all
  MidiApi midi_api = MidiApi::kAuto;
  int channel = 0;    // of the answer, from 0
  int transpose = 0;  // of the answer, semitones
  std::string service;
  std::string metrics;      // "": no page
  std::string session_dir;  // "": no files
  std::optional<double> temperature;
  std::optional<double> top_p;
  uint64_t seed = 1;
  absl::Duration late_grace;     // of note-ons
  OutputLatency output_latency;  // of the instrument
  std::string record;            // file of the black box; "": none
  std::string replay;            // such a file, to play again; "": none
  std::optional<int> take_cc;    // controller that saves the last minutes
};

// What --help prints.
extern const char kHelp[];

// The flags as they stand; `line` tells which were given.
absl::StatusOr<Settings> SettingsFrom(const CommandLine& line);

// The ports that a session opens. A file that performs needs none.
MidiPorts::Options PortsOf(const Settings& settings);

// Of the flags that were given, those that a replay needs, with their values.
std::map<std::string, std::string> FlagsToRecord(const CommandLine& line);
// Sets recorded flags that `line` does not give, and notes them there.
absl::Status TakeRecordedFlags(const std::map<std::string, std::string>& flags,
                               CommandLine& line);

}  // namespace antiphon::edge

#endif  // ANTIPHON_EDGE_SETTINGS_H_
