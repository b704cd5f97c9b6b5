// SPDX-License-Identifier: Apache-2.0
#include "edge/clock/pulse_filter.h"

#include <algorithm>
#include <cmath>

namespace antiphon::edge {
namespace {

const absl::Duration kFreewheel = absl::Milliseconds(250);

}  // namespace

absl::Duration PulseFilter::SilenceLimit() const {
  return period() + std::max(kFreewheel, 3 * period());
}

MonoTime PulseFilter::phase() const {
  return MonoTime::FromNanos(origin_.nanos() + std::llround(line_.phase));
}

PulseFilter::Gear PulseFilter::gear() const {
  if (!has_phase_ || pulses_ < 2) return Gear::kNone;
  return line_.phase_variance > 2 * PulseLine::kQuietGain ? Gear::kQuick
                                                          : Gear::kQuiet;
}

absl::Duration PulseFilter::jitter() const {
  return absl::Nanoseconds(std::sqrt(variance_));
}

bool PulseFilter::IsOff(MonoTime at) const {
  return absl::AbsDuration(at - phase() - period()) > period() / 4;
}

PulseFilter::Heard PulseFilter::OnPulse(MonoTime at) {
  const double now = absl::ToDoubleNanoseconds(at - origin_);
  const double interval = now - last_;
  // Two pulses at once say nothing of the tempo.
  const bool alone = pulses_ == 1 && interval < PulseLine::kMinPeriod;
  if (!has_phase_ || alone || absl::Nanoseconds(interval) > SilenceLimit()) {
    Restart(at);
    return {};
  }
  last_ = now;
  const double error = now - line_.phase - line_.period;
  if (owed_ > 0 && error < -line_.period / 2) {
    --owed_;
    ++counts_.revised;
    gaps_ = {};
    return {.lost = 0, .extra = true};
  }
  if (owed_ > 0 && --owed_pulses_ == 0) owed_ = 0;
  const bool burst = error > 0 && interval < line_.period / 2;
  Follow(now, burst);
  const int lost = burst ? 0 : Judge();
  if (line_.phase_variance < kLockedVariance) locked_ = tempo_known_ = true;
  return {.lost = lost, .extra = false};
}

void PulseFilter::Restart(MonoTime at) {
  origin_ = at;
  last_ = 0;
  line_ = {.phase = 0,
           .period = line_.period,
           .phase_variance = 1,
           .covariance = 0,
           .period_variance = tempo_known_ ? Guess() : kUnknown};
  has_phase_ = true;
  locked_ = false;
  pulses_ = 1;
  owed_ = 0;
  seen_ = 0;
  gaps_ = {};
  gaps_are_losses_ = true;
}

// Pulls the line towards the pulse and remembers both.
void PulseFilter::Follow(double at, bool burst) {
  ++pulses_;
  gaps_.OnPulse();
  ++since_step_;
  Seen seen{.before = line_, .variance = variance_, .at = at};
  line_.Advance(1);
  const double error = at - line_.phase;
  const PulseLine expected = line_;
  const double spread = Deviation(line_, error);
  seen.deviation = std::clamp(spread, -kMaxDeviation, kMaxDeviation);
  if (std::abs(spread) <= kMaxDeviation) {
    line_.Correct(error);
  } else if (locked_) {
    ++counts_.outliers;
  } else {
    line_.Correct(error * seen.deviation / spread);
  }
  if (burst && seen_ > 0) {
    Seen& last = At(0);
    last.at = at;
    last.deviation = seen.deviation;
    ++last.pulses;
    return;
  }
  // The second pulse only makes a line.
  if (pulses_ > 2) LearnJitter(error, expected);
  newest_ = (newest_ + 1) % kWindow;
  ring_[static_cast<size_t>(newest_)] = seen;
  seen_ = std::min(seen_ + 1, kWindow);
}

double PulseFilter::Deviation(const PulseLine& expected, double error) const {
  return error / std::sqrt(Judged() * (1 + expected.phase_variance));
}

void PulseFilter::LearnJitter(double error, const PulseLine& expected) {
  // An outlier is three standard deviations at most.
  const double limit = 9 * Judged();
  const double own = error * error / (1 + expected.phase_variance);
  const double weight = std::max(1 / kMemory, 1.0 / (pulses_ + 4));
  variance_ += weight * (std::min(own, limit) - variance_);
}

// ---- What several pulses say together ----

// Returns how many pulses were lost.
int PulseFilter::Judge() {
  const int evidence = Alarm();
  if (evidence == 0) return 0;
  const Change change = MostLikely(evidence - 1);
  if (change.kind == Kind::kLoss) {
    const int lost = Apply(change, true);
    counts_.lost += static_cast<uint64_t>(lost);
    if (gaps_.AreRegular(60e9 / (24 * line_.period))) {
      const int in_vain = TrustTheCount();
      counts_.revised += static_cast<uint64_t>(in_vain);
      return lost - in_vain;
    }
    owed_ += lost;
    owed_pulses_ = kWindow;
    return lost;
  }
  const double offset = OffsetSince(change.age);
  const bool jump = change.kind == Kind::kPhase;
  const bool contradicts = since_step_ < kDistrustPulses &&
                           (jump || (offset > 0) != last_step_late_);
  last_step_late_ = offset > 0;
  since_step_ = 0;
  if (contradicts) variance_ = std::max(variance_, offset * offset / 4);
  Apply(change, !contradicts);
  ++(jump ? counts_.phase_steps : counts_.tempo_steps);
  if (!jump) locked_ = false;
  return 0;
}

// How many of the last pulses speak most strongly against the line of before
// them: the likelihood ratio of a tempo that changed then. 0: none.
int PulseFilter::Alarm() const {
  double sum = 0;
  double weighted = 0;
  double best = kAlarm;
  int evidence = 0;
  for (int n = 1; n <= seen_; ++n) {
    sum += At(n - 1).deviation;
    weighted += sum;
    if (n < kMinEvidence) continue;
    const double squares = n * (n + 1) * (2 * n + 1) / 6.0;
    const double ratio = weighted * weighted / squares;
    if (ratio > best) {
      best = ratio;
      evidence = n;
    }
  }
  return evidence;
}

PulseFilter::Change PulseFilter::MostLikely(int first) const {
  Change best;
  const auto consider = [&](Kind kind, int age, double prior) {
    Change change{.kind = kind, .age = age};
    change.cost = Cost(first, change) + prior;
    if (change.cost < best.cost) best = change;
  };
  for (int age = first; age >= kMinEvidence - 1; --age) {
    consider(Kind::kTempo, age, 0);
    consider(Kind::kPhase, age, kPhaseIsRare);
    if (gaps_are_losses_ && At(age).before.phase_variance < kCountingVariance) {
      consider(Kind::kLoss, age, 0);
    }
  }
  return best;
}

// Minus twice the log likelihood of the pulses since `first`.
double PulseFilter::Cost(int first, const Change& change) const {
  PulseLine line = At(first).before;
  double cost = 0;
  for (int age = first; age >= 0; --age) {
    const Seen& seen = At(age);
    if (age == change.age) Loosen(change, line);
    line.Advance(seen.pulses);
    if (change.kind == Kind::kLoss && age <= change.age) {
      const int lost = LossesAt(line, seen.at - line.phase);
      line.Advance(lost);
      if (lost > 0) cost += kLossIsRare;
    }
    const double error = seen.at - line.phase;
    const double spread = Deviation(line, error);
    const double clamped = std::clamp(spread, -kMaxDeviation, kMaxDeviation);
    cost += clamped * clamped + std::log(1 + line.phase_variance);
    if (clamped == spread) {
      line.Correct(error);
    } else if (age <= change.age && change.kind != Kind::kLoss) {
      line.Correct(error * clamped / spread);
    }
  }
  return cost;
}

void PulseFilter::Loosen(const Change& change, PulseLine& line) {
  if (change.kind == Kind::kTempo) line.period_variance += kUnknown;
  if (change.kind == Kind::kPhase) line.phase_variance += kUnknown;
}

// How many pulses are missing before one that is late by `error`.
int PulseFilter::LossesAt(const PulseLine& expected, double error) const {
  const double periods = error / expected.period;
  const double whole = std::round(periods);
  const double jitter = std::sqrt(Judged()) / expected.period;
  const double off = std::clamp(3 * jitter, kMinWholeness, kMaxWholeness);
  if (whole < 1 || std::abs(periods - whole) > off) return 0;
  return static_cast<int>(std::min<double>(whole, kWindow));
}

// Median distance of the pulses since from the line of before them.
double PulseFilter::OffsetSince(int age) const {
  std::array<double, kWindow> offsets{};
  const int count = age + 1;
  double expected = At(age).before.phase;
  const double period = At(age).before.period;
  for (int i = 0; i < count; ++i) {
    const Seen& seen = At(age - i);
    expected += seen.pulses * period;
    offsets[static_cast<size_t>(i)] = seen.at - expected;
  }
  const auto middle = offsets.begin() + count / 2;
  std::nth_element(offsets.begin(), middle, offsets.begin() + count);
  return *middle;
}

// Draws the line anew from the change on; what the change explains was no
// jitter, where that is to be learnt anew too. Returns how many pulses were
// lost.
int PulseFilter::Apply(const Change& change, bool learn) {
  int lost = 0;
  seen_ = change.age + 1;
  line_ = At(change.age).before;
  Loosen(change, line_);
  if (learn) variance_ = At(change.age).variance;
  for (int age = change.age; age >= 0; --age) {
    Seen& seen = At(age);
    seen.before = line_;
    seen.variance = variance_;
    line_.Advance(seen.pulses);
    if (change.kind == Kind::kLoss) {
      const int missing = LossesAt(line_, seen.at - line_.phase);
      line_.Advance(missing);
      seen.pulses += missing;
      lost += missing;
      if (missing > 0) gaps_.Note(age, missing);
    }
    const double error = seen.at - line_.phase;
    const double spread = Deviation(line_, error);
    seen.deviation = std::clamp(spread, -kMaxDeviation, kMaxDeviation);
    // Where anything was likely, nothing is learnt of the jitter.
    if (learn && line_.phase_variance < 100) LearnJitter(error, line_);
    line_.Correct(spread == 0 ? 0 : error * seen.deviation / spread);
  }
  return lost;
}

// The gaps counted as losses were none: from now on this source's are not.
// Returns how many pulses were counted in vain.
int PulseFilter::TrustTheCount() {
  gaps_are_losses_ = false;
  owed_ = 0;
  seen_ = 0;
  locked_ = false;
  line_.period =
      std::min(line_.period * gaps_.Stretch(), PulseLine::kMaxPeriod);
  variance_ = std::max(variance_, line_.period * line_.period / 12);
  line_.phase_variance += 1;
  return gaps_.Missing();
}

// Variance of a tempo that is only guessed.
double PulseFilter::Guess() const {
  const double sigma = kTempoGuess * line_.period;
  return sigma * sigma / Judged();
}

double PulseFilter::Judged() const {
  return std::max(variance_, kMinJitter * kMinJitter);
}

PulseFilter::Seen& PulseFilter::At(int age) {
  return ring_[static_cast<size_t>((newest_ - age + kWindow) % kWindow)];
}

const PulseFilter::Seen& PulseFilter::At(int age) const {
  return ring_[static_cast<size_t>((newest_ - age + kWindow) % kWindow)];
}

}  // namespace antiphon::edge
