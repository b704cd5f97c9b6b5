// SPDX-License-Identifier: Apache-2.0
#include "edge/monitor.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/music/timeline.h"
#include "common/rt/clock.h"

namespace antiphon::edge {
namespace {

constexpr int kPulsesPerLine = 24;

std::string NoteName(int pitch) {
  constexpr std::array<const char*, 12> kNames = {
      "C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B"};
  return absl::StrFormat("%d %s%d", pitch,
                         kNames[static_cast<size_t>(pitch % 12)],
                         pitch / 12 - 1);
}

std::string DescribeChannel(const MidiMessage& m) {
  const int channel = m.channel() + 1;
  const int first = m.data()[1];
  const int second = m.size() > 2 ? m.data()[2] : 0;
  if (m.IsNoteOn()) {
    return absl::StrFormat("note on   %-7s velocity %d  channel %d",
                           NoteName(m.pitch()), m.velocity(), channel);
  }
  if (m.IsNoteOff()) {
    return absl::StrFormat("note off  %-7s channel %d", NoteName(m.pitch()),
                           channel);
  }
  if (m.IsControlChange()) {
    const char* name = first == 64 ? " (pedal)" : "";
    return absl::StrFormat("control   %d%s = %d  channel %d", first, name,
                           second, channel);
  }
  switch (m.status() & 0xF0) {
    case 0xA0:
      return absl::StrFormat("pressure  %s = %d  channel %d", NoteName(first),
                             second, channel);
    case 0xC0:
      return absl::StrFormat("program   %d  channel %d", first + 1, channel);
    case 0xD0:
      return absl::StrFormat("pressure  %d  channel %d", first, channel);
    default:
      return absl::StrFormat("bend      %d  channel %d",
                             (first | second << 7) - 8192, channel);
  }
}

}  // namespace

std::string Describe(const MidiMessage& m) {
  if (m.IsChannelMessage()) return DescribeChannel(m);
  if (m.IsClock()) return "clock";
  if (m.IsStart()) return "START     from the beginning";
  if (m.IsContinue()) return "CONTINUE  from the song position";
  if (m.IsStop()) return "STOP";
  if (m.IsSongPosition()) {
    return absl::StrFormat("position  %d sixteenths", m.song_position());
  }
  if (m.status() == 0xFE) return "active sensing";
  return absl::StrFormat("system    0x%02X", m.status());
}

Monitor::Monitor(ClockFollower::Options clock, std::vector<std::string> ports,
                 MonoTime start)
    : ports_(std::move(ports)), start_(start), follower_(std::move(clock)) {}

std::string Monitor::OnMessage(size_t port, const TimedMessage& m) {
  const ClockFollower::Change change = follower_.OnMessage(m);
  const std::string& name = ports_[port];
  if (m.message.IsClock()) {
    meter_.OnPulse(m.at);
    const bool first = meter_.pulses() == 1;
    const bool starts = change == ClockFollower::Change::kStart ||
                        change == ClockFollower::Change::kLoop;
    if (++pulses_untold_ < kPulsesPerLine && !first && !starts) return "";
    std::string what = absl::StrCat("clock     ", pulses_untold_,
                                    pulses_untold_ == 1 ? " pulse" : " pulses");
    pulses_untold_ = 0;
    if (const auto reading = meter_.Read()) {
      absl::StrAppendFormat(&what, "  %.2f BPM  jitter %.2f ms",
                            reading->quarters_per_minute,
                            absl::ToDoubleMilliseconds(reading->jitter));
    }
    return Line(m.at, name, what);
  }
  if (m.message.status() == 0xFE) return "";  // three a second, says nothing
  return Line(m.at, name, Describe(m.message));
}

std::string Monitor::OnTime(MonoTime now) {
  std::string lines;
  // At most one change falls due between two looks; the bound is for safety.
  for (int i = 0; i < 4; ++i) {
    const std::optional<MonoTime> due = follower_.NextDue();
    if (!due || *due > now) break;
    if (follower_.OnDue(*due) == ClockFollower::Change::kNone) continue;
    absl::StrAppend(
        &lines, lines.empty() ? "" : "\n",
        Line(*due, "", follower_.clock_lost() ? "clock lost" : "stopped"));
  }
  return lines;
}

std::string Monitor::Line(MonoTime at, const std::string& port,
                          const std::string& what) const {
  return absl::StrFormat("%9.3f  %-6s %-46s | %s",
                         absl::ToDoubleSeconds(at - start_), port, what,
                         View(at));
}

std::string Monitor::View(MonoTime at) const {
  const Timeline& timeline = follower_.timeline();
  if (!timeline.running()) return "stopped";
  const Ticks position = timeline.TicksAt(at);
  std::string view;
  if (const auto bar = timeline.BarAt(position)) {
    const int64_t beat = (position - bar->begin).count() *
                         bar->meter.denominator / kTicksPerWhole;
    view = absl::StrFormat("bar %d.%d  ", bar->bar_index + 1, beat + 1);
  }
  return absl::StrFormat("%s%.2f BPM  %s", view, timeline.quarters_per_minute(),
                         follower_.locked() ? "locked" : "settling");
}

absl::Status RunMonitor(const MidiPorts::Options& options,
                        ClockFollower::Options clock,
                        const std::function<bool()>& stop) {
  const MonoTime start = rt::Now();
  auto ports = MidiPorts::Create(options);
  if (!ports.ok()) return ports.status();
  for (const std::string& line : (*ports)->Descriptions()) {
    std::printf("%s\n", line.c_str());
  }
  std::printf("  seconds  port   what%42s | the follower\n", "");
  Monitor monitor(std::move(clock), (*ports)->labels(), start);
  const std::vector<MidiRing*> rings = (*ports)->rings();
  const auto print = [](const std::string& line) {
    if (!line.empty()) std::printf("%s\n", line.c_str());
  };
  while (!stop()) {
    std::vector<std::pair<TimedMessage, size_t>> arrived;
    TimedMessage m;
    for (size_t port = 0; port < rings.size(); ++port) {
      while (arrived.size() < kMidiRingCapacity && rings[port]->TryPop(m)) {
        arrived.emplace_back(m, port);
      }
    }
    std::stable_sort(
        arrived.begin(), arrived.end(),
        [](const auto& a, const auto& b) { return a.first.at < b.first.at; });
    for (const auto& [message, port] : arrived) {
      print(monitor.OnMessage(port, message));
    }
    print(monitor.OnTime(rt::Now() - absl::Milliseconds(20)));
    std::fflush(stdout);
    rt::SleepUntil(rt::Now() + absl::Milliseconds(5));
  }
  return absl::OkStatus();
}

}  // namespace antiphon::edge
