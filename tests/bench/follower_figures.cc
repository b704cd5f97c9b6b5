// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/follower_figures.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <string>

#include "tests/bench/quantile.h"

namespace antiphon::bench {
namespace {

constexpr double kTempi[] = {60, 90, 120, 160, 200};
// Seconds: the follower is judged from its first lock on, the quantised and
// swung streams from the time by which it knows them, the others from when the
// slowest has settled.
constexpr double kKnown = 10;
constexpr double kOthersSettled = 40;

using Streams = std::function<PulseStream(double tempo, uint64_t seed)>;

// Absolute errors of a row's samples.
struct Errors {
  std::vector<double> pulse;
  std::vector<double> beat;
  std::vector<double> bar;
  double unlocked = 0;  // share of the samples judged

  void Add(const Sample& sample) {
    pulse.push_back(std::abs(sample.pulse));
    beat.push_back(std::abs(sample.beat));
    bar.push_back(std::abs(sample.bar));
  }
};

// What a predictor does with all seeds of one tempo. The follower is judged
// whenever it says that it is locked, or all the time from `from` on.
Errors Judge(const Streams& streams, double tempo, const Effort& effort,
             double from, const std::function<Predictor*()>& fresh) {
  Errors errors;
  double judged = 0;
  double unlocked = 0;
  for (uint64_t seed = 1; seed <= effort.seeds; ++seed) {
    Predictor* predictor = fresh();
    for (const Sample& s : Follow(streams(tempo, seed), *predictor)) {
      if (s.seconds < from) continue;
      ++judged;
      if (s.locked) {
        errors.Add(s);
      } else {
        ++unlocked;
      }
    }
  }
  errors.unlocked = judged > 0 ? unlocked / judged : 1;
  return errors;
}

struct Worst {
  double p99 = 0;
  double max = 0;
  double beat = 0;
  double bar = 0;
  double unlocked = 0;

