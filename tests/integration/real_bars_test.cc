// SPDX-License-Identifier: Apache-2.0
//
// Edge and service in one process, over real gRPC, in real time: the agent with
// its threads, a file-like performer, a port that records with its own stamps,
// the mirror. Everything is judged from what left the port and from the bar
// records.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <optional>

#include "absl/strings/str_cat.h"
#include "common/rt/clock.h"
#include "edge/agent.h"
#include "edge/client/grpc_accompanist.h"
#include "edge/port/performer_input.h"
#include "inference/engine/mirror.h"
#include "inference/service/server.h"

namespace antiphon::edge {
namespace {

class RecordingPort : public MidiOutput {
 public:
  bool Send(const MidiMessage& message) noexcept override {
    const MonoTime now = rt::Now();
    const std::lock_guard lock(mutex_);
    sent_.push_back({now, message});
    return true;
  }
  std::vector<TimedMessage> sent() const {
    const std::lock_guard lock(mutex_);
    return sent_;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<TimedMessage> sent_;
};

// A host: whole bars of eight notes with clocks, and transport in between.
class ScriptedHost : public Performer {
 public:
  ScriptedHost(MonoTime start, double tempo)
      : now_(start), pulse_(absl::Nanoseconds(60e9 / tempo / 24)) {}

  void Send(const MidiMessage& message) {
    messages_.push_back({now_, message});
  }
  void PlayBars(int bars) {
    for (int bar = 0; bar < bars; ++bar) {
      for (int pulse = 0; pulse < 96; ++pulse) {
        Send(MidiMessage::Clock());
        const int pitch = 40 + (bars_played_ * 8 + pulse / 12) % 48;
        // A little off the pulse: positions must survive between pulses.
        if (pulse % 12 == 2) SendAt(0.3, MidiMessage::NoteOn(0, pitch, 70));
        if (pulse % 12 == 8) SendAt(0.6, MidiMessage::NoteOff(0, pitch));
        now_ = now_ + pulse_;
      }
      ++bars_played_;
    }
  }
  void Wait(absl::Duration duration) { now_ = now_ + duration; }

  std::optional<TimedMessage> Next() override {
    if (given_ == messages_.size()) return std::nullopt;
    return messages_[given_++];
  }
  const std::vector<TimedMessage>& messages() const { return messages_; }

 private:
  void SendAt(double pulses, const MidiMessage& message) {
    messages_.push_back({now_ + pulses * pulse_, message});
  }

  MonoTime now_;
  const absl::Duration pulse_;
  int bars_played_ = 0;
  std::vector<TimedMessage> messages_;
  size_t given_ = 0;
};

class Records : public SessionObserver {
 public:
  void OnBar(const BarRecord& record) override { bars.push_back(record); }
  std::vector<BarRecord> bars;
};

class RealBarsTest : public ::testing::Test {
 protected:
  RealBarsTest() {
    auto server = inference::Server::Create(OptionsOn(0), &mirror_, &metrics_);
    EXPECT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }

  static inference::Server::Options OptionsOn(int port) {
    inference::Server::Options options;
    options.listen = absl::StrCat("127.0.0.1:", port);
    options.model = "mirror";
    return options;
  }

  void Play(ScriptedHost& host) {
    GrpcAccompanist client(
        {.target = absl::StrCat("127.0.0.1:", server_->port()),
         .session_id = "test",
         .client = "real_bars_test"});
    while (!client.stats().connected.load()) {
      rt::SleepUntil(rt::Now() + absl::Milliseconds(5));
    }
    MidiRing ring(kMidiRingCapacity);
    Agent agent(Conductor::Options(), {&ring}, &client, &port_, &records_);
    PerformerInput input(&host, &ring);
    MonoTime end = MonoTime::Max();
    agent.Run([&] {
      if (input.finished() && end == MonoTime::Max()) {
        end = rt::Now() + absl::Milliseconds(200);
      }
      return rt::Now() >= end;
    });
    EXPECT_EQ(agent.sounding(), 0);
  }

  // Note-ons and offs of a pitch alternate and none is left.
  void ExpectNothingHangs() const {
    std::map<int, int> sounding;
    for (const TimedMessage& m : port_.sent()) {
      if (m.message.IsControlChange()) continue;
      int& count = sounding[m.message.pitch()];
      count += m.message.IsNoteOn() ? 1 : -1;
      EXPECT_GE(count, 0);
      EXPECT_LE(count, 1);
    }
    for (const auto& [pitch, count] : sounding) EXPECT_EQ(count, 0) << pitch;
  }
  void ExpectOneRecordPerBar() const {
    for (size_t i = 0; i < records_.bars.size(); ++i) {
      EXPECT_EQ(records_.bars[i].play_seq, i);
    }
  }

