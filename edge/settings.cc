// SPDX-License-Identifier: Apache-2.0
#include "edge/settings.h"

#include <utility>

#include "absl/flags/flag.h"
#include "absl/strings/str_cat.h"
#include "common/address.h"
#include "edge/port/file_performer.h"

ABSL_FLAG(std::string, source, "clock", "clock, internal or file");
ABSL_FLAG(std::string, performer, "", "MIDI file that plays the musician");
ABSL_FLAG(double, tempo, 120, "quarter notes a minute");
ABSL_FLAG(std::string, meter, "4/4", "meter, where the source has none");
ABSL_FLAG(int, bars, 0, "stop after this many bars");
ABSL_FLAG(std::string, service, "127.0.0.1:50051", "HOST:PORT");
ABSL_FLAG(std::string, metrics, "127.0.0.1:9465", "HOST:PORT, empty: none");
ABSL_FLAG(std::string, session_dir, "", "folder for session.mid, bars.jsonl");
ABSL_FLAG(std::string, in, "", "MIDI input to connect to");
ABSL_FLAG(std::string, clock, "", "MIDI clock input, where it is another");
ABSL_FLAG(std::string, out, "", "MIDI output to connect to");
ABSL_FLAG(std::string, midi_api, "auto", "auto, jack or alsa");
ABSL_FLAG(int, channel, 1, "channel of the answer, 1..16");
ABSL_FLAG(double, temperature, 0.8, "sampling, 0..2");
ABSL_FLAG(double, top_p, 0.9, "sampling, above 0 to 1");
ABSL_FLAG(uint64_t, seed, 1, "same seed, same session: same answers");
ABSL_FLAG(bool, list_ports, false, "list the MIDI ports and exit");
ABSL_FLAG(std::string, config, "", "TOML file of settings");

namespace antiphon::edge {

const char kHelp[] = R"(antiphon-edge: plays piano with you, one bar later.

Follows the MIDI clock of your host, sends each bar you play to
antiphon-inference, and plays the answer two bars later, on the beat.

Where time and notes come from
  --source=clock        your host's MIDI clock (default)
  --source=internal     a clock of its own: --tempo, --meter; notes from --in
  --source=file         a MIDI file plays the musician: --performer=FILE.mid
  --tempo=BPM           for internal (default 120); for file: instead of its own
  --meter=4/4           for clock and internal; a file brings its own
  --bars=N              stop after N bars (file: default its end and two bars)

MIDI ports (none named: virtual ports "Antiphon In" and "Antiphon Out")
  --list-ports          what there is
  --in=NAME --out=NAME  exact name, or a beginning that only one port has
  --clock=NAME          a second input, where the clock comes from another port
  --midi-api=auto       or jack, alsa
  --channel=1           of the answer

The service
  --service=127.0.0.1:50051
  --temperature=0.8 --top-p=0.9   instead of the model's own (one given: the
                        other is as here); --seed=1

What it leaves
  --session-dir=DIR     session.mid and bars.jsonl
  --metrics=127.0.0.1:9465    Prometheus page at /metrics; empty: none

--config=FILE.toml      any of these, such as session-dir = "DIR"; a flag wins
--version | --help

Notes leave surest with real-time priority: if the log says it is refused, put
"@audio - rtprio 70" and "@audio - memlock 65536" into
/etc/security/limits.d/antiphon.conf, be in the group audio, log in anew.

Exit code: 0 fine, 1 failed, 2 wrong usage or unusable input.
Try it without any MIDI gear: scripts/demo.sh
)";

namespace {

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
      {"performer", &s.performer},
      {"in", &s.in},
      {"out", &s.out},
      {"clock", &s.clock},
      {"session_dir", &s.session_dir},
  };
  for (const auto& [flag, value] : names) {
    if (!value->empty() || !line.Has(flag)) continue;
    return Refused(line, flag,
                   "names nothing; give a name or leave the flag out");
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
      {"in", !file,
       "goes with --source=clock or internal; a MIDI file brings the notes"},
      {"clock", s.source == Source::kClock, "goes with --source=clock"},
      {"midi_api", !file || !s.out.empty(),
       "goes with a MIDI port; --source=file opens none without --out=NAME"},
  };
  for (const Rule& rule : rules) {
    if (rule.has_effect || !line.Has(rule.flag)) continue;
    return Refused(line, rule.flag, rule.otherwise);
  }
  if (file && s.performer.empty()) {
    return Wrong("--source=file needs --performer=FILE.mid");
  }
  return absl::OkStatus();
}

// A list of ports is all that comes of --list-ports. The settings of a file are
// for when something is played.
absl::Status CheckListAlone(const CommandLine& line) {
  for (const auto& [flag, words] : line.given) {
    if (flag == "list_ports" || flag == "midi_api" || flag == "config" ||
        !words.starts_with("--")) {
      continue;
    }
    return Wrong(words, " has no effect with --list-ports; leave one out");
  }
  return absl::OkStatus();
}

// Of what was given. Ranges are written so that NaN is refused too.
absl::Status CheckNumbers(const CommandLine& line, const Settings& s) {
  constexpr double kMin = Performer::kMinTempo, kMax = Performer::kMaxTempo;
  constexpr int kMaxBars = FilePerformer::kMaxBars;
  if (s.tempo && !(*s.tempo >= kMin && *s.tempo <= kMax)) {
    return Refused(line, "tempo", "is not within ", kMin, " to ", kMax);
  }
  if (line.Has("bars") && (s.bars < 1 || s.bars > kMaxBars)) {
    return Refused(line, "bars", "is not within 1 to ", kMaxBars);
  }
  if (s.temperature && !(*s.temperature >= 0 && *s.temperature <= 2)) {
    return Refused(line, "temperature", "is not within 0 to 2");
  }
  if (s.top_p && !(*s.top_p > 0 && *s.top_p <= 1)) {
    return Refused(line, "top_p", "is not above 0 and up to 1");
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
  s.in = absl::GetFlag(FLAGS_in);
  s.out = absl::GetFlag(FLAGS_out);
  s.clock = absl::GetFlag(FLAGS_clock);
  s.service = absl::GetFlag(FLAGS_service);
  s.metrics = absl::GetFlag(FLAGS_metrics);
  s.session_dir = absl::GetFlag(FLAGS_session_dir);
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
  s.midi_api = *api;
  s.channel = channel - 1;
  s.bars = absl::GetFlag(FLAGS_bars);
  if (line.Has("tempo")) s.tempo = absl::GetFlag(FLAGS_tempo);
  if (line.Has("temperature")) s.temperature = absl::GetFlag(FLAGS_temperature);
  if (line.Has("top_p")) s.top_p = absl::GetFlag(FLAGS_top_p);
  s.seed = absl::GetFlag(FLAGS_seed);
  s.list_ports = absl::GetFlag(FLAGS_list_ports);
  return CheckNumbers(line, s);
}

}  // namespace

absl::StatusOr<Settings> SettingsFrom(const CommandLine& line) {
  Settings settings = Texts();
  absl::Status status = ReadValues(line, settings);
  if (status.ok() && settings.list_ports) {
    status = CheckListAlone(line);
    if (!status.ok()) return status;
    return settings;
  }
  if (status.ok()) status = CheckNames(line, settings);
  if (status.ok()) status = CheckTogether(line, settings);
  if (status.ok()) status = CheckAddresses(settings);
  if (!status.ok()) return status;
  return settings;
}

}  // namespace antiphon::edge
