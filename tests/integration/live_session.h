// SPDX-License-Identifier: Apache-2.0
//
// The real programs as they stand on a stage, around a JACK server of the
// test's own: antiphon-inference with the mirror, antiphon-edge with its
// virtual ports, a musician who plays along with the master clock, and an
// independent ear on what the edge sends. The test brings the master. When a
// test has failed, what the programs printed is shown.
#ifndef ANTIPHON_TESTS_INTEGRATION_LIVE_SESSION_H_
#define ANTIPHON_TESTS_INTEGRATION_LIVE_SESSION_H_

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/rt/clock.h"
#include "tests/integration/answer_judge.h"
#include "tests/integration/child_process.h"
#include "tests/integration/jack_fixture.h"
#include "tests/integration/jack_listener.h"
#include "tests/integration/jack_musician.h"
#include "tests/integration/jack_transport.h"

namespace antiphon::testing {

// What a test reads of a line of bars.jsonl.
struct ToldBar {
  int64_t bar_index = 0;
  std::string outcome;
};

class LiveSession : public JackTest {
 protected:
  static constexpr char kEdgeIn[] = "Antiphon In:Antiphon In";
  static constexpr char kEdgeOut[] = "Antiphon Out:Antiphon Out";
  static constexpr char kJackMidiClockOut[] = "jack_midi_clock:mclk_out";

  // From STOP, a jump, a signal; after a lost clock's freewheel.
  static constexpr double kMsToSilence = 100;

  static void Wait(absl::Duration duration) {
    rt::SleepUntil(rt::Now() + duration);
  }

  // Server, service and edge, the musician and the ear.
  void SetUp() override;
  void TearDown() override;

  std::unique_ptr<ChildProcess> Start(const std::string& name,
                                      std::vector<std::string> words);
  // Again after a kill: at the address where it was.
  void StartService();
  // Connected with the service, the musician and the ear.
  void StartEdge();
  // Waits until the edge has been connected with a service for the nth time.
  void AwaitConnection(int nth);
  // Waits for the master's port and connects it.
  void ConnectMaster(const std::string& port);
  // jack_midi_clock, driven by a transport of that tempo.
  void StartJackMidiClock(double tempo, std::vector<std::string> options);

  // Waits until the answer to this note of this bar of the song begins to
  // sound; fails the test where it does not.
  void AwaitAnswer(int64_t bar, int note = kLong);
  // Waits for the answer to this bar, then for the next bar's and so on, until
  // the run that is under way can be judged. The bar at which that was so.
  int64_t AwaitJudgeable(int64_t bar);
  // Of the musician's count; all zero before the first.
  JackMusician::Pulse LastPulse() const;
  // Does what makes the master send a STOP, waits until the musician has heard
  // it; its stamp.
  MonoTime AwaitStop(const std::function<void()>& cause);
  // Stops the master's program in its tracks for that long; its last pulse
  // before.
  MonoTime FreezeMaster(absl::Duration duration);
  // Notes end within the freewheel and kMsToSilence of a lost clock's last
  // pulse, and not before the freewheel.
  void ExpectFreewheel(const AnswerJudge& judge, MonoTime lost) const;

  AnswerJudge Judge() const;
  // Prints the distances, judges those that no stall of the machine has moved;
  // fails the test where of some run too few are left. Half a pulse is far more
  // than they are and less than a lost pulse would make them; where one is
  // lost, it is for a third of the notes, whereas a hiccup of the machine
  // reaches one or two.
  void ExpectInTime(const AnswerJudge& judge) const;
  // Bars of several runs, each from its first to its last.
  static std::vector<int64_t> Bars(
      const std::vector<std::pair<int64_t, int64_t>>& runs);
  // Everything that the edge has told; the answers among it.
  std::vector<ToldBar> Told() const;
  std::vector<int64_t> AnsweredBars() const;

  // What the session of the nth edge leaves in it.
  std::filesystem::path SessionFolder(int nth) const;

  // Before the edge starts: more flags, and whether the ear is connected to it;
  // not where they name the ear as the output.
  std::vector<std::string> edge_flags_;
  bool connects_ear_ = true;
  // The master's. Its measure is JACK's transport, else the pulses as they were
  // heard.
  double tempo_ = 0;
  bool by_transport_ = false;
  std::filesystem::path folder_;
  std::unique_ptr<ChildProcess> service_;
  std::unique_ptr<ChildProcess> edge_;
  std::unique_ptr<ChildProcess> master_;
  std::unique_ptr<JackTransport> transport_;
  std::unique_ptr<JackMusician> musician_;
  std::unique_ptr<JackListener> ear_;

 private:
  double PulseMs() const { return 60'000 / tempo_ / 24; }

  std::string master_port_;
  int service_port_ = 0;  // 0: a free one
  int edges_ = 0;         // each has a folder of its own
};

}  // namespace antiphon::testing

#endif  // ANTIPHON_TESTS_INTEGRATION_LIVE_SESSION_H_
