// SPDX-License-Identifier: Apache-2.0
//
// Minutes of music in milliseconds: the real conductor and the real playback in
// virtual time, a host that sends clock and notes, a service that mirrors each
// job after a scripted delay, and a record of everything that came out. Seeded:
// the same seed gives the same bytes.
#ifndef ANTIPHON_TESTS_SIM_SIM_WORLD_H_
#define ANTIPHON_TESTS_SIM_SIM_WORLD_H_

#include <deque>
#include <functional>
#include <random>
#include <vector>

#include "edge/conductor.h"

namespace antiphon::edge {

// One message out of the port.
struct Sent {
  MonoTime at;
  MidiMessage message;

  friend bool operator==(const Sent&, const Sent&) = default;
};

// A service in virtual time. Answers each job with the notes of its human bar,
// as the real mirror does.
class SimService : public Accompanist {
 public:
  struct Fate {
    absl::Duration delay = absl::Milliseconds(30);
    bool lost = false;        // never answered
    bool duplicated = false;  // its notes come twice
  };

  SimService();

  bool Post(const AccompanistCommand& command) override;
  bool Poll(Reply& reply) override;

  // The world moves the service's clock and decides each job's fate.
  void set_now(MonoTime now) { now_ = now; }
  std::function<Fate(const Job&)> fate = [](const Job&) { return Fate{}; };

  std::vector<Job> jobs;  // as posted, without context notes beyond the struct
  std::vector<BarReport> reports;
  int cancels = 0;

 private:
  void Answer(const Job& job, const Fate& how);

  MonoTime now_;
  std::deque<Reply> replies_;  // by stamp
};

class SimWorld : public SessionObserver {
 public:
  explicit SimWorld(uint64_t seed, Meter meter = {},
                    PlaySeq length = Conductor::Options().bars);

  // ---- The host ----
  // Sends a message at the present instant.
  void Send(const MidiMessage& message);
  // `count` clocks, each followed by the time to the next; notes due are
  // played.
  void Clocks(int count);
  // One whole bar of clocks with random notes in it.
  void PlayBar(int notes);
  // Time passes without a clock.
  void Wait(absl::Duration duration);
  void End();

  double quarters_per_minute = 120;
  MonoTime now = MonoTime::FromNanos(1'000'000'000);
  std::mt19937_64 random;
  SimService service;

  // ---- What came out ----
  std::vector<Sent> sent;
  std::vector<BarRecord> bars;
  std::vector<TimedMessage> human;
  std::vector<Telemetry> telemetry;

  Conductor& conductor() { return conductor_; }
  const Meter meter;

 private:
  void OnHuman(const TimedMessage& m) override { human.push_back(m); }
  void OnBar(const BarRecord& record) override { bars.push_back(record); }
  void OnTelemetry(const Telemetry& t) override { telemetry.push_back(t); }
  void AdvanceTo(MonoTime until);
  absl::Duration Period() const;

  class Output : public MidiOutput {
   public:
    explicit Output(SimWorld* world) : world_(world) {}
    bool Send(const MidiMessage& message) noexcept override;

   private:
    SimWorld* const world_;
  };

  struct Key {
    MonoTime at;
    MidiMessage message;
  };

  std::deque<Key> keys_;  // notes to come, by time
  SpscRing<PlaybackCommand> commands_{4096};
  SpscRing<Telemetry> told_{8192};
  LatestValue<Timeline> timeline_;
  Output output_{this};
  Playback playback_;
  Conductor conductor_;
};

}  // namespace antiphon::edge

#endif  // ANTIPHON_TESTS_SIM_SIM_WORLD_H_
