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
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/log.h"
#include "common/midi/midi_file.h"
#include "common/program.h"
#include "common/rt/clock.h"
#include "edge/agent.h"
#include "edge/audience.h"
#include "edge/black_box.h"
#include "edge/client/grpc_accompanist.h"
#include "edge/errands.h"
#include "edge/midi_ports.h"
#include "edge/port/file_performer.h"
#include "edge/port/internal_clock.h"
#include "edge/port/performer_input.h"
#include "edge/port/rtmidi_port.h"
#include "edge/replay.h"
#include "edge/session_recorder.h"
#include "edge/settings.h"

namespace antiphon::edge {
namespace {

volatile std::sig_atomic_t stop_requested = 0;
void RequestStop(int) { stop_requested = 1; }

// What brings MIDI in beside the ports, and how long it lasts.
struct Sources {
  MidiRing performed{kMidiRingCapacity};
  std::unique_ptr<Performer> performer;
  std::unique_ptr<PerformerInput> performance;
  MeterMap meters;
  int bars = 0;  // the session's length; 0: no end
};

absl::StatusOr<FilePerformer> OpenFile(const Settings& settings,
                                       MonoTime start) {
  absl::StatusOr<MidiFile> file = ReadMidiFile(settings.performer);
  if (!file.ok()) {  // its message begins with the path
    return absl::Status(file.status().code(),
                        absl::StrCat("--performer=", file.status().message()));
  }
  auto performer = FilePerformer::Create(
      *file, {.start = start, .tempo = settings.tempo, .bars = settings.bars});
  if (performer.ok()) return performer;
  return absl::Status(performer.status().code(),
                      absl::StrCat("--performer=", settings.performer, ": ",
                                   performer.status().message()));
}

// The performance begins a moment after everything is ready.
absl::Status OpenSources(const Settings& settings, Sources& sources) {
  const MonoTime start = rt::Now() + absl::Milliseconds(500);
  sources.meters = MeterMap(settings.meter, settings.pickup);
  sources.bars = settings.bars;
  if (settings.source == Source::kFile) {
    auto performer = OpenFile(settings, start);
    if (!performer.ok()) return performer.status();
    sources.meters = performer->meters();
    sources.bars = performer->bars();
    sources.performer = std::make_unique<FilePerformer>(*std::move(performer));
  }
  if (settings.source == Source::kInternal) {
    auto clock = InternalClock::Create(
        {.start = start, .tempo = settings.tempo.value_or(120)});
    if (!clock.ok()) return clock.status();
    sources.performer = std::make_unique<InternalClock>(*std::move(clock));
  }
  return absl::OkStatus();
}

Conductor::Options ConductorOptions(const Settings& settings,
                                    const Sources& sources) {
  Conductor::Options options;
  options.meters = sources.meters;
  options.meters.clock_offset = absl::Milliseconds(settings.clock_offset_ms);
  options.seed = settings.seed;
  options.channel = settings.channel;
  options.transpose = settings.transpose;
  options.output_latency = settings.output_latency.Longest();
  if (sources.bars > 0) options.bars = static_cast<PlaySeq>(sources.bars);
  Sampling& sampling = options.sampling;
  sampling.from_card = !settings.temperature && !settings.top_p;
  sampling.temperature = settings.temperature.value_or(sampling.temperature);
  sampling.top_p = settings.top_p.value_or(sampling.top_p);
  return options;
}

Playback::Options PlaybackOptions(const Settings& settings) {
  return {.late_grace = settings.late_grace,
          .latency = settings.output_latency};
}

// State that is read, not told: once every turn of the conductor is too often.
void ShowState(const Agent& agent, const Sources& sources,
               const MidiPorts& ports, const GrpcAccompanist& client,
               EdgeMetrics& metrics) {
  const Conductor& conductor = agent.conductor();
  const GrpcAccompanist::Stats& stats = client.stats();
  metrics.sounding->Set(agent.sounding());
  metrics.playback_realtime->Set(agent.playback_realtime() ? 1 : 0);
  metrics.stale_replies->RaiseTo(
      static_cast<double>(conductor.counters().stale_replies));
  metrics.late_answer_notes->RaiseTo(
      static_cast<double>(conductor.counters().late_notes));
  metrics.late_events->RaiseTo(
      static_cast<double>(conductor.counters().late_events));
  metrics.malformed_replies->RaiseTo(
      static_cast<double>(stats.malformed.load()));
  metrics.input_dropped->RaiseTo(
      static_cast<double>(sources.performed.dropped() + ports.dropped() +
                          conductor.counters().dropped_events));
  metrics.ShowClock(conductor.follower());
  ports.Show(metrics);
  metrics.stream_connected->Set(stats.connected.load() ? 1 : 0);
  metrics.stream_connects->RaiseTo(static_cast<double>(stats.connects.load()));
  metrics.round_trip->Set(static_cast<double>(stats.round_trip_us.load()) /
                          1e6);
  metrics.echoes->RaiseTo(static_cast<double>(agent.echoes()));
  metrics.jobs_open->Set(static_cast<double>(conductor.open_jobs()));
}

// Conducts until a signal, the end of the file, or the last bar asked for.
// Returns the instant up to which was played.
MonoTime Conduct(const Settings& settings, Sources& sources, MidiPorts& ports,
                 GrpcAccompanist& client, SessionObserver& audience,
                 const SessionRecorder& recorder, EdgeMetrics& metrics) {
  std::vector<MidiRing*> inputs = ports.rings();
  inputs.push_back(&sources.performed);
  const auto agent = std::make_unique<Agent>(
      ConductorOptions(settings, sources), inputs, &client, ports.output(),
      &audience, PlaybackOptions(settings));
  const std::vector<std::string> names = ports.names();
  for (size_t i = 0; i < names.size(); ++i) agent->NameInput(i, names[i]);
  if (sources.performer) {
    sources.performance = std::make_unique<PerformerInput>(
        sources.performer.get(), &sources.performed);
  }
  const bool file = settings.source == Source::kFile;
  MonoTime linger = MonoTime::Max();
  int turn = 0;
  agent->Run([&] {
    if (++turn % 100 == 0) ShowState(*agent, sources, ports, client, metrics);
    // A file has its own end; the last bar's line is told a little after it.
    if (file && linger == MonoTime::Max() && sources.performance->finished()) {
      linger = rt::Now() + absl::Milliseconds(200);
    }
    return stop_requested || rt::Now() >= linger ||
           (!file && settings.bars > 0 && recorder.bars() >= settings.bars);
  });
  ShowState(*agent, sources, ports, client, metrics);
  return agent->played_until();
}

// Everything that may be refused is opened before the first log line, so that
// what is wrong stands alone.
absl::Status Play(const CommandLine& line, const Settings& settings) {
  Metrics registry;
  EdgeMetrics metrics(registry, ANTIPHON_VERSION);
  std::unique_ptr<Exporter> exporter;
  if (!settings.metrics.empty()) {
    auto created = Exporter::Create(settings.metrics, &registry);
    if (!created.ok()) return created.status();
    exporter = *std::move(created);
  }
  auto sources = std::make_unique<Sources>();
  absl::Status opened = OpenSources(settings, *sources);
  if (!opened.ok()) return opened;
  auto ports = MidiPorts::Create(PortsOf(settings));
  if (!ports.ok()) return ports.status();
  std::unique_ptr<GrpcAccompanist> client;
  auto recorder = SessionRecorder::Create(
      settings.session_dir, &metrics, [&client] { return client->model(); },
      true);
  if (!recorder.ok()) return recorder.status();
  if (settings.take_cc) (*recorder)->SaveTakesOn(*settings.take_cc);
  std::unique_ptr<BlackBox> black_box;
  if (!settings.record.empty()) {
    auto created =
        BlackBox::Create(settings.record, {.flags = FlagsToRecord(line),
                                           .meters = sources->meters,
                                           .bars = sources->bars});
    if (!created.ok()) return created.status();
    black_box = *std::move(created);
  }
  Audience audience;
  audience.Add(recorder->get());
  audience.Add(black_box.get());
  for (const std::string& port : (*ports)->Descriptions()) LogInfo(port);
  if (!PortsOf(settings).out) LogInfo("out: session.mid alone");
  client = std::make_unique<GrpcAccompanist>(GrpcAccompanist::Options{
      .target = settings.service,
      .session_id =
          absl::StrCat("edge-", std::random_device()(), "-", rt::Now().nanos()),
      .client = "antiphon-edge " ANTIPHON_VERSION});
  const MonoTime played_until = Conduct(settings, *sources, **ports, *client,
                                        audience, **recorder, metrics);
  if (black_box) black_box->Finish(played_until);
  return (*recorder)->Finish();
}

// At once, without ports or a service: what was recorded is all there is.
absl::Status PlayAgain(CommandLine line, const std::string& path) {
  const absl::StatusOr<Recording> recording = ReadRecording(path);
  if (!recording.ok()) return recording.status();
  absl::Status taken = TakeRecordedFlags(recording->settings.flags, line);
  if (!taken.ok()) return taken;
  const absl::StatusOr<Settings> settings = SettingsFrom(line);
  if (!settings.ok()) return settings.status();
  Sources sources;
  sources.meters = recording->settings.meters;
  sources.bars = recording->settings.bars;
  Metrics registry;
  EdgeMetrics metrics(registry, ANTIPHON_VERSION);
  auto recorder = SessionRecorder::Create(
      settings->session_dir, &metrics, [] { return "replay"; }, true);
  if (!recorder.ok()) return recorder.status();
  const ReplayResult result =
      Replay(*recording, ConductorOptions(*settings, sources),
             PlaybackOptions(*settings), recorder->get());
  std::printf("replay: %s\n", ToLine(result).c_str());
  if (absl::Status s = (*recorder)->Finish(); !s.ok()) return s;
  if (result.same()) return absl::OkStatus();
  return absl::InternalError(
      absl::StrCat("--replay=", path, " sends what the stage did not"));
}

absl::Status Main(const CommandLine& line) {
  const absl::StatusOr<Settings> settings = SettingsFrom(line);
  if (!settings.ok()) return settings.status();
  if (settings->task == Task::kListPorts) {
    PrintPorts(*settings);
    return absl::OkStatus();
  }
  if (settings->task == Task::kDoctor) return CallDoctor(*settings);
  if (!settings->replay.empty()) return PlayAgain(line, settings->replay);
  std::signal(SIGINT, RequestStop);
  std::signal(SIGTERM, RequestStop);
#ifdef SIGHUP                        // not on Windows
  std::signal(SIGHUP, RequestStop);  // the terminal was closed
  std::signal(SIGPIPE, SIG_IGN);     // who reads the bars may go, notes end
#endif
  if (settings->task == Task::kMonitor) {
    return ShowWhatArrives(*settings, [] { return stop_requested != 0; });
  }
  return Play(line, *settings);
}

}  // namespace
}  // namespace antiphon::edge

int main(int argc, char** argv) {
  return antiphon::RunProgram({.name = "antiphon-edge",
                               .version = ANTIPHON_VERSION,
                               .help = antiphon::edge::kHelp,
                               .takes_arguments = true,
                               .config_flag = "config"},
                              argc, argv, antiphon::edge::Main);
}
