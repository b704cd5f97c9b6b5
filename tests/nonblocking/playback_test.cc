// SPDX-License-Identifier: Apache-2.0
//
// A busy session through playback, under hooks that end the process at the
// first allocation, lock or system call: chords, loops, stops, breaks, moving
// timelines, full rings, more notes at once than fit. In virtual time, so that
// every path of Tick is known to have been gone; then in the real thread.
#include "edge/playback/playback.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdio>
#include <fstream>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <thread>

#include "common/midi/stream_parser.h"
#include "common/rt/clock.h"
#include "edge/playback/playback_thread.h"
#include "edge/port/feedback_guard.h"
#include "edge/port/kept_port.h"
#include "tests/nonblocking/guard.h"
#include "tests/system_calls.h"

namespace antiphon::edge {
namespace {

using testing::ForbidBlocking;
using testing::ForbidSystemCalls;
using testing::HasSystemCallFilters;
using testing::kHooksWork;
using testing::NonblockingSection;
using testing::PermitBlocking;

constexpr int64_t kTicksPerBar = 1920;
constexpr int kPitches = 128;

// A conductor that decides by dice. Positions as playback sees them: bar s of
// the epoch begins at kTicksPerBar * (s - first).
class Dice {
 public:
  Dice(SpscRing<PlaybackCommand>* commands, LatestValue<Timeline>* published,
       double nanos_per_tick)
      : commands_(commands),
        published_(published),
        nanos_per_tick_(nanos_per_tick) {}

  void Start(MonoTime now) {
    timeline_.Reset(timeline_.epoch() + 1);
    timeline_.set_running(true);
    begin_ = now;
    first_ = next_bar_;
    pulse_ = 0;
    Advance(now);
  }
  void Stop() {
    timeline_.Reset(timeline_.epoch() + 1);
    published_->Publish(timeline_);
  }
  bool running() const { return timeline_.running(); }
  Epoch epoch() const { return timeline_.epoch(); }
  PlaySeq bar() const { return next_bar_ - 1; }