  void Add(const Errors& errors) {
    p99 = std::max(p99, Quantile(errors.pulse, 0.99));
    max = std::max(max, Quantile(errors.pulse, 1));
    beat = std::max(beat, Quantile(errors.beat, 0.99));
    bar = std::max(bar, Quantile(errors.bar, 0.99));
    unlocked = std::max(unlocked, errors.unlocked);
  }
};

Worst WorstTempo(const Streams& streams, const std::vector<double>& tempi,
                 const Effort& effort, double from,
                 const std::function<std::unique_ptr<Predictor>()>& make) {
  Worst worst;
  for (const double tempo : tempi) {
    std::unique_ptr<Predictor> current;
    worst.Add(Judge(streams, tempo, effort, from, [&] {
      current = make();
      return current.get();
    }));
  }
  return worst;
}

std::unique_ptr<Predictor> Ours() { return std::make_unique<Follower>(); }

Worst OurWorst(const Streams& streams, const std::vector<double>& tempi,
               const Effort& effort, double from = 0) {
  return WorstTempo(streams, tempi, effort, from, Ours);
}

std::vector<double> Tempi() { return {std::begin(kTempi), std::end(kTempi)}; }

// p99 of the others on the same streams.
void AddOthers(const std::string& name, const Streams& streams,
               const std::vector<double>& tempi, const Effort& effort,
               std::vector<Row>& rows) {
  if (!effort.others) return;
  for (size_t i = 0; i < Others().size(); ++i) {
    const Worst worst = WorstTempo(streams, tempi, effort, kOthersSettled, [i] {
      return std::move(Others()[i].predictor);
    });
    rows.push_back({name + "." + Others()[i].name, worst.p99, "ms", {}});
  }
}

// When the error was last above `bound`, from `since` on; seconds after it.
double SettleTime(const std::vector<Sample>& samples, double since,
                  double bound) {
  double last = since;
  for (const Sample& s : samples) {
    if (s.seconds >= since && std::abs(s.pulse) > bound) last = s.seconds;
  }
  return last - since;
}

double LargestError(const std::vector<Sample>& samples, double from) {
  double largest = 0;
  for (const Sample& s : samples) {
    if (s.seconds >= from) largest = std::max(largest, std::abs(s.pulse));
  }
  return largest;
}

}  // namespace

std::vector<Sample> Follow(const PulseStream& stream, Predictor& predictor) {
  std::vector<Sample> samples;
  samples.reserve(stream.pulses().size());
  for (const PulseStream::Pulse& pulse : stream.pulses()) {
    predictor.OnPulse(pulse.at);
    const auto error = [&](size_t ahead) {
      const size_t index = pulse.index + ahead;
      return (predictor.TimeAt(index) - stream.Ideal(index) -
              stream.mean_delay()) /
             1e6;
    };
    samples.push_back({.seconds = stream.Seconds(pulse.at),
                       .pulse = error(1),
                       .beat = error(24),
                       .bar = error(PulseStream::kBeyond - 1),
                       .locked = predictor.locked()});
  }
  return samples;
}

std::vector<Row> Jitter(const Effort& effort) {
  const Streams streams = [&](double tempo, uint64_t seed) {
    return PulseStream::Steady(tempo, effort.seconds).Jitter(1, seed);
  };
  const Worst worst = OurWorst(streams, Tempi(), effort);
  std::vector<Row> rows = {{"follower_jitter", worst.p99, "ms", 0.6},
                           {"follower_jitter.beat_ahead", worst.beat, "ms", {}},
                           {"follower_jitter.bar_ahead", worst.bar, "ms", {}}};
  AddOthers("follower_jitter", streams, Tempi(), effort, rows);
  return rows;
}

std::vector<Row> Skew(const Effort& effort) {
  const Streams streams = [&](double tempo, uint64_t seed) {
    return PulseStream::Steady(tempo, effort.seconds)
        .Jitter(1, seed)
        .Late(0.01, 3, 10, seed + 1000);
  };
  const Worst worst = OurWorst(streams, Tempi(), effort);
  std::vector<Row> rows = {{"follower_skew", worst.p99, "ms", 0.8},
                           {"follower_skew.max", worst.max, "ms", 2}};
  AddOthers("follower_skew", streams, Tempi(), effort, rows);
  return rows;
}

std::vector<Row> Quantised(const Effort& effort) {
  const auto streams = [&](double frames) -> Streams {
    return [&, frames](double tempo, uint64_t seed) {
      const double buffer = frames / 48;  // ms
      return PulseStream::Steady(tempo, effort.seconds)
          .Quantised(buffer, buffer * static_cast<double>(seed) / 8);
    };
  };
  std::vector<double> tempi = Tempi();
  tempi.push_back(117);  // pulses of nearly a whole number of buffers
  tempi.push_back(125.12);
  const Worst fine = OurWorst(streams(64), tempi, effort);
  const Worst coarse = OurWorst(streams(512), Tempi(), effort, kKnown);
  const Worst large = OurWorst(streams(1024), Tempi(), effort, kKnown);
  const Worst hostile = OurWorst(streams(512), {117}, effort, kKnown);
  std::vector<Row> rows = {
      {"follower_quantised_1.33ms", fine.p99, "ms", 0.8},
      {"follower_quantised_1.33ms.max", fine.max, "ms", 2},
      {"follower_quantised_10.7ms", coarse.p99, "ms", 0.8},
      {"follower_quantised_10.7ms.unlocked", coarse.unlocked, "share", 0},
      {"follower_quantised_21.3ms", large.p99, "ms", 2},
      {"follower_quantised_21.3ms.unlocked", large.unlocked, "share", 0},
      {"follower_quantised_10.7ms.117bpm", hostile.p99, "ms", {}},
      {"follower_quantised_10.7ms.117bpm.unlocked", hostile.unlocked, "share",
       0}};
  AddOthers("follower_quantised_1.33ms", streams(64), tempi, effort, rows);
  AddOthers("follower_quantised_10.7ms", streams(512), Tempi(), effort, rows);
  return rows;
}

std::vector<Row> Swung(const Effort& effort) {
  std::vector<Row> rows;
  for (const int percent : {54, 58, 66}) {
    const Streams streams = [&](double tempo, uint64_t seed) {
      return PulseStream::Steady(tempo, effort.seconds)
          .Swung(percent / 100.0)
          .Jitter(0.3, seed);
    };
    const Worst worst = OurWorst(streams, Tempi(), effort, kKnown);
    const std::string name = "follower_swung_" + std::to_string(percent);
    rows.push_back({name, worst.p99, "ms", {}});
    rows.push_back({name + ".unlocked", worst.unlocked, "share", 0});
    if (percent == 58) AddOthers(name, streams, Tempi(), effort, rows);
  }
  return rows;
}

namespace {

// Largest value of a figure, ours and of the predictors to compare.
struct Largest {
  double ours = 0;
  std::map<std::string, double> others;

