// SPDX-License-Identifier: Apache-2.0
#include "edge/settings.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/flags/commandlineflag.h"
#include "absl/flags/flag.h"
#include "absl/flags/reflection.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "common/address.h"
#include "edge/port/file_performer.h"

ABSL_FLAG(std::string, source, "clock", "clock, internal or file");
ABSL_FLAG(std::string, performer, "", "MIDI file that plays the musician");
ABSL_FLAG(double, tempo, 120, "quarter notes a minute");
ABSL_FLAG(std::string, meter, "4/4", "meter, where the source has none");
ABSL_FLAG(double, clock_offset_ms, 0, "later than it comes, milliseconds");
ABSL_FLAG(int, pickup, 0, "ticks before the first whole bar");
ABSL_FLAG(int, bars, 0, "stop after this many bars");
ABSL_FLAG(std::string, service, "127.0.0.1:50051", "HOST:PORT");
ABSL_FLAG(std::string, metrics, "127.0.0.1:9465", "HOST:PORT, empty: none");
ABSL_FLAG(std::string, session_dir, "", "folder for session.mid, bars.jsonl");
ABSL_FLAG(std::string, in, "", "MIDI inputs to connect to, by commas");
ABSL_FLAG(int, in_channel, 0, "channel of the notes, 1..16; 0: all");
ABSL_FLAG(std::string, clock, "", "MIDI clock input, where it is another");
ABSL_FLAG(std::string, out, "", "MIDI output to connect to");
ABSL_FLAG(std::string, midi_api, "auto", "auto, jack or alsa");
ABSL_FLAG(int, channel, 1, "channel of the answer, 1..16");
ABSL_FLAG(int, transpose, 0, "semitones, of the answer");
ABSL_FLAG(double, temperature, 0.8, "sampling, 0..2");
ABSL_FLAG(double, top_p, 0.9, "sampling, above 0 to 1");
ABSL_FLAG(uint64_t, seed, 1, "same seed, same session: same answers");
ABSL_FLAG(bool, list_ports, false, "list the MIDI ports and exit");
ABSL_FLAG(bool, monitor, false, "show what arrives, ask no service");
ABSL_FLAG(std::string, config, "", "TOML file of settings");
ABSL_FLAG(double, late_grace_ms, 20, "a later note-on is dropped, 0..1000");
ABSL_FLAG(std::string, output_latency_ms, "0", "of the instrument");
ABSL_FLAG(std::string, record, "", "file for the black box");
ABSL_FLAG(std::string, replay, "", "file of a black box, to play again");
ABSL_FLAG(int, take_cc, 0, "controller that saves the last five minutes");

namespace antiphon::edge {

const char kHelp[] = R"(antiphon-edge: plays piano with you, one bar later.

  antiphon-edge [flags]          plays
  antiphon-edge doctor [flags]   when nothing happens: looks at ports, clock,
                        priority and service for some 4 s, says what is wrong
                        and what to do; exit code 1 if anything is

Follows the MIDI clock of your host, sends each bar you play to
antiphon-inference, and plays the answer two bars later, on the beat.

Where time and notes come from
  --source=clock        your host's MIDI clock (default)
  --source=internal     a clock of its own: --tempo, --meter; notes from --in
  --source=file         a MIDI file plays the musician: --performer=FILE.mid
  --tempo=BPM           for internal (default 120); for file: instead of its own
  --meter=4/4           for clock and internal; a file brings its own
  --clock-offset-ms=0   for clock: its beats are this much later than they come
                        (below 0: earlier), where an answer is always off
  --pickup=480          the song begins with that many ticks (480 to the quarter
                        note) before its first whole bar; they are listened to
  --bars=N              stop after N bars (file: default its end and two bars)

MIDI ports (none named: virtual ports "Antiphon In" and "Antiphon Out")
  --list-ports          what there is
  --monitor             show what arrives and how it is understood, play nothing
  --in=NAME --out=NAME  exact name, or one but for a number at its end, or a
                        beginning that only one port has; --in=A,B merges
                        several, the first brings the clock
  --clock=NAME          a port of its own for the clock; the others bring notes
  --in-channel=N        of the notes; 0 (default): all
  --midi-api=auto       or jack, alsa
  --channel=1           of the answer; --transpose=N moves it, in semitones
  --output-latency-ms=30      the instrument sounds that much after the note-on:
                        send earlier; by velocity (a Disklavier):
                        1:120,64:60,127:30
  --late-grace-ms=20    a note-on that is later than that is dropped
  A port that is pulled out is used again as soon as it is back.

The service
  --service=127.0.0.1:50051
  --temperature=0.8 --top-p=0.9   instead of the model's own (one given: the
                        other is as here); --seed=1