  // Pulses up to `now`, each a little off; a bar begun is planned at once.
  void Advance(MonoTime now) {
    const auto ticks = static_cast<int64_t>(
        static_cast<double>((now.nanos() - begin_.nanos())) / nanos_per_tick_);
    for (; pulse_ * 20 <= ticks; ++pulse_) {
      const auto jitter = static_cast<int64_t>(random_() % 200'000);
      const double nanos = static_cast<double>(pulse_ * 20) * nanos_per_tick_;
      timeline_.AddAnchor(
          Ticks::Of(pulse_ * 20),
          MonoTime::FromNanos(begin_.nanos() + static_cast<int64_t>(nanos) +
                              jitter),
          nanos_per_tick_ * (0.98 + 0.04 * Chance()));
      published_->Publish(timeline_);
    }
    while (kTicksPerBar * static_cast<int64_t>(next_bar_ - first_) <= ticks) {
      BeginBar(next_bar_++);
    }
  }

  // Notes of `bar` at `tick`, on all pitches from 0 on.
  void Chord(PlaySeq bar, int64_t tick, int64_t duration, int notes,
             uint8_t channel = 0) {
    for (int pitch = 0; pitch < notes; ++pitch) {
      commands_->TryPush({.epoch = timeline_.epoch(),
                          .play_seq = bar,
                          .note = number_++,
                          .tick = Ticks::Of(tick),
                          .duration = Ticks::Of(duration),
                          .made_for = Ticks::Of(kTicksPerBar),
                          .channel = channel,
                          .pitch = static_cast<uint8_t>(pitch),
                          .velocity = 80});
    }
  }

  // The host leaves the bar at `tick`: a loop.
  void EndBar(PlaySeq bar, int64_t tick) {
    std::optional<BarSpan> span = timeline_.Bar(bar);
    if (!span) return;
    span->end = span->begin + Ticks::Of(tick);
    timeline_.SetBar(*span);
    published_->Publish(timeline_);
  }

 private:
  double Chance() { return static_cast<double>(random_() % 1000) / 1000; }
  int64_t Pick(int64_t below) {
    return static_cast<int64_t>(random_() % static_cast<uint64_t>(below));
  }

  void BeginBar(PlaySeq bar) {
    const int64_t begin = kTicksPerBar * static_cast<int64_t>(bar - first_);
    for (int64_t ahead = 0; ahead < 2; ++ahead) {
      const int64_t at = begin + ahead * kTicksPerBar;
      timeline_.SetBar({bar + static_cast<PlaySeq>(ahead),
                        static_cast<BarIndex>(bar % 4), Ticks::Of(at),
                        Ticks::Of(at + kTicksPerBar), Meter{}});
    }
    published_->Publish(timeline_);
    for (int i = 0; i < 12; ++i) {
      Chord(bar + 1, Pick(kTicksPerBar), 1 + Pick(3000),
            static_cast<int>(1 + Pick(6)), static_cast<uint8_t>(Pick(2)));
    }
    if (bar % 5 == 2) Chord(bar + 1, 7, kTicksPerBar, kPitches);
    if (bar % 7 == 3) {
      EndBar(bar - static_cast<PlaySeq>(Pick(2)), Pick(kTicksPerBar));
    }
  }

  SpscRing<PlaybackCommand>* const commands_;
  LatestValue<Timeline>* const published_;
  const double nanos_per_tick_;
  std::mt19937_64 random_{20};
  Timeline timeline_;
  MonoTime begin_;
  PlaySeq first_ = 0;
  PlaySeq next_bar_ = 0;
  int64_t pulse_ = 0;
  uint32_t number_ = 0;
};

// Counts without allocating; told to, refuses.
// Of the number of notes that sound; channel clearing changes none.
int ChangeOf(const MidiMessage& m) {
  return m.IsNoteOn() ? 1 : m.IsNoteOff() ? -1 : 0;
}

class CountingOutput : public MidiOutput {
 public:
  bool Send(const MidiMessage& m) noexcept override {
    sounding_ += ChangeOf(m);
    most_sounding = std::max(most_sounding, sounding_);
    return !refuses;
  }
  int sounding() const { return sounding_; }

  bool refuses = false;
  int most_sounding = 0;

 private:
  int sounding_ = 0;
};

class VirtualSession : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!kHooksWork) GTEST_SKIP() << "the sanitizer owns malloc";
  }

  // What playback does in the millisecond; the rest of the test is free.
  void Tick() {
    const NonblockingSection section;
    playback_.Tick(now_);
  }
  void Silence() {
    const NonblockingSection section;
    playback_.Silence(now_);
  }
  void Hear() {
    Telemetry t;
    while (telemetry_.TryPop(t)) ++told_[static_cast<size_t>(t.kind)];
  }
  int Told(Telemetry::Kind kind) const {
    return told_[static_cast<size_t>(kind)];
  }
  void Play(int milliseconds) {
    for (int i = 0; i < milliseconds; ++i) {
      now_ = now_ + absl::Milliseconds(1);
      if (dice_.running()) dice_.Advance(now_);
      Tick();
      if (i % 10 == 0) Hear();
    }
  }
  // What a host may do to it, after `bars` bars of 250 ms.
  void Disturb(int way) {
    switch (way) {
      case 0:  // STOP, commands of the old epoch, START
        dice_.Stop();
        Play(20);
        dice_.Start(now_);
        return;
      case 1:  // a jump: the new epoch begins at once
        dice_.Start(now_);
        return;
      case 2:  // playback was held up, for a moment or for many bars
        held_up_ = 3100 - held_up_;
        now_ = now_ + absl::Milliseconds(held_up_);
        return;
      case 3:  // more keys than there is room for
        for (uint8_t channel = 0; channel < 4; ++channel) {
          dice_.Chord(dice_.bar() + 1, 500, 4000, kPitches, channel);
        }
        return;
      case 4:  // commands beyond the ring and beyond the schedule
        for (int i = 0; i < 40; ++i) {
          dice_.Chord(dice_.bar() + 1, 100 + i, 100, kPitches, 5);
        }
        return;
      case 5:  // the port goes for a while
        output_.refuses = true;
        Play(300);
        output_.refuses = false;
        return;
      case 6:  // nobody hears what playback tells
        for (int i = 0; i < 2000; ++i) {
          now_ = now_ + absl::Milliseconds(1);
          dice_.Advance(now_);
          Tick();
        }
        return;
      default:  // SIGTERM, and again
        Silence();
        Play(50);
        dice_.Start(now_);
    }
  }

