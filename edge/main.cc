// SPDX-License-Identifier: Apache-2.0
//
// antiphon-edge: names the concrete classes, wires them, runs the conductor on
// the main thread. SIGINT and SIGTERM end the session: notes off, files
// written.
#include <csignal>
#include <cstdio>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/log.h"
#include "common/midi/midi_file.h"
#include "common/program.h"
#include "common/rt/clock.h"
#include "edge/agent.h"
#include "edge/client/grpc_accompanist.h"
#include "edge/port/file_performer.h"
#include "edge/port/internal_clock.h"
#include "edge/port/performer_input.h"
#include "edge/port/rtmidi_port.h"
#include "edge/session_recorder.h"

ABSL_FLAG(std::string, source, "clock", "clock, internal or file");
ABSL_FLAG(std::string, performer, "", "MIDI file that plays the musician");
ABSL_FLAG(double, tempo, 0, "quarter notes a minute");
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
ABSL_FLAG(double, temperature, -1, "sampling, 0..2");
ABSL_FLAG(double, top_p, -1, "sampling, above 0 to 1");
ABSL_FLAG(uint64_t, seed, 1, "same seed, same session: same answers");
ABSL_FLAG(bool, list_ports, false, "list the MIDI ports and exit");

namespace antiphon::edge {
namespace {

constexpr char kHelp[] =
    R"(antiphon-edge: plays piano with you, one bar later.

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
  --temperature=T --top-p=P   instead of the model's own; --seed=N

What it leaves
  --session-dir=DIR     session.mid and bars.jsonl
  --metrics=127.0.0.1:9465    Prometheus page at /metrics; empty: none

Try it without any MIDI gear: scripts/demo.sh
)";

volatile std::sig_atomic_t stop_requested = 0;
void RequestStop(int) { stop_requested = 1; }

// What the file performer and the internal clock play into when no port is
// asked for: the answer is in session.mid.
class NoOutput : public MidiOutput {
 public:
  bool Send(const MidiMessage&) noexcept override { return true; }
};

// Everything that brings MIDI in.
struct Sources {
  MidiRing first{kMidiRingCapacity};
  MidiRing second{kMidiRingCapacity};
  std::unique_ptr<Performer> performer;
  std::unique_ptr<PerformerInput> performance;
  std::vector<std::unique_ptr<RtMidiInput>> ports;
  MeterMap meters;
};

absl::Status Wrong(const std::string& what) {
  return absl::InvalidArgumentError(what);
}

absl::Status CheckFlags() {
  const std::string source = absl::GetFlag(FLAGS_source);
  const double tempo = absl::GetFlag(FLAGS_tempo);
  const double temperature = absl::GetFlag(FLAGS_temperature);
  const double top_p = absl::GetFlag(FLAGS_top_p);
  const int channel = absl::GetFlag(FLAGS_channel);
  if (source != "clock" && source != "internal" && source != "file") {
    return Wrong("--source=" + source + " is not clock, internal or file");
  }
  if ((source == "file") != !absl::GetFlag(FLAGS_performer).empty()) {
    return Wrong("--source=file and --performer=FILE.mid go together");
  }
  if (source == "clock" && tempo != 0) {
    return Wrong(
        "--tempo goes with --source=internal or file; a clock has its own");
  }
  if (tempo != 0 &&
      !(tempo >= Performer::kMinTempo && tempo <= Performer::kMaxTempo)) {
    return Wrong(absl::StrCat("--tempo=", tempo, " is not within 20 to 999"));
  }
  if (!ParseMeter(absl::GetFlag(FLAGS_meter))) {
    return Wrong("--meter=" + absl::GetFlag(FLAGS_meter) +
                 " is not a meter such as 3/4 or 6/8");
  }
  if (absl::GetFlag(FLAGS_bars) < 0) {
    return Wrong(
        absl::StrCat("--bars=", absl::GetFlag(FLAGS_bars), " is below 0"));
  }
  if (channel < 1 || channel > 16) {
    return Wrong(absl::StrCat("--channel=", channel, " is not within 1 to 16"));
  }
  if (temperature != -1 && !(temperature >= 0 && temperature <= 2)) {
    return Wrong(
        absl::StrCat("--temperature=", temperature, " is not within 0 to 2"));
  }
  if (top_p != -1 && !(top_p > 0 && top_p <= 1)) {
    return Wrong(
        absl::StrCat("--top-p=", top_p, " is not above 0 and up to 1"));
  }
  if (!ParseMidiApi(absl::GetFlag(FLAGS_midi_api))) {
    return Wrong("--midi-api=" + absl::GetFlag(FLAGS_midi_api) +
                 " is not auto, jack or alsa");
  }
  return absl::OkStatus();
}

absl::Status OpenPort(const std::string& own, const std::string& peer,
                      MidiRing* ring, Sources& sources) {
  auto port =
      RtMidiInput::Create({.api = *ParseMidiApi(absl::GetFlag(FLAGS_midi_api)),
                           .own_name = own,
                           .peer = peer},
                          ring);
  if (!port.ok()) return port.status();
  LogInfo("input: ", (*port)->description());
  sources.ports.push_back(*std::move(port));
  return absl::OkStatus();
}

// The performance begins a moment after everything is ready.
absl::Status OpenSources(Sources& sources) {
  const std::string source = absl::GetFlag(FLAGS_source);
  const double tempo = absl::GetFlag(FLAGS_tempo);
  const MonoTime start = rt::Now() + absl::Milliseconds(500);
  sources.meters = MeterMap(*ParseMeter(absl::GetFlag(FLAGS_meter)));
  if (source == "file") {
    absl::StatusOr<MidiFile> file =
        ReadMidiFile(absl::GetFlag(FLAGS_performer));
    if (!file.ok()) return file.status();
    auto performer = FilePerformer::Create(
        *file, {.start = start,
                .tempo = tempo > 0 ? std::optional(tempo) : std::nullopt,
                .bars = absl::GetFlag(FLAGS_bars)});
    if (!performer.ok()) return performer.status();
    sources.meters = performer->meters();
    sources.performer = std::make_unique<FilePerformer>(*std::move(performer));
  } else if (source == "internal") {
    auto clock = InternalClock::Create(
        {.start = start, .tempo = tempo > 0 ? tempo : 120});
    if (!clock.ok()) return clock.status();
    sources.performer = std::make_unique<InternalClock>(*std::move(clock));
  }
  const std::string in = absl::GetFlag(FLAGS_in);
  const std::string clock = absl::GetFlag(FLAGS_clock);
  if (source != "file") {
    absl::Status opened = OpenPort("Antiphon In", in, &sources.first, sources);
    if (!opened.ok()) return opened;
  }
  if (source == "clock" && !clock.empty()) {
    return OpenPort("Antiphon Clock", clock, &sources.second, sources);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<MidiOutput>> OpenOutput() {
  const std::string out = absl::GetFlag(FLAGS_out);
  if (absl::GetFlag(FLAGS_source) == "file" && out.empty()) {
    return std::make_unique<NoOutput>();
  }
  auto port =
      RtMidiOutput::Create({.api = *ParseMidiApi(absl::GetFlag(FLAGS_midi_api)),
                            .own_name = "Antiphon Out",
                            .peer = out});
  if (!port.ok()) return port.status();
  LogInfo("output: ", (*port)->description());
  return std::unique_ptr<MidiOutput>(*std::move(port));
}

Conductor::Options ConductorOptions(const Sources& sources) {
  Conductor::Options options;
  options.meters = sources.meters;
  options.seed = absl::GetFlag(FLAGS_seed);
  options.channel = absl::GetFlag(FLAGS_channel) - 1;
  const double temperature = absl::GetFlag(FLAGS_temperature);
  const double top_p = absl::GetFlag(FLAGS_top_p);
  options.sampling.from_card = temperature == -1 && top_p == -1;
  if (temperature != -1) options.sampling.temperature = temperature;
  if (top_p != -1) options.sampling.top_p = top_p;
  return options;
}

// State that is read, not told: once every turn of the conductor is too often.
void ShowState(const Agent& agent, const Sources& sources,
               const GrpcAccompanist& client, EdgeMetrics& metrics) {
  const Conductor& conductor = agent.conductor();
  const ClockFollower& follower = conductor.follower();
  const GrpcAccompanist::Stats& stats = client.stats();
  metrics.sounding->Set(agent.sounding());
  metrics.stale_replies->RaiseTo(
      static_cast<double>(conductor.counters().stale_replies));
  metrics.late_answer_notes->RaiseTo(
      static_cast<double>(conductor.counters().late_notes));
  metrics.late_events->RaiseTo(
      static_cast<double>(conductor.counters().late_events));
  metrics.malformed_replies->RaiseTo(
      static_cast<double>(stats.malformed.load()));
  metrics.input_dropped->RaiseTo(
      static_cast<double>(sources.first.dropped() + sources.second.dropped() +
                          conductor.counters().dropped_events));
  metrics.pulses->RaiseTo(static_cast<double>(follower.pulses()));
  metrics.clock_running->Set(conductor.timeline().running() ? 1 : 0);
  metrics.clock_locked->Set(follower.locked() ? 1 : 0);
  metrics.tempo->Set(conductor.timeline().quarters_per_minute());
  metrics.stream_connected->Set(stats.connected.load() ? 1 : 0);
  metrics.stream_connects->RaiseTo(static_cast<double>(stats.connects.load()));
  metrics.round_trip->Set(static_cast<double>(stats.round_trip_us.load()) /
                          1e6);
  metrics.jobs_open->Set(static_cast<double>(conductor.open_jobs()));
}

void PrintPorts() {
  for (const PortList& list :
       ListPorts(*ParseMidiApi(absl::GetFlag(FLAGS_midi_api)))) {
    std::printf(
        "%s%s%s\n", list.api.c_str(), list.status.ok() ? "" : ": ",
        list.status.ok() ? "" : std::string(list.status.message()).c_str());
    for (const std::string& name : list.inputs)
      std::printf("  in   %s\n", name.c_str());
    for (const std::string& name : list.outputs)
      std::printf("  out  %s\n", name.c_str());
  }
}

absl::Status Play() {
  Metrics registry;
  EdgeMetrics metrics(registry, ANTIPHON_VERSION);
  std::unique_ptr<Exporter> exporter;
  if (const std::string address = absl::GetFlag(FLAGS_metrics);
      !address.empty()) {
    auto created = Exporter::Create(address, &registry);
    if (!created.ok()) return created.status();
    exporter = *std::move(created);
  }
  auto sources = std::make_unique<Sources>();
  if (absl::Status opened = OpenSources(*sources); !opened.ok()) return opened;
  auto output = OpenOutput();
  if (!output.ok()) return output.status();

  GrpcAccompanist client(
      {.target = absl::GetFlag(FLAGS_service),
       .session_id = absl::StrCat("edge-", std::random_device()(), "-",
                                  rt::Now().nanos()),
       .client = "antiphon-edge " ANTIPHON_VERSION});
  auto recorder = SessionRecorder::Create(absl::GetFlag(FLAGS_session_dir),
                                          &metrics, &client, true);
  if (!recorder.ok()) return recorder.status();
  auto agent = std::make_unique<Agent>(
      ConductorOptions(*sources),
      std::vector<MidiRing*>{&sources->first, &sources->second}, &client,
      output->get(), recorder->get());
  if (sources->performer) {
    sources->performance = std::make_unique<PerformerInput>(
        sources->performer.get(), &sources->second);
  }
  const int bars = absl::GetFlag(FLAGS_bars);
  const bool file = absl::GetFlag(FLAGS_source) == "file";
  MonoTime linger = MonoTime::Max();
  int turn = 0;
  agent->Run([&] {
    if (++turn % 100 == 0) ShowState(*agent, *sources, client, metrics);
    // A file has its own end; the last bar's line is told a little after it.
    if (file && linger == MonoTime::Max() && sources->performance->finished()) {
      linger = rt::Now() + absl::Milliseconds(200);
    }
    return stop_requested || rt::Now() >= linger ||
           (!file && bars > 0 && (*recorder)->bars() >= bars);
  });
  ShowState(*agent, *sources, client, metrics);
  return (*recorder)->Finish();
}

absl::Status Main(const CommandLine&) {
  absl::Status status = CheckFlags();
  if (!status.ok()) return status;
  if (absl::GetFlag(FLAGS_list_ports)) {
    PrintPorts();
    return status;
  }
  std::signal(SIGINT, RequestStop);
  std::signal(SIGTERM, RequestStop);
  return Play();
}

}  // namespace
}  // namespace antiphon::edge

int main(int argc, char** argv) {
  return antiphon::RunProgram({.name = "antiphon-edge",
                               .version = ANTIPHON_VERSION,
                               .help = antiphon::edge::kHelp},
                              argc, argv, antiphon::edge::Main);
}