What it leaves
  --session-dir=DIR     session.mid and bars.jsonl
  --take-cc=N           controller N saves the last five minutes there, too:
                        take-1.mid, take-2.mid, ...
  --metrics=127.0.0.1:9465    Prometheus page at /metrics; empty: none
  --record=FILE         all that the edge was given, so that a timing bug is a
                        file; some 5 MB an hour
  --replay=FILE         plays such a file again, at once and without ports or a
                        service, and compares what is sent; --session-dir=DIR
                        takes its session

--config=FILE.toml      any of these, such as session-dir = "DIR"; a flag wins
--version | --help

Notes leave surest with real-time priority: if the log says it is refused, put
"@audio - rtprio 70" and "@audio - memlock 65536" into
/etc/security/limits.d/antiphon.conf, be in the group audio, log in anew.

Exit code: 0 fine, 1 failed, 2 wrong usage or unusable input.
Try it without any MIDI gear: scripts/demo.sh
)";

namespace {

// More than any driver delays, less than a beat of most music.
constexpr double kMaxClockOffsetMs = 500;

template <typename... Args>
absl::Status Wrong(const Args&... args) {
  return absl::InvalidArgumentError(absl::StrCat(args...));
}

// In the words in which the flag was given.
template <typename... Args>
absl::Status Refused(const CommandLine& line, const char* flag,
                     const Args&... why) {
  return Wrong(line.given.at(flag), " ", why...);
}

std::optional<Source> ParseSource(const std::string& name) {
  if (name == "clock") return Source::kClock;
  if (name == "internal") return Source::kInternal;
  if (name == "file") return Source::kFile;
  return std::nullopt;
}

// A script whose variable is unset gives an empty name, which means nothing.
absl::Status CheckNames(const CommandLine& line, const Settings& s) {
  const std::pair<const char*, const std::string*> names[] = {
      {"performer", &s.performer}, {"out", &s.out},
      {"clock", &s.clock},         {"session_dir", &s.session_dir},
      {"record", &s.record},       {"replay", &s.replay},
  };
  for (const auto& [flag, value] : names) {
    if (!value->empty() || !line.Has(flag)) continue;
    return Refused(line, flag,
                   "names nothing; give a name or leave the flag out");
  }
  for (const std::string& name : s.in) {
    if (!name.empty() || !line.Has("in")) continue;
    return Refused(
        line, "in",
        s.in.size() == 1
            ? "names nothing; give a name or leave the flag out"
            : "has a comma without a name; give one or leave it out");
  }
  return absl::OkStatus();
}

// Flags that would be without effect.
absl::Status CheckTogether(const CommandLine& line, const Settings& s) {
  const bool file = s.source == Source::kFile;
  struct Rule {
    const char* flag;
    bool has_effect;
    const char* otherwise;
  };
  const Rule rules[] = {
      {"performer", file, "goes with --source=file"},
      {"tempo", s.source != Source::kClock,
       "goes with --source=internal or file; a host's clock has its own"},
      {"meter", !file,
       "goes with --source=clock or internal; a MIDI file has its own"},
      {"clock_offset_ms", s.source == Source::kClock,
       "goes with --source=clock; the other sources have no delay"},
      {"pickup", !file,
       "goes with --source=clock or internal; a MIDI file has its own meters"},
      {"in", !file,
       "goes with --source=clock or internal; a MIDI file brings the notes"},
      {"in_channel", !file,
       "goes with --source=clock or internal; a MIDI file brings the notes"},
      {"clock", s.source == Source::kClock, "goes with --source=clock"},
      {"midi_api", !file || !s.out.empty(),
       "goes with a MIDI port; --source=file opens none without --out=NAME"},
      {"take_cc", !s.session_dir.empty(),
       "goes with --session-dir=DIR, where the takes are written"},
  };
  for (const Rule& rule : rules) {
    if (rule.has_effect || !line.Has(rule.flag)) continue;
    return Refused(line, rule.flag, rule.otherwise);
  }
  if (file && s.performer.empty() && s.task == Task::kPlay) {
    return Wrong("--source=file needs --performer=FILE.mid");
  }
  return absl::OkStatus();
}

// What each task but playing takes on the command line. The settings of a file
// are for when something is played.
struct Errand {
  Task task;
  const char* name;
  std::vector<std::string> flags;
};

const Errand* ErrandOf(Task task) {
  static const auto* errands = new std::vector<Errand>{
      {Task::kListPorts, "--list-ports", {"list_ports", "midi_api", "config"}},
      {Task::kMonitor,
       "--monitor",
       {"monitor", "in", "clock", "in_channel", "midi_api", "meter",
        "clock_offset_ms", "config"}},
      {Task::kDoctor,
       "doctor",
       {"source", "in", "clock", "in_channel", "out", "midi_api", "channel",
        "service", "config"}},
  };
  for (const Errand& errand : *errands) {
    if (errand.task == task) return &errand;
  }
  return nullptr;
}

absl::Status CheckErrand(const CommandLine& line, Task task) {
  const Errand* errand = ErrandOf(task);
  if (errand == nullptr) return absl::OkStatus();
  const auto& taken = errand->flags;
  for (const auto& [flag, words] : line.given) {
    if (!words.starts_with("--")) continue;
    if (std::find(taken.begin(), taken.end(), flag) != taken.end()) continue;
    const std::string all = absl::StrCat("--", absl::StrJoin(taken, ", --"));
    return Wrong(words, " has no effect with ", errand->name, ", which takes ",
                 absl::StrReplaceAll(all, {{"_", "-"}}), " alone");
  }
  return absl::OkStatus();
}

absl::StatusOr<Task> TaskOf(const CommandLine& line) {
  for (const std::string& argument : line.arguments) {
    if (argument == "doctor" && line.arguments.size() == 1) continue;
    return Wrong("unexpected argument ", argument, "; --help lists the flags");
  }
  if (!line.arguments.empty()) return Task::kDoctor;
  if (absl::GetFlag(FLAGS_list_ports)) return Task::kListPorts;
  return absl::GetFlag(FLAGS_monitor) ? Task::kMonitor : Task::kPlay;
}

// Of what was given. Ranges are written so that NaN is refused too.
absl::Status CheckNumbers(const CommandLine& line, const Settings& s) {
  constexpr double kMin = Performer::kMinTempo, kMax = Performer::kMaxTempo;
  constexpr int kMaxBars = FilePerformer::kMaxBars;
  constexpr int kMaxTranspose = 48;
  if (s.tempo && !(*s.tempo >= kMin && *s.tempo <= kMax)) {
    return Refused(line, "tempo", "is not within ", kMin, " to ", kMax);
  }
  if (!(std::abs(s.clock_offset_ms) <= kMaxClockOffsetMs)) {
    return Refused(line, "clock_offset_ms", "is not within ",
                   -kMaxClockOffsetMs, " to ", kMaxClockOffsetMs);
  }
  const int64_t pickup = s.pickup.count();
  if (pickup < 0 || s.pickup >= s.meter.BarLength() ||
      pickup % kTicksPerPulse != 0) {
    return Refused(line, "pickup", "is not a multiple of ", kTicksPerPulse,
                   " ticks below a bar of ", s.meter.BarLength().count());
  }
  if (line.Has("bars") && (s.bars < 1 || s.bars > kMaxBars)) {
    return Refused(line, "bars", "is not within 1 to ", kMaxBars);
  }
  if (s.in_channel < 0 || s.in_channel > 16) {
    return Refused(line, "in_channel", "is not within 0 to 16");
  }
  if (s.transpose < -kMaxTranspose || s.transpose > kMaxTranspose) {
    return Refused(line, "transpose", "is not within ", -kMaxTranspose, " to ",
                   kMaxTranspose);
  }
  if (s.temperature && !(*s.temperature >= 0 && *s.temperature <= 2)) {
    return Refused(line, "temperature", "is not within 0 to 2");
  }
  if (s.top_p && !(*s.top_p > 0 && *s.top_p <= 1)) {
    return Refused(line, "top_p", "is not above 0 and up to 1");
  }
  const double grace_ms = absl::GetFlag(FLAGS_late_grace_ms);
  if (!(grace_ms >= 0 && grace_ms <= 1000)) {
    return Refused(line, "late_grace_ms", "is not within 0 to 1000");
  }
  if (s.take_cc && (*s.take_cc < 0 || *s.take_cc > 119)) {
    return Refused(line, "take_cc", "is not a controller, 0 to 119");
  }
  return absl::OkStatus();
}

absl::Status CheckAddresses(const Settings& s) {
  const absl::StatusOr<Address> service = ParseAddress("--service", s.service);
  if (!service.ok()) return service.status();
  if (service->port == 0) {
    return Wrong("--service=", s.service,
                 " has port 0; give the port that antiphon-inference says it "
                 "is ready on");
  }
  if (s.metrics.empty()) return absl::OkStatus();
  return ParseAddress("--metrics", s.metrics).status();
}

// The flags that are free text, taken as they are.
Settings Texts() {
  Settings s;
  s.performer = absl::GetFlag(FLAGS_performer);
  s.in = absl::StrSplit(absl::GetFlag(FLAGS_in), ',');
  s.out = absl::GetFlag(FLAGS_out);
  s.clock = absl::GetFlag(FLAGS_clock);
  s.service = absl::GetFlag(FLAGS_service);
  s.metrics = absl::GetFlag(FLAGS_metrics);
  s.session_dir = absl::GetFlag(FLAGS_session_dir);
  s.record = absl::GetFlag(FLAGS_record);
  s.replay = absl::GetFlag(FLAGS_replay);
  return s;
}

absl::Status ReadValues(const CommandLine& line, Settings& s) {
  const auto source = ParseSource(absl::GetFlag(FLAGS_source));
  if (!source) {
    return Refused(line, "source", "is not clock, internal or file");
  }
  const auto meter = ParseMeter(absl::GetFlag(FLAGS_meter));
  if (!meter) {
    return Refused(line, "meter", "is not a meter such as 3/4 or 6/8");
  }
  const auto api = ParseMidiApi(absl::GetFlag(FLAGS_midi_api));
  if (!api) return Refused(line, "midi_api", "is not auto, jack or alsa");
  const int channel = absl::GetFlag(FLAGS_channel);
  if (channel < 1 || channel > 16) {
    return Refused(line, "channel", "is not within 1 to 16");
  }
  s.source = *source;
  s.meter = *meter;
  s.pickup = Ticks::Of(absl::GetFlag(FLAGS_pickup));
  s.midi_api = *api;
  s.channel = channel - 1;
  s.in_channel = absl::GetFlag(FLAGS_in_channel);
  s.transpose = absl::GetFlag(FLAGS_transpose);
  s.clock_offset_ms = absl::GetFlag(FLAGS_clock_offset_ms);
  s.bars = absl::GetFlag(FLAGS_bars);
  if (line.Has("tempo")) s.tempo = absl::GetFlag(FLAGS_tempo);
  if (line.Has("temperature")) s.temperature = absl::GetFlag(FLAGS_temperature);
  if (line.Has("top_p")) s.top_p = absl::GetFlag(FLAGS_top_p);
  s.seed = absl::GetFlag(FLAGS_seed);
  s.late_grace = absl::Milliseconds(absl::GetFlag(FLAGS_late_grace_ms));
  if (line.Has("take_cc")) s.take_cc = absl::GetFlag(FLAGS_take_cc);
  const auto latency =
      OutputLatency::Parse(absl::GetFlag(FLAGS_output_latency_ms));
  if (!latency.ok()) return latency.status();
  s.output_latency = *latency;
  return CheckNumbers(line, s);
}

// Where the session was and what it left are its own.
bool IsRecorded(const std::string& flag) {
  const std::string_view not_recorded[] = {"config", "record", "replay",
                                           "session_dir", "take_cc"};
  return std::find(std::begin(not_recorded), std::end(not_recorded), flag) ==
         std::end(not_recorded);
}

}  // namespace

