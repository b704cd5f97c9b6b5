// SPDX-License-Identifier: Apache-2.0
//
// Own output that comes back in: is what arrives at this input what was sent a
// moment ago? Suspicion: the last kSuspicious notes sent each came back, same
// pitch and velocity, within MaxDelay(), none of them ahead of its sending.
// Proof: a probe, an undefined controller with a value that changes, comes back
// too. Without proof nothing is cut, so a player who repeats the answer, by
// hand or by a machine that is exact in time and velocity, never is.
//
// While the loop lasts the echoes are cut, each by its note on and off; other
// notes of the same port are the player's and pass. It is over when the last
// kGone notes sent did not come back.
//
// One for each input, conductor's thread. Pure; times are stamps. Remembers the
// last kMaxSent notes sent.
#ifndef ANTIPHON_EDGE_PORT_FEEDBACK_DETECTOR_H_
#define ANTIPHON_EDGE_PORT_FEEDBACK_DETECTOR_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <utility>

#include "absl/time/time.h"
#include "common/midi/message.h"

namespace antiphon::edge {

class FeedbackDetector {
 public:
  static constexpr size_t kMaxSent = 256;
  static constexpr int kSuspicious = 3;
  static constexpr int kGone = 4;
  static constexpr int kProbeController = 119;
  static constexpr absl::Duration MaxDelay() { return absl::Milliseconds(60); }
  // Between two probes.
  static constexpr absl::Duration ProbePause() { return absl::Seconds(1); }

  static bool IsProbe(const MidiMessage& m) {
    return m.IsControlChange() && m.controller() == kProbeController;
  }

  // Whatever the output was given, probes too, in order, before what arrived
  // later.
  void OnSent(const TimedMessage& m);
  // False: own output, to be ignored.
  bool OnReceived(const TimedMessage& m);

  // True once for each probe that should be sent.
  bool TakeProbeWish() { return std::exchange(probe_wish_, false); }
  bool looped() const { return looped_; }
  // From sending to arrival, of the newest note that came back.
  absl::Duration delay() const { return delay_; }

 private:
  struct Sent {
    MonoTime at;
    int pitch = 0;
    int velocity = 0;
    bool returned = false;
    bool led = false;  // the player had played it already
  };

  bool IsEcho(const TimedMessage& m);
  bool ReturnsProbe(const TimedMessage& m);
  void Judge(MonoTime now);
  uint8_t& CutCount(const MidiMessage& m) {
    return cut_[static_cast<size_t>(m.channel() * 128 + m.pitch())];
  }

  std::deque<Sent> sent_;              // by time
  std::deque<TimedMessage> received_;  // note-ons of the last moments
  std::optional<TimedMessage> probe_;  // sent, not yet back
  std::optional<MonoTime> wished_at_;
  bool probe_wish_ = false;
  bool looped_ = false;
  absl::Duration delay_;
  std::array<uint8_t, size_t{16} * 128> cut_{};  // note-ons whose off is cut
};

}  // namespace antiphon::edge

#endif  // ANTIPHON_EDGE_PORT_FEEDBACK_DETECTOR_H_
