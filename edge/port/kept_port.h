// SPDX-License-Identifier: Apache-2.0
//
// Ports that survive unplugging: a lost one is closed, looked for, and opened
// again by itself. Logic without a thread: PortWatcher calls Check() and
// Retry() a few times a second; each change is one log line.
//
// KeptOutput leaves no note behind. It follows what sounds at the other end;
// before a port that was opened again is used, each of those notes gets its
// off. A note ends too which an edge that was killed left behind: a reset, that
// is pedal up (CC64) and all notes off (CC123) on the answer's channel, goes
// out after every opening and before the first note after it, and on a virtual
// port to each who connects, once JACK has told: before the first note while
// somebody is coming, and when all are there. Where the system does not tell,
// it is repeated kResets times, RepeatEvery() apart, until that first note.
// While something sounds, a reset ends each other key by its off: who has long
// been connected hears no difference.
//
// Send() and Tend() are the playback thread's: real-time safe, they never wait.
// While the port is lost Send() refuses. The watcher takes the port out of use,
// then waits until neither is inside; only then does it touch the port.
#ifndef ANTIPHON_EDGE_PORT_KEPT_PORT_H_
#define ANTIPHON_EDGE_PORT_KEPT_PORT_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "common/time/mono_time.h"
#include "edge/port/note_set.h"
#include "edge/port/open_port.h"

namespace antiphon::edge {

class KeptPort {
 public:
  virtual ~KeptPort() = default;
  KeptPort(const KeptPort&) = delete;
  KeptPort& operator=(const KeptPort&) = delete;

  // Watcher's thread. Closes the port if it is lost.
  void Check(MonoTime now);
  // Watcher's thread, after every port was checked: a dead JACK server has to
  // be let go of by all before one may find the next. Opens what is closed.
  void Retry(MonoTime now);

  // Any thread. False once a lost port has been let go of.
  bool is_open() const { return is_open_.load(std::memory_order_acquire); }
  uint64_t reopens() const { return reopens_.load(std::memory_order_relaxed); }

 protected:
  // `label` names it in the log: "input", "clock", "output". The port is open.
  KeptPort(std::string label, OpenPort* port);

  virtual void BeforeClose() {}
  // Returns what is worth telling, "" for nothing.
  virtual std::string AfterReopen() { return ""; }

 private:
  const std::string label_;
  OpenPort* const port_;
  std::atomic<bool> is_open_{true};
  std::atomic<uint64_t> reopens_{0};
  // Watcher's thread.
  MonoTime lost_at_;
  absl::StatusCode last_refusal_ = absl::StatusCode::kOk;
};

class KeptInput : public KeptPort {
 public:
  KeptInput(std::string label, std::unique_ptr<OpenPort> port)
      : KeptPort(std::move(label), port.get()), port_(std::move(port)) {}

 private:
  const std::unique_ptr<OpenPort> port_;
};

class KeptOutput : public MidiOutput, public KeptPort {
 public:
  static constexpr int kResets = 50;
  static constexpr absl::Duration RepeatEvery() {
    return absl::Milliseconds(100);
  }

  // `channel` of the answer, 0..15.
  KeptOutput(std::unique_ptr<OpenOutput> port, int channel);

  bool Send(const MidiMessage& message) noexcept override;
  void Tend(MonoTime now) noexcept override;

  // Notes that the other end still holds. Any thread.
  int sounding() const { return sounding_.notes(); }

 private:
  void BeforeClose() override;
  std::string AfterReopen() override;
  void Greet(Newcomer newcomer, MonoTime now) noexcept;
  void Reset() noexcept;
  // False: the port did not take it.
  bool Forward(const MidiMessage& message) noexcept;

  const std::unique_ptr<OpenOutput> port_;
  const int channel_;
  std::atomic<bool> in_use_{true};    // watcher's word: Send may use the port
  std::atomic<bool> sending_{false};  // playback's word: it does now
  // Playback's; the watcher's while the port is out of use.
  bool reset_due_ = true;  // before the next note
  int resets_left_ = kResets;
  MonoTime next_reset_ = MonoTime::Min();
  Newcomer newcomer_ = Newcomer::kNone;  // as the port told last
  NoteSet sounding_;
};

}  // namespace antiphon::edge

#endif  // ANTIPHON_EDGE_PORT_KEPT_PORT_H_