std::map<std::string, std::string> FlagsToRecord(const CommandLine& line) {
  std::map<std::string, std::string> flags;
  for (const auto& [flag, words] : line.given) {
    const absl::CommandLineFlag* found = absl::FindCommandLineFlag(flag);
    if (IsRecorded(flag) && found) flags[flag] = found->CurrentValue();
  }
  return flags;
}

absl::Status TakeRecordedFlags(const std::map<std::string, std::string>& flags,
                               CommandLine& line) {
  for (const auto& [flag, value] : flags) {
    if (!IsRecorded(flag) || line.Has(flag)) continue;
    absl::CommandLineFlag* found = absl::FindCommandLineFlag(flag);
    std::string error;
    if (found == nullptr || !found->ParseFrom(value, &error)) {
      return Wrong("--replay: the recording was made with ", flag, "=", value,
                   ", which this version does not take; replay it with the "
                   "version that made it");
    }
    line.given[flag] = absl::StrCat("the recording's --", flag, "=", value);
  }
  return absl::OkStatus();
}

MidiPorts::Options PortsOf(const Settings& settings) {
  const bool file = settings.source == Source::kFile;
  MidiPorts::Options options;
  options.api = settings.midi_api;
  options.channel = settings.channel;
  options.takes_clock = settings.source == Source::kClock;
  options.in_channel = settings.in_channel;
  if (!file) options.in = settings.in;
  if (!settings.clock.empty()) options.clock = settings.clock;
  if (!file || !settings.out.empty()) options.out = settings.out;
  return options;
}

absl::StatusOr<Settings> SettingsFrom(const CommandLine& line) {
  const absl::StatusOr<Task> task = TaskOf(line);
  if (!task.ok()) return task.status();
  Settings settings = Texts();
  settings.task = *task;
  absl::Status status = CheckErrand(line, *task);
  if (status.ok()) status = ReadValues(line, settings);
  if (status.ok() && !settings.replay.empty() && !settings.record.empty()) {
    return Refused(line, "record",
                   "has no effect with --replay; leave one out");
  }
  if (status.ok()) status = CheckNames(line, settings);
  // What arrives is shown whatever would make the session's time.
  if (*task == Task::kMonitor) settings.source = Source::kClock;
  const bool any_source = *task == Task::kMonitor || *task == Task::kListPorts;
  if (status.ok() && !any_source) status = CheckTogether(line, settings);
  if (status.ok()) status = CheckAddresses(settings);
  if (!status.ok()) return status;
  return settings;
}

}  // namespace antiphon::edge