  SpscRing<PlaybackCommand> commands_{4096};
  SpscRing<Telemetry> telemetry_{512};
  LatestValue<Timeline> latest_;
  CountingOutput output_;
  Playback playback_{{}, &commands_, &latest_, &output_, &telemetry_};
  Dice dice_{&commands_, &latest_, 250e6 / kTicksPerBar};
  MonoTime now_ = MonoTime::FromNanos(1'000'000'000);
  int held_up_ = 100;  // or 3000
  std::array<int, 5> told_{};
};

TEST_F(VirtualSession, NeverAllocatesNorLocks) {
  dice_.Start(now_);
  for (int round = 0; round < 64; ++round) {
    Play(1700);
    Disturb(round % 8);
  }
  Silence();
  Hear();
  EXPECT_EQ(output_.sounding(), 0);
  EXPECT_EQ(playback_.sounding(), 0);
  EXPECT_GT(dice_.bar(), 400u);
  // Every path has been gone.
  for (const auto kind : {Telemetry::Kind::kNoteOn, Telemetry::Kind::kNoteOff,
                          Telemetry::Kind::kLate, Telemetry::Kind::kDropped,
                          Telemetry::Kind::kSendError}) {
    EXPECT_GT(Told(kind), 20) << static_cast<int>(kind);
  }
  EXPECT_EQ(output_.most_sounding, Playback::kMaxSounding);
  EXPECT_GT(commands_.dropped(), 0u);
  EXPECT_GT(telemetry_.dropped(), 0u);
}

// A port to which somebody connects all the time.
class BusyPort : public OpenOutput {
 public:
  struct Heard {
    int turns = 0;
    int notes = 0;
    int offs = 0;
    int resets = 0;
  };

  explicit BusyPort(Heard* heard) : heard_(heard) {}
  bool Send(const MidiMessage& m) noexcept override {
    heard_->notes += m.IsNoteOn();
    heard_->offs += m.IsNoteOff();
    heard_->resets += m.IsControlChange() && m.controller() == 64;
    return true;
  }
  Newcomer LookForNewcomer() noexcept override {
    return static_cast<Newcomer>(heard_->turns++ / 10 % 4);
  }
  bool Alive() override { return true; }
  void Close() override {}
  absl::Status Reopen() override { return absl::OkStatus(); }
  std::string description() const override { return ""; }

 private:
  Heard* const heard_;
};

TEST_F(VirtualSession, GreetsNewcomersWithoutAllocatingOrLocking) {
  BusyPort::Heard heard;
  KeptOutput kept(std::make_unique<BusyPort>(&heard), 0);
  FeedbackGuard guard(&kept, 1);
  Playback playback({}, &commands_, &latest_, &guard, &telemetry_);
  dice_.Start(now_);
  for (int i = 0; i < 4000; ++i) {
    now_ = now_ + absl::Milliseconds(1);
    dice_.Advance(now_);
    {
      const NonblockingSection section;
      playback.Tick(now_);
    }
    Hear();
  }
  EXPECT_EQ(heard.turns, 4000) << "each Tick looks";
  EXPECT_GT(heard.notes, 500);
  EXPECT_GT(heard.resets, 900);
  EXPECT_GT(heard.offs, 20 * heard.notes) << "while notes sound";
}

TEST_F(VirtualSession, AnOutputThatAllocatesIsCaught) {
  class Allocating : public MidiOutput {
   public:
    bool Send(const MidiMessage& m) noexcept override {
      return !std::string(100, static_cast<char>(m.pitch())).empty();
    }
  };
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      {
        Allocating output;
        Playback playback({}, &commands_, &latest_, &output, &telemetry_);
        dice_.Start(now_);
        dice_.Chord(0, 0, 100, 1);
        const NonblockingSection section;
        playback.Tick(now_ + absl::Milliseconds(1));
      },
      "nonblocking section: malloc");
}

