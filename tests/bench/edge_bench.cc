// SPDX-License-Identifier: Apache-2.0
//
// What the conductor costs: handling one MIDI clock (`pulse_work`), and
// handling a bar line, where a job leaves (`bar_boundary`). The real conductor
// in virtual time, timed by the real clock; a service that answers each job at
// once, a player of eight notes a bar, clocks that jitter by 0.3 ms. Log lines
// go to standard error between the events, as on stage. Prints JSON lines.
#include <cmath>
#include <memory>
#include <random>
#include <utility>
#include <vector>

#include "common/log.h"
#include "common/rt/clock.h"
#include "edge/conductor.h"
#include "tests/bench/allocations.h"
#include "tests/bench/quantile.h"
#include "tests/bench/row.h"

namespace antiphon::bench {
namespace {

using edge::AccompanistCommand;
using edge::Reply;

constexpr int kBars = 2000;
constexpr int kWarmUp = 50;  // bars
constexpr int kNotes = 8;    // a bar
constexpr int64_t kPeriod = 500'000'000 / 24;

// Answers each job with the notes of its last bar.
class Service : public edge::Accompanist {
 public:
  bool Post(const AccompanistCommand& command) override {
    if (command.kind != AccompanistCommand::Kind::kJob) return true;
    waiting_ = true;
    Reply& reply = reply_;
    reply.at = now;
    reply.job_id = command.job.id;
    reply.epoch = command.job.epoch;
    reply.play_seq = command.job.play_seq;
    reply.done = true;
    reply.end_reason = edge::EndReason::kComplete;
    for (uint32_t i = 0; i < kNotes; ++i) {
      const Ticks tick = Ticks::Of(240 * static_cast<int64_t>(i));
      reply.notes[i] = {i, {.tick = tick, .duration = Ticks::Of(100)}};
    }
    reply.note_count = kNotes;
    return true;
  }
  bool Poll(Reply& reply) override {
    if (waiting_) reply = reply_;
    return std::exchange(waiting_, false);
  }

  MonoTime now;

 private:
  // One at a time, taken before the next bar line.
  bool waiting_ = false;
  Reply reply_;
};

// Knows whether a bar has begun.
class Lines : public edge::SessionObserver {
 public:
  void OnBarBegin(const BarSpan&, MonoTime, Epoch) override { ++bars; }

  int bars = 0;
};

// The costs of one kind of event.
struct Costs {
  std::vector<double> micros;
  uint64_t allocations = 0;

  void Print(const std::string& name, double limit_us) const {
    bench::Print({name, Quantile(micros, 0.99), "us", limit_us});
    const double each =
        static_cast<double>(allocations) / static_cast<double>(micros.size());
    bench::Print({name + ".allocations", each, "each", 0});
  }
};

class Stage {
 public:
  Stage()
      : conductor_({.meters = MeterMap(), .sampling = {}}, &service_,
                   &commands_, &timeline_, &telemetry_, &lines_) {
    conductor_.Push({now_, MidiMessage::Start()});
  }

  void Play() {
    for (int pulse = 0; pulse < kBars * 96; ++pulse) {
      PlayNotes(pulse);
      const MonoTime at = now_ + absl::Nanoseconds(kPeriod * pulse + Jitter());
      const MonoTime handled = at + edge::Conductor::Settle();
      // A line may fall before its clock, with it, or after it.
      Time(handled - absl::Nanoseconds(1), nullptr);
      conductor_.Push({at, MidiMessage::Clock()});
      Time(handled, pulse >= kWarmUp * 96 ? &pulses : nullptr);
      Time(at + absl::Nanoseconds(kPeriod) - absl::Milliseconds(3), nullptr);
    }
  }

  Costs pulses;
  Costs boundary;

 private:
  // Handles all up to `now`; with a bar line in it, that is what it costs.
  void Time(MonoTime now, Costs* costs) {
    const int bars = lines_.bars;
    const uint64_t before = Allocations();
    const MonoTime begin = rt::Now();
    AdvanceTo(now);
    const MonoTime end = rt::Now();
    const uint64_t allocated = Allocations() - before;
    log_.Flush();
    AdvanceTo(now);  // takes what the service answers to a job
    if (lines_.bars > bars) costs = bars > kWarmUp ? &boundary : nullptr;
    if (costs == nullptr) return;
    costs->micros.push_back(absl::ToDoubleMicroseconds(end - begin));
    costs->allocations += allocated;
  }

  int64_t Jitter() { return std::llround(jitter_(random_)); }

  void PlayNotes(int pulse) {
    edge::PlaybackCommand command;
    while (commands_.TryPop(command)) {
    }
    if (pulse % 12 != 6) return;
    const MonoTime at = now_ + absl::Nanoseconds(kPeriod * pulse - kPeriod / 3);
    const int pitch = 40 + pulse / 12 % kNotes;
    conductor_.Push({at, MidiMessage::NoteOn(0, pitch, 80)});
    conductor_.Push(
        {at + absl::Milliseconds(1), MidiMessage::NoteOff(0, pitch)});
  }

  void AdvanceTo(MonoTime now) {
    service_.now = now;
    conductor_.AdvanceTo(now);
  }

  LogBuffer log_;
  MonoTime now_ = MonoTime::FromNanos(1'000'000'000);
  std::mt19937_64 random_{1};
  std::normal_distribution<double> jitter_{0, 0.3e6};
  SpscRing<edge::PlaybackCommand> commands_{4096};
  SpscRing<edge::Telemetry> telemetry_{8192};
  LatestValue<Timeline> timeline_;
  Service service_;
  Lines lines_;
  edge::Conductor conductor_;
};

}  // namespace
}  // namespace antiphon::bench

int main() {
  const auto stage = std::make_unique<antiphon::bench::Stage>();
  stage->Play();
  stage->pulses.Print("pulse_work", 20);
  stage->boundary.Print("bar_boundary", 50);
  return 0;
}