  // `figure` of each predictor's samples of the stream.
  void Add(const PulseStream& stream, bool with_others,
           const std::function<double(const std::vector<Sample>&)>& figure) {
    Follower follower;
    ours = std::max(ours, figure(Follow(stream, follower)));
    if (!with_others) return;
    for (NamedPredictor& other : Others()) {
      double& worst = others[other.name];
      worst = std::max(worst, figure(Follow(stream, *other.predictor)));
    }
  }

  void AddRows(const std::string& name, const std::string& unit,
               std::optional<double> limit, std::vector<Row>& rows) const {
    rows.push_back({name, ours, unit, limit});
    for (const auto& [other, worst] : others) {
      rows.push_back({name + "." + other, worst, unit, {}});
    }
  }
};

void SettleRows(const std::string& suffix, double jitter, double bound,
                const Effort& effort, std::vector<Row>& rows) {
  constexpr double kBefore = 20;  // seconds
  Largest start;
  Largest step;
  for (const double tempo : kTempi) {
    for (uint64_t seed = 1; seed <= effort.seeds; ++seed) {
      start.Add(PulseStream::Steady(tempo, kBefore).Jitter(jitter, seed), false,
                [&](const auto& s) { return SettleTime(s, 0, bound); });
      for (const double factor : {0.95, 1.05}) {
        step.Add(PulseStream::Step(tempo, tempo * factor, kBefore)
                     .Jitter(jitter, seed),
                 effort.others,
                 [&](const auto& s) { return SettleTime(s, kBefore, bound); });
      }
    }
  }
  step.AddRows("follower_settle" + suffix, "s", 0.5, rows);
  start.AddRows("follower_settle.start" + suffix, "s", 0.5, rows);
}

// Pulses by which the follower's timeline is off.
double CountError(const Follower& follower, const PulseStream::Pulse& pulse) {
  return static_cast<double>(
      std::abs(follower.PulseAt(pulse.at) - static_cast<int64_t>(pulse.index)));
}

struct CountErrors {
  double at_end = 0;   // pulses
  double longest = 0;  // pulses for which the count was wrong at a stretch

