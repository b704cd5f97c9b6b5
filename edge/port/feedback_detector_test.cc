// SPDX-License-Identifier: Apache-2.0
#include "edge/port/feedback_detector.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/rt/clock.h"
#include "edge/port/feedback_guard.h"

namespace antiphon::edge {
namespace {

using ::testing::HasSubstr;

MonoTime Ms(double ms) {
  return MonoTime::FromNanos(static_cast<int64_t>(ms * 1e6));
}

// An answer goes out; a world sends back what it likes; the detector sees both
// in time order, and its probes go out with the next note, as from the guard.
class World {
 public:
  struct Arrival {
    TimedMessage m;
    bool echo = false;
  };
  using Echo = std::function<void(const TimedMessage& sent, World&)>;

  explicit World(uint32_t seed) : random_(seed) {}

  double Uniform(double low, double high) {
    return std::uniform_real_distribution<double>(low, high)(random_);
  }
  int Whole(int low, int high) {
    return std::uniform_int_distribution<int>(low, high)(random_);
  }
  void Arrive(const TimedMessage& m, bool echo) {
    const auto at = std::upper_bound(
        arrivals_.begin(), arrivals_.end(), m,
        [](const TimedMessage& a, const Arrival& b) { return a.at < b.m.at; });
    arrivals_.insert(at, {m, echo});
  }
  // Sends one note, on and off; `world` says what becomes of it.
  void Send(double ms, int pitch, int velocity, const Echo& world) {
    Give({Ms(ms), MidiMessage::NoteOn(0, pitch, velocity)}, world);
    Give({Ms(ms + 90), MidiMessage::NoteOff(0, pitch)}, world);
  }
  void ArriveUntil(MonoTime until) {
    while (!arrivals_.empty() && arrivals_.front().m.at < until) {
      const Arrival arrival = arrivals_.front();
      arrivals_.erase(arrivals_.begin());
      const bool passed = detector.OnReceived(arrival.m);
      if (detector.TakeProbeWish()) probe_ = true;
      if (!arrival.m.message.IsNoteOn()) continue;
      ++(arrival.echo ? (passed ? echoes_passed : echoes_cut)
                      : (passed ? own_passed : own_cut));
    }
  }

  FeedbackDetector detector;
  int echoes_passed = 0;
  int echoes_cut = 0;
  int own_passed = 0;
  int own_cut = 0;
  int probes = 0;

 private:
  void Give(const TimedMessage& sent, const Echo& world) {
    ArriveUntil(sent.at);
    if (std::exchange(probe_, false)) {
      ++probes;
      const TimedMessage probe{
          sent.at,
          MidiMessage::ControlChange(0, FeedbackDetector::kProbeController,
                                     probes % 127 + 1)};
      detector.OnSent(probe);
      world(probe, *this);
    }
    detector.OnSent(sent);
    world(sent, *this);
  }

