// SPDX-License-Identifier: Apache-2.0
//
// Ports that survive unplugging: a lost one is closed, looked for, and opened
// again by itself. Logic without a thread: PortWatcher calls Check() and
// Retry() a few times a second; each change is one log line.
//
// KeptOutput leaves no note behind. It follows what sounds at the other end;
// before a port that was opened again is used, each of those notes gets its
// off. After every opening pedal up (CC64) and all notes off (CC123) go out on
// the answer's channel, so that a note ends which an edge that was killed left
// behind; and again before the first note, because nobody may have been
// connected to a virtual port before.
//
// Send() is the playback thread's: real-time safe, it never waits. While the
// port is lost it refuses. The watcher takes the port out of use, then waits
// until no Send() is inside; only then does it touch the port.
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
  // `channel` of the answer, 0..15.
  KeptOutput(std::unique_ptr<OpenOutput> port, int channel);

  bool Send(const MidiMessage& message) noexcept override;

  // Notes that the other end still holds. Any thread.
  int sounding() const { return sounding_.notes(); }

 private:
  void BeforeClose() override;
  std::string AfterReopen() override;
  void Reset() noexcept;
  // False: the port did not take it.
  bool Forward(const MidiMessage& message) noexcept;

  const std::unique_ptr<OpenOutput> port_;
  const int channel_;
  std::atomic<bool> in_use_{true};    // watcher's word: Send may use the port
  std::atomic<bool> sending_{false};  // playback's word: it does now
  // Playback's; the watcher's while the port is out of use.
  bool reset_due_ = true;
  NoteSet sounding_;
};

}  // namespace antiphon::edge

#endif  // ANTIPHON_EDGE_PORT_KEPT_PORT_H_