  void Add(const PulseStream& stream) {
    Follower follower;
    size_t right = 0;
    for (const PulseStream::Pulse& pulse : stream.pulses()) {
      follower.OnPulse(pulse.at);
      if (CountError(follower, pulse) == 0) right = pulse.index;
      longest = std::max(longest, static_cast<double>(pulse.index - right));
    }
    at_end = std::max(at_end, CountError(follower, stream.pulses().back()));
  }
};

}  // namespace

std::vector<Row> Settle(const Effort& effort) {
  std::vector<Row> rows;
  SettleRows("", 0.1, 1, effort, rows);
  SettleRows(".jitter_1ms", 1, 3, effort, rows);
  return rows;
}

std::vector<Row> Ramp(const Effort& effort) {
  constexpr size_t kBefore = 960;
  constexpr size_t kRamp = 4 * 96;
  const auto tempo = [](size_t i) {
    const double ramp =
        (static_cast<double>(i) - static_cast<double>(kBefore)) / kRamp;
    return 120 + 40 * std::clamp(ramp, 0.0, 1.0);
  };
  const auto rows_at = [&](const std::string& name, double jitter,
                           std::optional<double> limit,
                           std::vector<Row>& rows) {
    Largest largest;
    for (uint64_t seed = 1; seed <= effort.seeds; ++seed) {
      PulseStream stream(kBefore + kRamp + kBefore, tempo);
      largest.Add(stream.Jitter(jitter, seed), effort.others,
                  [](const auto& s) { return LargestError(s, kKnown); });
    }
    largest.AddRows(name, "ms", limit, rows);
  };
  std::vector<Row> rows;
  rows_at("follower_ramp", 0.1, 5, rows);
  rows_at("follower_ramp.jitter_1ms", 1, {}, rows);
  return rows;
}

std::vector<Row> Losses(const Effort& effort) {
  CountErrors dropped;
  CountErrors stalled;
  double error = 0;  // ms
  for (const double tempo : kTempi) {
    for (uint64_t seed = 1; seed <= effort.seeds; ++seed) {
      const PulseStream steady =
          PulseStream::Steady(tempo, effort.seconds).Jitter(0.5, seed);
      dropped.Add(PulseStream(steady).Dropped(0.01, seed));
      PulseStream stream = steady;
      for (double at = kKnown; at < effort.seconds - 5; at += 3.1) {
        stream.Stalled(at, 200, 0.5);
      }
      stalled.Add(stream);
      Follower follower;
      error = std::max(error, LargestError(Follow(stream, follower), 5));
    }
  }
  return {{"follower_lost.off_at_end", dropped.at_end, "pulses", 0},
          {"follower_lost.longest_off", dropped.longest, "pulses", 24},
          {"follower_stall.off_at_end", stalled.at_end, "pulses", 0},
          {"follower_stall", error, "ms", 2}};
}

std::vector<Row> Drift(double seconds) {
  double p99 = 0;
  double bars_off = 0;
  for (const double tempo : {120.0, 120.01}) {
    const PulseStream stream = PulseStream::Steady(tempo, seconds).Jitter(1, 1);
    Follower follower;
    std::vector<double> errors;
    for (const Sample& s : Follow(stream, follower)) {
      if (s.locked) errors.push_back(std::abs(s.pulse));
    }
    p99 = std::max(p99, Quantile(errors, 0.99));
    const PulseStream::Pulse& last = stream.pulses().back();
    const Timeline& timeline = follower.follower().timeline();
    const auto bar =
        timeline.BarAt(Ticks::FromPulses(follower.PulseAt(last.at)));
    const double bars = bar ? static_cast<double>(bar->bar_index) : -1;
    bars_off = std::max(bars_off,
                        std::abs(bars - static_cast<double>(last.index / 96)));
  }
  return {{"follower_drift", p99, "ms", 0.6},
          {"follower_drift.bars_lost", bars_off, "bars", 0}};
}

std::vector<Row> Range() {
  double worst = 0;
  for (const double tempo : {20.0, 30.0, 45.0, 300.0, 500.0, 700.0, 999.0}) {
    const double period_ms = 60e3 / 24 / tempo;
    const PulseStream stream =
        PulseStream::Steady(tempo, 24000 / tempo).Jitter(period_ms / 50, 1);
    Follower follower;
    Follow(stream, follower);
    const double followed = follower.follower().quarters_per_minute();
    worst = std::max(worst, std::abs(followed / tempo - 1));
  }
  return {{"follower_range.tempo_error", 100 * worst, "%", 0.05}};
}

}  // namespace antiphon::bench