// The way in: what RtMidi's thread does with a delivery.
TEST(MidiIn, NeverAllocatesNorLocks) {
  if (!kHooksWork) GTEST_SKIP() << "the sanitizer owns malloc";
  std::mt19937 random(7);
  SpscRing<TimedMessage> ring(64);
  StreamParser parser;
  std::array<uint8_t, 64> delivery{};
  uint64_t pushed = 0;
  for (int i = 0; i < 20'000; ++i) {
    for (uint8_t& byte : delivery) byte = static_cast<uint8_t>(random());
    {
      const NonblockingSection section;
      const MonoTime now = rt::Now();
      parser.Feed(delivery, [&](const MidiMessage& message) {
        pushed += ring.TryPush({now, message});
      });
    }
    TimedMessage m;
    for (int n = 0; n < 8; ++n) ring.TryPop(m);
  }
  EXPECT_GT(pushed, 1000u);
  EXPECT_GT(ring.dropped(), 0u);
  EXPECT_GT(parser.dropped(), 0u);
}

// Arms the guard in the thread that calls it, once that has warmed up, and
// takes it off with the last of the note-offs that Stop() will bring.
class ArmingOutput : public MidiOutput {
 public:
  explicit ArmingOutput(void (*offence)() = nullptr) : offence_(offence) {}

  bool Send(const MidiMessage& m) noexcept override {
    if (++sent_ == kWarmUp) {
      filtered_ = ForbidSystemCalls();
      ForbidBlocking();
    }
    if (sent_ == 2 * kWarmUp && offence_ != nullptr) offence_();
    const int sounding = sounding_.fetch_add(ChangeOf(m)) + ChangeOf(m);
    if (ending.load() && sounding == 0) PermitBlocking();
    return true;
  }

  int sounding() const { return sounding_.load(); }
  // Once the thread has ended.
  int sent() const { return sent_; }
  bool filtered() const { return filtered_; }

  std::atomic<bool> ending{false};

 private:
  static constexpr int kWarmUp = 20;

  void (*const offence_)();
  int sent_ = 0;
  bool filtered_ = false;
  std::atomic<int> sounding_{0};
};

// What an agent owns of playback.
struct Machine {
  explicit Machine(MidiOutput* output)
      : playback({}, &commands, &latest, output, &telemetry) {}

  SpscRing<PlaybackCommand> commands{4096};
  SpscRing<Telemetry> telemetry{8192};
  LatestValue<Timeline> latest;
  Playback playback;
};

// Two seconds of the real thread; ends while a chord of all keys sounds.
void PlayInThread(ArmingOutput& output) {
  const auto machine = std::make_unique<Machine>(&output);
  PlaybackThread thread(&machine->playback);
  Dice dice(&machine->commands, &machine->latest, 250e6 / kTicksPerBar);
  MonoTime now = rt::Now();
  dice.Start(now);
  for (int ms = 0; ms < 2000; ++ms) {
    now = now + absl::Milliseconds(1);
    rt::SleepUntil(now);
    if (ms % 600 == 500) dice.Stop();
    if (ms % 600 == 520) dice.Start(now);
    if (dice.running()) dice.Advance(now);
    Telemetry t;
    while (ms % 50 == 0 && machine->telemetry.TryPop(t)) {
    }
  }
  dice.Start(now);
  dice.Chord(dice.bar(), 60, 100 * kTicksPerBar, kPitches);
  while (output.sounding() < kPitches) {
    now = now + absl::Milliseconds(1);
    rt::SleepUntil(now);
    dice.Advance(now);
  }
  output.ending.store(true);
  thread.Stop();
}