  // 99th percentile of |answer − human − two bars| over all notes,
  // milliseconds.
  double PositionErrorP99(const ScriptedHost& host, absl::Duration two_bars,
                          size_t answered) {
    std::vector<TimedMessage> human;
    for (const TimedMessage& m : host.messages()) {
      if (m.message.IsNoteOn()) human.push_back(m);
    }
    // STOP, the host's last word, acts a moment after it came.
    const MonoTime stop = host.messages().back().at;
    std::vector<TimedMessage> answers;
    for (const TimedMessage& m : port_.sent()) {
      if (!m.message.IsNoteOn()) continue;
      if (m.at <= stop) answers.push_back(m);
      EXPECT_LE(m.at, stop + absl::Milliseconds(100));
    }
    EXPECT_EQ(answers.size(), answered);
    std::vector<double> errors;
    for (size_t i = 0; i < std::min(answers.size(), human.size()); ++i) {
      EXPECT_EQ(answers[i].message.pitch(), human[i].message.pitch());
      errors.push_back(std::abs(
          absl::ToDoubleMilliseconds(answers[i].at - human[i].at - two_bars)));
    }
    std::sort(errors.begin(), errors.end());
    return errors.empty() ? 1e9 : errors[(errors.size() - 1) * 99 / 100];
  }

  inference::Mirror mirror_;
  Metrics metrics_;
  std::unique_ptr<inference::Server> server_;
  RecordingPort port_;
  Records records_;
};

class AtTempo : public RealBarsTest,
                public ::testing::WithParamInterface<double> {};

TEST_P(AtTempo, EveryAnswerSoundsInItsBarAtTheSamePlace) {
  ScriptedHost host(rt::Now() + absl::Milliseconds(300), GetParam());
  host.Send(MidiMessage::Start());
  host.PlayBars(16);
  host.Send(MidiMessage::Stop());
  Play(host);
  // Bars 2..15 sound the answers to 0..13.
  const double p99 =
      PositionErrorP99(host, absl::Seconds(2 * 240 / GetParam()), 14 * 8);
  RecordProperty("p99_ms", absl::StrCat(p99));
  std::printf("position error p99 %.3f ms at %.0f BPM\n", p99, GetParam());
  EXPECT_LT(p99, 10);
  ExpectNothingHangs();
  ExpectOneRecordPerBar();
  ASSERT_GE(records_.bars.size(), 16u);
  for (size_t i = 2; i < 16; ++i) {
    EXPECT_EQ(records_.bars[i].outcome, Outcome::kAnswer) << "bar " << i;
    EXPECT_EQ(records_.bars[i].answers, i - 2);
    EXPECT_EQ(records_.bars[i].sent, 8);
  }
}

INSTANTIATE_TEST_SUITE_P(Tempo, AtTempo, ::testing::Values(120.0, 240.0));

TEST_F(RealBarsTest, StopStartSongPositionAndALoop) {
  ScriptedHost host(rt::Now() + absl::Milliseconds(300), 240);
  host.Send(MidiMessage::Start());
  host.PlayBars(4);
  host.Send(MidiMessage::SongPosition(0));  // a four-bar loop
  host.PlayBars(4);
  host.Send(MidiMessage::Stop());
  host.Wait(absl::Milliseconds(300));
  host.Send(MidiMessage::SongPosition(32));
  host.Send(MidiMessage::Continue());
  host.PlayBars(4);
  host.Send(MidiMessage::Start());  // landing on bar 0 from a bar line: a loop
  host.PlayBars(3);
  host.Send(MidiMessage::Stop());
  Play(host);
  ExpectNothingHangs();
  ExpectOneRecordPerBar();
  std::map<Epoch, PlaySeq> first;
  for (const BarRecord& bar : records_.bars) {
    const PlaySeq start =
        first.try_emplace(bar.epoch, bar.play_seq).first->second;
    if (bar.reason == Reason::kCancelled) continue;
    if (bar.play_seq < start + 2) {
      EXPECT_EQ(bar.reason, Reason::kWarmUp) << bar.play_seq;
    } else {
      EXPECT_EQ(bar.outcome, Outcome::kAnswer) << bar.play_seq;
      EXPECT_EQ(bar.sent, 8) << bar.play_seq;
    }
  }
  EXPECT_EQ(first.size(), 2u) << "the loops broke nothing, the stop did";
}

TEST_F(RealBarsTest, WithoutAServiceTimeIsKeptAndMusicComesBackWithIt) {
  const int port = server_->port();
  server_.reset();
  ScriptedHost host(rt::Now() + absl::Milliseconds(300), 240);
  host.Send(MidiMessage::Start());
  host.PlayBars(10);
  host.Send(MidiMessage::Stop());
  GrpcAccompanist client({.target = absl::StrCat("127.0.0.1:", port),
                          .session_id = "test",
                          .client = "real_bars_test"});
  MidiRing ring(kMidiRingCapacity);
  Agent agent(Conductor::Options(), {&ring}, &client, &port_, &records_);
  PerformerInput input(&host, &ring);
  agent.Run([&] {
    if (server_ == nullptr && records_.bars.size() == 3) {
      auto server =
          inference::Server::Create(OptionsOn(port), &mirror_, &metrics_);
      EXPECT_TRUE(server.ok()) << server.status();
      server_ = *std::move(server);
    }
    return records_.bars.size() >= 10;
  });
  ExpectNothingHangs();
  EXPECT_EQ(records_.bars[2].outcome, Outcome::kSilence);
  EXPECT_EQ(records_.bars[2].reason, Reason::kUnavailable);
  EXPECT_EQ(records_.bars[9].outcome, Outcome::kAnswer);
}

}  // namespace
}  // namespace antiphon::edge
