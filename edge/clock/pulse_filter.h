// SPDX-License-Identifier: Apache-2.0
//
// From jittering clock pulses to a steady phase and period: a second-order
// delay-locked loop (F. Adriaensen, "Using a DLL to filter time", 2005) with
// two gears. The quick one (2 Hz, at most a twelfth of the pulse rate) holds
// until the phase error has stayed small for a quarter note, and again after a
// tempo change; the quiet one (0.1 Hz) after that. A pulse off by more than
// half a period starts the phase anew. Conductor thread; fixed memory.
#ifndef ANTIPHON_EDGE_CLOCK_PULSE_FILTER_H_
#define ANTIPHON_EDGE_CLOCK_PULSE_FILTER_H_

#include "common/time/mono_time.h"

namespace antiphon::edge {

class PulseFilter {
 public:
  // The next pulse has arrived. Pulses of more than kMaxGap apart start anew.
  void OnPulse(MonoTime at);
  // Forgets the phase, keeps the period: the next pulse stands by itself.
  void ForgetPhase() { has_phase_ = false; }

  bool has_phase() const { return has_phase_; }
  bool locked() const { return locked_; }
  // Filtered instant of the last pulse.
  MonoTime phase() const { return phase_; }
  absl::Duration period() const;
  double period_nanos() const { return period_; }

 private:
  static constexpr double kDefaultPeriod = 500e6 / 24;  // 120 BPM
  // 20 and 999 quarter notes per minute.
  static constexpr double kMaxPeriod = 3000e6 / 24;
  static constexpr double kMinPeriod = 60e9 / 999 / 24;
  static constexpr double kQuickHz = 2;
  static constexpr double kQuietHz = 0.1;
  static constexpr int kPulsesToLock = 24;
  // Of the period, for the mean error of the last few pulses: below, after
  // kPulsesToLock, locks; above unlocks. A mean, because jitter has none.
  static constexpr double kLockError = 0.05;
  static constexpr double kUnlockError = 0.10;
  static constexpr double kErrorWeight = 1.0 / 6;

  void Restart(MonoTime at);
  void ToQuickGear();
  void ChooseGear(double relative_error);

  double period_ = kDefaultPeriod;  // nanoseconds
  bool period_known_ = false;
  bool has_phase_ = false;
  bool locked_ = false;
  int quick_pulses_ = 0;   // since the quick gear went in
  double mean_error_ = 0;  // of the period, signed
  MonoTime phase_;
  MonoTime last_raw_;
};

}  // namespace antiphon::edge

#endif  // ANTIPHON_EDGE_CLOCK_PULSE_FILTER_H_