class RealThread : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!kHooksWork) GTEST_SKIP() << "the sanitizer owns malloc";
    GTEST_FLAG_SET(death_test_style, "threadsafe");
  }
};

TEST_F(RealThread, NeverAllocatesLocksOrWaits) {
  ArmingOutput output;
  PlayInThread(output);
  EXPECT_GT(output.sent(), 500);
  EXPECT_EQ(output.sounding(), 0);
  EXPECT_EQ(output.filtered(), HasSystemCallFilters());
  if (!output.filtered()) {
    std::puts("system calls were not looked at: no seccomp on this system");
  }
}

TEST_F(RealThread, AnAllocationInItIsCaught) {
  EXPECT_DEATH(
      {
        ArmingOutput output([] { delete new std::string(100, 'x'); });
        PlayInThread(output);
      },
      "nonblocking section: malloc");
}

TEST_F(RealThread, ASystemCallInItIsCaught) {
  if (!HasSystemCallFilters()) GTEST_SKIP() << "no seccomp on this system";
  EXPECT_DEATH(
      {
        ArmingOutput output([] { rt::RaisePriority().IgnoreError(); });
        PlayInThread(output);
      },
      "nonblocking section: system call");
}

// Notes what the thread that sends is granted, and its page faults.
class LookingOutput : public MidiOutput {
 public:
  bool Send(const MidiMessage&) noexcept override {
    sched_param param{};
    pthread_getschedparam(pthread_self(), &policy, &param);
    rusage usage{};
    getrusage(RUSAGE_THREAD, &usage);
    faults = usage.ru_minflt + usage.ru_majflt;
    if (++sent == kWarmUp) faults_before = faults;
    return true;
  }

  static constexpr int kWarmUp = 20;
  int policy = -1;
  int sent = 0;
  int64_t faults = 0;
  int64_t faults_before = 0;
};

int64_t LockedKilobytes() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    int64_t kilobytes = 0;
    if (word == "VmLck:" && status >> kilobytes) return kilobytes;
  }
  return -1;
}

TEST_F(RealThread, HasTheRightsItTellsOfAndNoPageFault) {
  LookingOutput output;
  const auto machine = std::make_unique<Machine>(&output);
  munlockall();  // what an earlier test has left
  PlaybackThread thread(&machine->playback);
  const int64_t locked = LockedKilobytes();
  size_t bytes = size_t{64} << 10;  // of the stack
  for (const auto& part : machine->playback.Memory()) bytes += part.size();
  Dice dice(&machine->commands, &machine->latest, 250e6 / kTicksPerBar);
  MonoTime now = rt::Now();
  dice.Start(now);
  for (int ms = 0; ms < 1500; ++ms) {
    now = now + absl::Milliseconds(1);
    rt::SleepUntil(now);
    dice.Advance(now);
  }
  thread.Stop();
  EXPECT_GT(output.sent, 500);
  std::printf("priority: %s; locked: %d kB, memory: %s; page faults: %d\n",
              thread.priority().ToString().c_str(), static_cast<int>(locked),
              thread.memory().ToString().c_str(),
              static_cast<int>(output.faults - output.faults_before));
  EXPECT_EQ(output.policy == SCHED_FIFO, thread.priority().ok());
  if (thread.memory().ok()) {
    EXPECT_GE(locked, static_cast<int64_t>(bytes >> 10));
    EXPECT_LE(locked, static_cast<int64_t>(bytes >> 10) + 64) << "only those";
  }
  EXPECT_EQ(output.faults, output.faults_before);
}

}  // namespace
}  // namespace antiphon::edge