  std::mt19937 random_;
  std::vector<Arrival> arrivals_;
  bool probe_ = false;
};

// Sent notes of a model: 150 ms apart and more, velocities in steps of ten.
void PlayAnswer(World& world, int notes, const World::Echo& echo,
                double from_ms = 1000) {
  double at = from_ms;
  for (int i = 0; i < notes; ++i) {
    world.Send(at, world.Whole(48, 72), 10 * world.Whole(4, 9), echo);
    at += world.Uniform(150, 400);
  }
  world.ArriveUntil(Ms(at + 1000));
}

// A cable delays as it likes, but nothing overtakes on it.
World::Echo LoopOf(double latency_ms, double jitter_ms) {
  return [=, last = MonoTime::Min()](const TimedMessage& sent,
                                     World& world) mutable {
    const double delay = latency_ms + world.Uniform(0, jitter_ms);
    last = std::max(last, sent.at + absl::Milliseconds(delay));
    world.Arrive({last, sent.message}, sent.message.IsNoteOn());
  };
}

World::Echo Nothing() {
  return [](const TimedMessage&, World&) {};
}

TEST(FeedbackDetector, ALoopIsCutFromTheFourthNoteOn) {
  for (double latency : {0.0, 0.1, 1.4, 5.0, 12.0, 30.0}) {
    for (double jitter : {0.0, 1.3, 11.6}) {
      for (uint32_t seed = 1; seed <= 20; ++seed) {
        SCOPED_TRACE(absl::StrCat("latency ", latency, " jitter ", jitter,
                                  " seed ", seed));
        World world(seed);
        PlayAnswer(world, 40, LoopOf(latency, jitter));
        EXPECT_TRUE(world.detector.looped());
        EXPECT_EQ(world.echoes_passed, 3);
        EXPECT_EQ(world.echoes_cut, 37);
        EXPECT_EQ(world.probes, 1);
        EXPECT_GE(world.detector.delay(), absl::Milliseconds(latency));
      }
    }
  }
}

TEST(FeedbackDetector, ThePlayersOwnNotesOnALoopedPortPass) {
  World world(7);
  const World::Echo loop = LoopOf(4, 1);
  PlayAnswer(world, 200, [&](const TimedMessage& sent, World& w) {
    loop(sent, w);
    if (!sent.message.IsNoteOn()) return;
    w.Arrive({sent.at + absl::Milliseconds(w.Uniform(0, 60)),
              MidiMessage::NoteOn(0, w.Whole(30, 90), w.Whole(1, 127))},
             false);
  });
  EXPECT_LE(world.own_cut, 1) << "one in some thousand is the same by chance";
  EXPECT_EQ(world.echoes_passed, 3);
}

// Someone who plays every note of the answer at its time, more or less. With
// `velocities` 0 they are the answer's own, else between 1 and that.
World Double(uint32_t seed, double offset, double jitter, int velocities) {
  struct Planned {
    double at;
    int pitch, velocity;
  };
  World world(seed);
  std::vector<Planned> plan;
  double at = 1000;
  for (int i = 0; i < 200; ++i, at += world.Uniform(150, 400)) {
    const Planned note{at, world.Whole(48, 72), 10 * world.Whole(4, 9)};
    plan.push_back(note);
    const int velocity =
        velocities == 0 ? note.velocity : world.Whole(1, velocities);
    const double when = at + offset + world.Uniform(-jitter, jitter);
    world.Arrive({Ms(when), MidiMessage::NoteOn(0, note.pitch, velocity)},
                 false);
  }
  for (const Planned& note : plan) {
    world.Send(note.at, note.pitch, note.velocity, Nothing());
  }
  world.ArriveUntil(Ms(at + 1000));
  return world;
}

TEST(FeedbackDetector, APlayerWhoRepeatsTheAnswerByHandNeverIs) {
  for (double jitter : {30.0, 10.0, 0.0}) {
    int probes = 0;
    for (uint32_t seed = 1; seed <= 200; ++seed) {
      SCOPED_TRACE(absl::StrCat("jitter ", jitter, " seed ", seed));
      const World world = Double(seed, 0, jitter, 127);
      EXPECT_FALSE(world.detector.looped());
      EXPECT_EQ(world.own_passed, 200);
      probes += world.probes;
    }
    EXPECT_LE(probes, 4) << "in 40 000 notes: no suspicion either";
  }
}

// The worst of players: a machine, exact in velocity too.
TEST(FeedbackDetector, AMachineThatDoublesTheAnswerNeverIs) {
  for (double offset : {-30.0, -1.0, 0.0, 1.0, 10.0, 30.0}) {
    for (uint32_t seed = 1; seed <= 20; ++seed) {
      SCOPED_TRACE(absl::StrCat("offset ", offset, " seed ", seed));
      const World world = Double(seed, offset, 1, 0);
      EXPECT_FALSE(world.detector.looped());
      EXPECT_EQ(world.own_passed, 200);
      if (offset < -1) {
        EXPECT_EQ(world.probes, 0) << "it comes before";
      }
    }
  }
}

TEST(FeedbackDetector, ALoopThatIsUndoneIsOver) {
  World world(3);
  PlayAnswer(world, 10, LoopOf(2, 1));
  ASSERT_TRUE(world.detector.looped());
  PlayAnswer(
      world, 6, [](const TimedMessage&, World&) {}, 20'000);
  EXPECT_FALSE(world.detector.looped());
  PlayAnswer(world, 10, LoopOf(2, 1), 40'000);
  EXPECT_TRUE(world.detector.looped());
}

TEST(FeedbackDetector, TheOffOfACutEchoIsCutAndOnlyThat) {
  FeedbackDetector detector;
  const auto on = [](double ms, int pitch) {
    return TimedMessage{Ms(ms), MidiMessage::NoteOn(0, pitch, 80)};
  };
  const auto off = [](double ms, int pitch) {
    return TimedMessage{Ms(ms), MidiMessage::NoteOff(0, pitch)};
  };
  const TimedMessage probe{
      Ms(50),
      MidiMessage::ControlChange(0, FeedbackDetector::kProbeController, 9)};
  detector.OnSent(probe);
  EXPECT_FALSE(
      detector.OnReceived({Ms(51), MidiMessage::ControlChange(0, 119, 9)}));
  ASSERT_TRUE(detector.looped());
  detector.OnSent(on(100, 60));
  EXPECT_FALSE(detector.OnReceived(on(102, 60)));
  EXPECT_TRUE(detector.OnReceived(off(103, 61)));
  EXPECT_FALSE(detector.OnReceived(off(150, 60)));
  EXPECT_TRUE(detector.OnReceived(off(151, 60)));
}

TEST(FeedbackDetector, AControllerOfThePlayersPasses) {
  FeedbackDetector detector;
  EXPECT_TRUE(
      detector.OnReceived({Ms(1), MidiMessage::ControlChange(0, 119, 9)}));
  detector.OnSent({Ms(10), MidiMessage::ControlChange(0, 119, 9)});
  EXPECT_TRUE(
      detector.OnReceived({Ms(12), MidiMessage::ControlChange(0, 119, 8)}));
  EXPECT_TRUE(
      detector.OnReceived({Ms(100), MidiMessage::ControlChange(0, 119, 9)}));
  EXPECT_FALSE(detector.looped());
}

// An output that is wired to an input.
class Cable : public MidiOutput {
 public:
  bool Send(const MidiMessage& m) noexcept override {
    ring.TryPush({rt::Now(), m});
    return true;
  }
  MidiRing ring{kMidiRingCapacity};
};

TEST(FeedbackGuard, NamesTheLoopOnceAndLetsOtherInputsAlone) {
  ::testing::internal::CaptureStderr();
  Cable cable;
  FeedbackGuard guard(&cable, 2);
  guard.NameInput(1, "jack, connected to \"loop\"");
  int passed = 0;
  const auto take = [&] {
    TimedMessage m;
    while (cable.ring.TryPop(m)) {
      const bool passes = guard.Passes(1, m);
      passed += passes && m.message.IsNoteOn();
      EXPECT_TRUE(guard.Passes(0, {m.at, MidiMessage::NoteOn(0, 30, 1)}));
    }
  };
  for (int i = 0; i < 40; ++i) {
    EXPECT_TRUE(guard.Send(MidiMessage::NoteOn(0, 60 + i, 70 + i % 5)));
    take();
    guard.Send(MidiMessage::NoteOff(0, 60 + i));
    take();
  }
  const std::string log = ::testing::internal::GetCapturedStderr();
  EXPECT_EQ(passed, 3);
  EXPECT_EQ(guard.echoes(), 75u) << "37 notes, 37 offs, the probe";
  EXPECT_EQ(std::count(log.begin(), log.end(), '\n'), 1) << log;
  EXPECT_THAT(log, HasSubstr("feedback: jack, connected to \"loop\" brings the "
                             "answer back after 0."));
}

}  // namespace
}  // namespace antiphon::edge
