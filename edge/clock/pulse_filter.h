// SPDX-License-Identifier: Apache-2.0
//
// From jittering clock pulses to a steady phase and period (docs/timing.md).
// Each pulse counts one and pulls the line through the pulses before it
// (PulseLine) a little: much while the line is young, the quick gear; hardly
// when it is old, the quiet one. Once locked, a pulse more than kMaxDeviation
// times the jitter away pulls nothing.
//
// What several pulses in a row say together is judged by likelihood over the
// last kWindow of them: a new tempo (the line is drawn anew from where they
// left it), a new phase at the old tempo, or, where the new phase is late by
// whole periods, lost pulses, which are then counted. If those arrive after
// all, in a burst within the next beat, they are not counted again. A burst of
// late pulses is judged by its last one.
//
// A source that keeps contradicting itself (a swung clock, a host that sends
// from large audio buffers) is taken to jitter that much, and followed on
// average. Conductor thread; fixed memory, bounded work.
#ifndef ANTIPHON_EDGE_CLOCK_PULSE_FILTER_H_
#define ANTIPHON_EDGE_CLOCK_PULSE_FILTER_H_

#include <array>
#include <cstdint>
#include <limits>

#include "common/time/mono_time.h"
#include "edge/clock/gap_history.h"
#include "edge/clock/pulse_line.h"

namespace antiphon::edge {

class PulseFilter {
 public:
  enum class Gear {
    kNone,   // no tempo is known
    kQuick,  // learns: after a start, after a new tempo
    kQuiet,  // near its bandwidth at rest
  };
  // What a pulse says about the count.
  struct Heard {
    int lost = 0;        // pulses before it that never came; below 0: that many
                         // were counted in vain
    bool extra = false;  // one of those, come after all: it counts nothing
  };
  struct Counts {
    uint64_t outliers = 0;  // pulses that pulled nothing
    uint64_t lost = 0;      // pulses counted although they had not come
    uint64_t revised = 0;   // and of those, the ones that came later
    uint64_t tempo_steps = 0;
    uint64_t phase_steps = 0;
  };

  // The next pulse has arrived. After a silence of SilenceLimit() or more it
  // stands by itself, and the tempo of before is a first guess.
  Heard OnPulse(MonoTime at);
  // The next pulse stands by itself.
  void ForgetPhase() { has_phase_ = locked_ = false; }
  // A pulse now would be more than a quarter of a period off the line.
  bool IsOff(MonoTime at) const;

  // From the first missing pulse the clock may be silent for
  // max(250 ms, 3 periods); this is from the last one heard.
  absl::Duration SilenceLimit() const;
  // Filtered instant of the last pulse.
  MonoTime phase() const;
  absl::Duration period() const { return absl::Nanoseconds(line_.period); }
  double period_nanos() const { return line_.period; }
  // A quarter note of pulses lies on one line.
  bool locked() const { return locked_; }
  Gear gear() const;
  // Standard deviation of the pulses from where they were expected.
  absl::Duration jitter() const;
  const Counts& counts() const { return counts_; }

 private:
  static constexpr int kWindow = 24;  // a quarter note
  static constexpr int kMinEvidence = 3;
  static constexpr double kMaxDeviation = 4;
  // Of the likelihood ratio: nothing that jitters at random reaches it in
  // hours, two outliers in a row do not, three pulses far off do.
  static constexpr double kAlarm = 40;
  // Twice the log of how much rarer a host jumps than changes its tempo.
  static constexpr double kPhaseIsRare = 6;
  static constexpr double kLossIsRare = 8;
  static constexpr double kUnknown = 1e6;      // variance of what is not known
  static constexpr double kTempoGuess = 0.02;  // of the tempo before a silence
  static constexpr double kLockedVariance = 1.0 / 6;    // after 24 pulses
  static constexpr double kCountingVariance = 1.0 / 3;  // after 12
  // Nanoseconds, for judging. Less is not heard, and JACK's buffers of 64
  // frames, where pulses shift by 1.3 ms at a time, stay within four of it.
  static constexpr double kMinJitter = 0.5e6;
  static constexpr double kMemory = 96;  // pulses, for jitter
  static constexpr int kDistrustPulses = 48;
  // How far from a whole number of periods lost pulses may be, in periods.
  static constexpr double kMinWholeness = 0.2;
  static constexpr double kMaxWholeness = 0.25;

  struct Seen {
    PulseLine before;  // the line of the pulse before
    double variance = 0;
    double at = 0;         // nanoseconds since origin_
    int pulses = 1;        // since the one before
    double deviation = 0;  // from the expected, in standard deviations
  };
  enum class Kind { kTempo, kPhase, kLoss };
  struct Change {
    Kind kind = Kind::kTempo;
    int age = 0;  // of its first pulse
    double cost = std::numeric_limits<double>::infinity();
  };

  void Restart(MonoTime at);
  void Follow(double at, bool burst);
  double Deviation(const PulseLine& expected, double error) const;
  void LearnJitter(double error, const PulseLine& expected);
  int Judge();
  int Alarm() const;
  Change MostLikely(int first) const;
  double Cost(int first, const Change& change) const;
  static void Loosen(const Change& change, PulseLine& line);
  int LossesAt(const PulseLine& expected, double error) const;
  double OffsetSince(int age) const;
  int Apply(const Change& change, bool learn);
  int TrustTheCount();
  double Guess() const;
  double Judged() const;  // variance of a pulse, where it is judged
  Seen& At(int age);
  const Seen& At(int age) const;

  PulseLine line_;
  MonoTime origin_;
  double last_ = 0;  // arrival of the last pulse, nanoseconds since origin_
  double variance_ = 1e12;  // of a pulse; 1 ms until learnt
  int pulses_ = 0;          // on this line
  bool has_phase_ = false;
  bool tempo_known_ = false;
  bool locked_ = false;
  int owed_ = 0;                 // pulses counted as lost that may still come
  int owed_pulses_ = 0;          // until they may not
  bool gaps_are_losses_ = true;  // of this source
  GapHistory gaps_;
  bool last_step_late_ = false;
  int since_step_ = kDistrustPulses;
  std::array<Seen, kWindow> ring_{};
  int newest_ = 0;
  int seen_ = 0;
  Counts counts_;
};

}  // namespace antiphon::edge

#endif  // ANTIPHON_EDGE_CLOCK_PULSE_FILTER_H_
