// SPDX-License-Identifier: Apache-2.0
//
// When notes leave: the real PlaybackThread sends one event a millisecond into
// a port that stamps, beside a bare loop that sleeps to the same instants.
// Five rounds, the two in turn within each; the rows are medians of the rounds.
// Then the same with every core busy, which only real-time priority survives.
// Prints JSON lines; about a minute.
#include <algorithm>
#include <atomic>
#include <cstdio>
#include <memory>
#include <thread>
#include <vector>

#include "common/rt/clock.h"
#include "edge/playback/playback_thread.h"
#include "tests/bench/quantile.h"
#include "tests/bench/row.h"

namespace antiphon::bench {
namespace {

constexpr int kRounds = 5;
constexpr int kSlices = 4;     // of each kind, a round
constexpr int kEvents = 1000;  // a slice
const absl::Duration kSpacing = absl::Milliseconds(1);
const absl::Duration kLead = absl::Milliseconds(30);

using Micros = std::vector<double>;

MonoTime Due(MonoTime start, int event) { return start + event * kSpacing; }

// Stamps notes as they are sent.
class Stamps : public edge::MidiOutput {
 public:
  Stamps() { at.reserve(kEvents); }
  bool Send(const MidiMessage& message) noexcept override {
    const bool note = message.IsNoteOn() || message.IsNoteOff();
    if (note && at.size() < kEvents) at.push_back(rt::Now());
    return true;
  }

  std::vector<MonoTime> at;
};

// What one slice of playback needs; at tick t, t milliseconds after `start`.
struct Slice {
  explicit Slice(MonoTime start) {
    Timeline timeline;
    timeline.Reset(1);
    timeline.set_running(true);
    timeline.AddAnchor(Ticks(), start, 1e6);
    timeline.SetBar({0, 0, Ticks(), Ticks::Of(2 * kEvents), Meter{}});
    newest.Publish(timeline);
    for (uint32_t i = 0; i < kEvents / 2; ++i) {
      commands.TryPush({.epoch = 1,
                        .note = i,
                        .tick = Ticks::Of(2 * static_cast<int64_t>(i)),
                        .duration = Ticks::Of(1),
                        .pitch = 60,
                        .velocity = 80});
    }
  }

  SpscRing<edge::PlaybackCommand> commands{kEvents};
  SpscRing<edge::Telemetry> telemetry{2 * kEvents};
  LatestValue<Timeline> newest;
  Stamps output;
  edge::Playback playback{{.late_grace = absl::Seconds(10)},
                          &commands,
                          &newest,
                          &output,
                          &telemetry};
};

// Adds the lateness of each event; whether real-time priority was granted.
bool Play(Micros& late) {
  const MonoTime start = rt::Now() + kLead;
  const auto slice = std::make_unique<Slice>(start);
  edge::PlaybackThread thread(&slice->playback);
  rt::SleepUntil(Due(start, kEvents) + kLead);
  thread.Stop();
  for (int i = 0; i < static_cast<int>(slice->output.at.size()); ++i) {
    const MonoTime at = slice->output.at[static_cast<size_t>(i)];
    late.push_back(absl::ToDoubleMicroseconds(at - Due(start, i)));
  }
  return thread.priority().ok();
}

void Sleep(Micros& late) {
  const MonoTime start = rt::Now() + kLead;
  std::thread([&] {
    (void)rt::RaisePriority();
    Micros own;
    own.reserve(kEvents);
    for (int i = 0; i < kEvents; ++i) {
      rt::SleepUntil(Due(start, i));
      own.push_back(absl::ToDoubleMicroseconds(rt::Now() - Due(start, i)));
    }
    late.insert(late.end(), own.begin(), own.end());
  }).join();
}

void Beside() {
  Micros ours_p99, bare_p99, ours_all;
  for (int round = 0; round < kRounds; ++round) {
    Micros ours, bare;
    for (int slice = 0; slice < kSlices; ++slice) {
      Play(ours);
      Sleep(bare);
    }
    ours_p99.push_back(Quantile(ours, 0.99));
    bare_p99.push_back(Quantile(bare, 0.99));
    ours_all.insert(ours_all.end(), ours.begin(), ours.end());
  }
  const double bare = Quantile(bare_p99, 0.5);
  Print({"emission_error", Quantile(ours_p99, 0.5), "us",
         std::max(1.5 * bare, bare + 100)});
  Print({"emission_error.clock_nanosleep", bare, "us", {}});
  Print({"emission_error.median", Quantile(ours_all, 0.5), "us", {}});
}

void Busy() {
  std::atomic<bool> stop = false;
  std::vector<std::thread> hogs;
  for (unsigned i = 0; i < std::thread::hardware_concurrency(); ++i) {
    hogs.emplace_back([&stop] {
      while (!stop.load(std::memory_order_relaxed)) {
      }
    });
  }
  Micros late;
  bool granted = true;
  for (int slice = 0; slice < 2 * kSlices; ++slice) granted &= Play(late);
  stop = true;
  for (std::thread& hog : hogs) hog.join();
  if (!granted) {
    std::fprintf(stderr, "emission_bench: real-time priority is refused\n");
  }
  Print({"emission_error.busy", Quantile(late, 0.99), "us",
         granted ? std::optional(1000.0) : std::nullopt});
}

}  // namespace
}  // namespace antiphon::bench

int main() {
  antiphon::bench::Beside();
  antiphon::bench::Busy();
  return 0;
}
