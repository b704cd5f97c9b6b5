// SPDX-License-Identifier: Apache-2.0
#include "edge/doctor.h"

#include <algorithm>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "common/rt/clock.h"
#include "edge/client/grpc_accompanist.h"
#include "edge/clock/clock_follower.h"
#include "edge/port/feedback_detector.h"

namespace antiphon::edge {
namespace {

using Verdict = Finding::Verdict;

constexpr int kLoopBackProbes = 10;

double Ms(absl::Duration d) { return absl::ToDoubleMilliseconds(d); }

// What arrived while the doctor listened.
struct Heard {
  ClockMeter meter;
  ClockFollower follower{MeterMap()};
  int notes = 0;
};

// Calls take(message) for all that arrives until `until` or done().
template <typename Take, typename Done>
void ListenTo(const std::vector<MidiRing*>& rings, MonoTime until, Take take,
              Done done) {
  while (rt::Now() < until && !done()) {
    TimedMessage m;
    for (MidiRing* ring : rings) {
      for (size_t i = 0; i < ring->capacity() && ring->TryPop(m); ++i) take(m);
    }
    rt::SleepUntil(rt::Now() + absl::Milliseconds(1));
  }
}

// A thread of its own, so that the doctor does not keep the priority.
absl::Status TryPriority() {
  absl::Status status;
  std::thread([&status] { status = rt::RaisePriority(); }).join();
  return status;
}

// An edge that runs already holds the names that a host is connected to.
bool AnotherEdgeRuns(MidiApi api) {
  for (const PortList& list : ListPorts(api)) {
    for (const auto* names : {&list.inputs, &list.outputs}) {
      for (const std::string& name : *names) {
        if (name.find("Antiphon In") != std::string::npos ||
            name.find("Antiphon Out") != std::string::npos) {
          return true;
        }
      }
    }
  }
  return false;
}

Finding Wrong(std::string subject, std::string text, std::string remedy) {
  return {Verdict::kWrong, std::move(subject), std::move(text),
          std::move(remedy)};
}

Finding JudgePorts(const absl::StatusOr<std::unique_ptr<MidiPorts>>& ports,
                   bool another) {
  if (!ports.ok()) {
    // RtMidi's port says its own remedy, an unknown name what there is.
    return Wrong("ports", std::string(ports.status().message()), "");
  }
  std::string text;
  for (const std::string& line : (*ports)->Descriptions()) {
    absl::StrAppend(&text, text.empty() ? "" : "; ", line);
  }
  if (another) {
    return Wrong("ports", text + "; another antiphon-edge runs",
                 "stop it first: the host is connected to its ports, not to "
                 "these");
  }
  return {Verdict::kFine, "ports", text.empty() ? "none are needed" : text};
}

Finding TellNotes(int notes) {
  return {Verdict::kNote, "notes",
          notes > 0 ? absl::StrCat(notes, " arrived")
                    : "none arrived (nobody played, or the keyboard's track "
                      "does not lead to Antiphon In)"};
}

void HearAndJudge(const Doctor::Options& options,
                  const std::vector<MidiRing*>& rings,
                  const GrpcAccompanist& service, const Doctor::Tell& tell) {
  const MonoTime start = rt::Now();
  const MonoTime least = start + absl::Seconds(1);
  Heard heard;
  ListenTo(
      rings, start + Doctor::Listen(),
      [&](const TimedMessage& m) {
        heard.follower.OnMessage(m);
        if (m.message.IsClock()) heard.meter.OnPulse(m.at);
        heard.notes += m.message.IsNoteOn();
      },
      // Enough is known, unless notes may still come.
      [&] {
        return rings.empty() && rt::Now() >= least &&
               service.stats().round_trip_us.load() > 0;
      });
  if (options.expects_clock) {
    tell(JudgeClock({rt::Now() - start, heard.meter.pulses(),
                     heard.meter.Read(), heard.follower.timeline().running()}));
  }
  if (!rings.empty()) tell(TellNotes(heard.notes));
  tell(JudgeService(
      {options.service, service.stats().connected.load(), service.model(),
       absl::Microseconds(service.stats().round_trip_us.load())}));
}

// Sends an undefined controller some times and sees whether it comes back.
Finding TryLoopBack(MidiOutput& output, const std::vector<MidiRing*>& rings,
                    int channel) {
  std::vector<absl::Duration> delays;
  for (int i = 1; i <= kLoopBackProbes; ++i) {
    const MidiMessage probe = MidiMessage::ControlChange(
        channel, FeedbackDetector::kProbeController, i);
    const MonoTime sent = rt::Now();
    const size_t before = delays.size();
    output.Send(probe);
    ListenTo(
        rings, sent + FeedbackDetector::MaxDelay(),
        [&](const TimedMessage& m) {
          if (m.message == probe) delays.push_back(m.at - sent);
        },
        [&] { return delays.size() > before; });
  }
  return JudgeLoopBack(kLoopBackProbes, std::move(delays));
}

}  // namespace

std::string ToLine(const Finding& finding) {
  const char* verdict = finding.verdict == Verdict::kFine   ? "ok"
                        : finding.verdict == Verdict::kNote ? "note"
                                                            : "WRONG";
  return absl::StrFormat(
      "%-6s %-10s %s%s%s", verdict, finding.subject, finding.text,
      finding.remedy.empty() ? "" : "; remedy: ", finding.remedy);
}

Finding JudgeClock(const ClockFacts& facts) {
  if (facts.pulses == 0) {
    return Wrong(
        "clock",
        absl::StrFormat("no MIDI clock arrived in %.1f s",
                        absl::ToDoubleSeconds(facts.listened)),
        "in the host, send clock (Sync) to Antiphon In; a host that sends it "
        "only while it plays has to play now; --source=internal needs none");
  }
  if (!facts.reading) {
    return Wrong("clock",
                 absl::StrCat("only ", facts.pulses, " clocks arrived"),
                 "let the host run, then ask again");
  }
  std::string text = absl::StrFormat(
      "%.1f BPM, jitter %.2f ms, %s", facts.reading->quarters_per_minute,
      Ms(facts.reading->jitter),
      facts.running ? "the host plays"
                    : "no START yet: press play; a host that plays already is "
                      "joined, with bar lines by its next song position or "
                      "bar 1 at your first note");
  if (facts.reading->jitter > Doctor::WorstJitter()) {
    return Wrong("clock", text,
                 "use a direct port rather than a network or a USB hub, a "
                 "smaller audio buffer in the host; two clocks on one port "
                 "look like this too");
  }
  return {Verdict::kFine, "clock", text};
}

Finding JudgeService(const ServiceFacts& facts) {
  if (!facts.connected) {
    return Wrong("service", facts.target + " does not answer",
                 "start antiphon-inference there, name another with "
                 "--service=HOST:PORT, or open the tunnel to it");
  }
  if (facts.round_trip == absl::ZeroDuration()) {
    return Wrong(
        "service",
        absl::StrCat(facts.target, " welcomes the edge but answers no ping"),
        "see the service's log; start it again");
  }
  std::string text =
      absl::StrFormat("%s answers, model %s, round trip %.1f ms", facts.target,
                      facts.model, Ms(facts.round_trip));
  if (facts.round_trip > Doctor::WorstRoundTrip()) {
    return Wrong("service", text,
                 "use a cable instead of WLAN, or a service that is nearer");
  }
  return {Verdict::kFine, "service", text};
}

Finding JudgePriority(const absl::Status& granted) {
  if (granted.ok()) {
    return {Verdict::kFine, "priority", "real-time priority is granted"};
  }
  // The message has its own remedy at its end.
  const std::vector<std::string> parts =
      absl::StrSplit(granted.message(), absl::MaxSplits("Remedy: ", 1));
  return Wrong("priority", "no real-time priority: notes may leave late",
               parts.back());
}

Finding JudgeLoopBack(int sent, std::vector<absl::Duration> delays) {
  if (delays.empty()) {
    return {Verdict::kNote, "loop-back",
            "the output is not connected to the input (right for playing; "
            "connect them to measure the latency)"};
  }
  std::sort(delays.begin(), delays.end());
  return {Verdict::kNote, "loop-back",
          absl::StrFormat("%.2f ms from output to input (median; %d of %d "
                          "came back); disconnect them before you play",
                          Ms(delays[delays.size() / 2]), delays.size(), sent)};
}

bool Doctor::Examine(const Options& options, const Tell& tell,
                     const Progress& progress) {
  bool fine = true;
  const auto judge = [&](const Finding& finding) {
    fine = fine && finding.verdict != Verdict::kWrong;
    tell(finding);
  };
  const bool another = AnotherEdgeRuns(options.ports.api);
  auto ports = MidiPorts::Create(options.ports);
  judge(JudgePorts(ports, another));
  judge(JudgePriority(TryPriority()));
  const GrpcAccompanist service(
      {.target = options.service,
       .session_id = absl::StrCat("doctor-", rt::Now().nanos()),
       .client = options.client});
  const std::vector<MidiRing*> rings =
      ports.ok() ? (*ports)->rings() : std::vector<MidiRing*>();
  progress(
      absl::StrFormat("listening for %.0f s", absl::ToDoubleSeconds(Listen())));
  Options asked = options;
  asked.expects_clock = options.expects_clock && !rings.empty();
  HearAndJudge(asked, rings, service, judge);
  if (ports.ok() && options.ports.out && !rings.empty()) {
    judge(TryLoopBack(*(*ports)->output(), rings, options.ports.channel));
  }
  return fine;
}

}  // namespace antiphon::edge
