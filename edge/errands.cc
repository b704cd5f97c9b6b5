// SPDX-License-Identifier: Apache-2.0
#include "edge/errands.h"

#include <cstdio>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "edge/clock/clock_follower.h"
#include "edge/doctor.h"
#include "edge/midi_ports.h"
#include "edge/monitor.h"
#include "edge/port/rtmidi_port.h"

namespace antiphon::edge {

void PrintPorts(const Settings& settings) {
  std::fputs(ToText(ListPorts(settings.midi_api)).c_str(), stdout);
}

absl::Status ShowWhatArrives(const Settings& settings,
                             const std::function<bool()>& stop) {
  MidiPorts::Options ports = PortsOf(settings);
  ports.out.reset();
  ClockFollower::Options clock{MeterMap(settings.meter, settings.pickup)};
  clock.clock_offset = absl::Milliseconds(settings.clock_offset_ms);
  return RunMonitor(ports, std::move(clock), stop);
}

absl::Status CallDoctor(const Settings& settings) {
  int wrong = 0;
  Doctor::Examine(
      {.ports = PortsOf(settings),
       .expects_clock = settings.source == Source::kClock,
       .service = settings.service,
       .client = "antiphon-edge " ANTIPHON_VERSION},
      [&wrong](const Finding& finding) {
        wrong += finding.verdict == Finding::Verdict::kWrong;
        std::printf("%s\n", ToLine(finding).c_str());
        std::fflush(stdout);
      },
      [](const std::string& busy) {
        std::fprintf(stderr, "... %s\n", busy.c_str());
      });
  if (wrong == 0) return absl::OkStatus();
  return absl::InternalError(
      absl::StrCat(wrong, wrong == 1 ? " finding is" : " findings are",
                   " WRONG; the remedy stands at the end of its line"));
}

}  // namespace antiphon::edge
