// SPDX-License-Identifier: Apache-2.0
//
// The parts that judge and disturb, each by itself: what a host's script comes
// to, and what the network does with what it is given.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "tests/sim/fake_network.h"
#include "tests/sim/generators.h"
#include "tests/sim/truth.h"

namespace antiphon::sim {
namespace {

double Seconds(MonoTime time) {
  return absl::ToDoubleSeconds(time - HostScript({}).now());
}

// ---- Truth: 120 BPM, a bar lasts two seconds ----

TEST(Truth, BarsGoFromLineToLine) {
  HostScript host({});
  host.Start();
  host.PlayBars(2, 0);
  host.Clocks(1);
  const Truth truth(host);
  ASSERT_EQ(truth.bars().size(), 3u);
  EXPECT_NEAR(Seconds(truth.LineOf(truth.bars()[1])), 2, 1e-6);
  EXPECT_TRUE(truth.bars()[1].whole());
  EXPECT_FALSE(truth.bars()[2].whole()) << "its end never came";
}

TEST(Truth, ALoopLeftEarlyCutsTheBarAndOneLeftLateBeginsItAgain) {
  HostScript host({});
  host.Start();
  host.Clocks(94);
  host.Locate(64);  // two pulses early
  host.Clocks(96 + 2);
  host.Locate(0);  // two pulses late
  host.Clocks(97);
  const Truth truth(host);
  ASSERT_EQ(truth.bars().size(), 4u);
  EXPECT_EQ(truth.bars()[0].length, Ticks::FromPulses(94));
  EXPECT_EQ(truth.bars()[1].index, 4);
  EXPECT_EQ(truth.bars()[1].length, Ticks::FromPulses(96));
  EXPECT_EQ(truth.bars()[2].index, 0);
  EXPECT_TRUE(truth.bars()[2].began.has_value());
  EXPECT_EQ(truth.bars()[3].run, truth.bars()[0].run);
  EXPECT_EQ(truth.breaks().size(), 2u) << "the start and the end";
}

TEST(Truth, AJumpThreePulsesFromALineBreaks) {
  HostScript host({});
  host.Start();
  host.Clocks(93);
  host.Locate(64);
  host.Clocks(10);
  const Truth truth(host);
  ASSERT_EQ(truth.bars().size(), 2u);
  EXPECT_NE(truth.bars()[1].run, truth.bars()[0].run);
}

TEST(Truth, TheMirrorOwesOnsetsAtTheirTicksAndHeldNotesToTheEnd) {
  HostScript host({});
  host.Start();
  const MonoTime line = host.now();
  const auto at = [line](int ms) { return line + absl::Milliseconds(ms); };
  host.Key(at(500), at(750), 60, 70);
  host.Key(at(1200), at(2500), 61, 71);  // held over the line
  host.Key(at(1970), at(1990), 62, 72);  // the next bar's downbeat
  host.PlayBars(4, 0);
  host.Clocks(1);
  const Truth truth(host);
  const std::vector<Owed> first = truth.AnswerTo(0, 2, {4, 4});
  ASSERT_EQ(first.size(), 2u);
  EXPECT_NEAR(Seconds(first[0].on), 4.5, 1e-6);
  EXPECT_NEAR(Seconds(first[0].off), 4.75, 1e-6);
  EXPECT_EQ(first[0].pitch, 60);
  EXPECT_EQ(first[0].velocity, 70);
  EXPECT_NEAR(Seconds(first[1].on), 5.2, 1e-6);
  EXPECT_NEAR(Seconds(first[1].off), 6, 1e-6);
  const std::vector<Owed> second = truth.AnswerTo(1, 3, {4, 4});
  ASSERT_EQ(second.size(), 1u) << "61 was not struck in it";
  EXPECT_NEAR(Seconds(second[0].on), 6, 1e-6);
  // Asked for a shorter bar, both ends come sooner.
  EXPECT_EQ(truth.AnswerTo(0, 2, {2, 4}).size(), 1u);
}

TEST(Truth, APedalHoldsWhatTheKeyLetGo) {
  HostScript host({});
  host.Start();
  const MonoTime line = host.now();
  host.Key(line + absl::Milliseconds(500), line + absl::Milliseconds(600), 60,
           70);
  host.Pedal(line + absl::Milliseconds(400), line + absl::Milliseconds(900));
  host.PlayBars(3, 0);
  host.Clocks(1);
  EXPECT_NEAR(Seconds(Truth(host).AnswerTo(0, 2, {4, 4}).at(0).off), 4.9, 1e-6);
}

TEST(Truth, StopsAreToldWhenTheyAreSaidAndActLater) {
  HostScript host({});
  host.Start();
  host.PlayBar(0);
  const MonoTime stop = host.now();
  host.Stop();
  host.Wait(absl::Seconds(1));
  host.Continue();
  host.PlayBar(0);
  const Truth truth(host);
  ASSERT_GE(truth.stopped().size(), 1u);
  EXPECT_EQ(truth.stopped()[0].told, stop);
  EXPECT_EQ(truth.stopped()[0].from, stop + absl::Milliseconds(20));
  EXPECT_EQ(truth.stopped()[0].to, stop + absl::Seconds(1));
}

TEST(Truth, DisturbedIsWhatTheScriptDisturbed) {
  HostScript host({});
  host.Start();
  host.PlayBars(3, 0);
  host.Play(40, 0);
  host.Lose(3);
  host.PlayBar(0);
  host.PlayBars(4, 0);
  const Truth truth(host);
  const auto& bars = truth.bars();
  EXPECT_TRUE(truth.IsRegular(bars[0].first, bars[2].end));
  EXPECT_FALSE(truth.IsRegular(bars[1].first, bars[3].end));
  EXPECT_FALSE(truth.IsRegular(bars[3].first, bars[5].end));
  EXPECT_TRUE(truth.IsRegular(bars[4].first, bars[6].end));
}

// ---- Scripts are drawn from their seed ----

TEST(RestlessHost, IsTheSameForTheSameSeedAndNoOther) {
  EXPECT_EQ(RestlessHost(5, 10).Messages(), RestlessHost(5, 10).Messages());
  EXPECT_NE(RestlessHost(5, 10).Messages(), RestlessHost(15, 10).Messages());
}

TEST(HostScript, JitterDelaysAndKeepsTheOrder) {
  for (const Jitter jitter :
       {Jitter{Jitter::Kind::kUniform, absl::Milliseconds(8)},
        Jitter{Jitter::Kind::kGaussian, absl::Milliseconds(2)},
        Jitter{.grid = absl::Milliseconds(10)}}) {
    HostScript host({.jitter = jitter});
    host.Start();
    host.Clocks(500);
    absl::Duration sum;
    for (size_t i = 0; i < host.pulses().size(); ++i) {
      const HostPulse& pulse = host.pulses()[i];
      sum += pulse.at - pulse.steady;
      EXPECT_LE(absl::AbsDuration(pulse.at - pulse.steady), jitter.Most());
      EXPECT_GE(pulse.at, host.pulses()[i == 0 ? 0 : i - 1].at);
    }
    EXPECT_LT(absl::AbsDuration(sum / 500), absl::Microseconds(500));
  }
}

// ---- The network ----

class FakeNetworkTest : public ::testing::Test, public FakeNetwork::Listener {
 protected:
  void OnBytes(FakeNetwork::StreamId, const std::string& bytes) override {
    v1::EdgeMessage message;
    ASSERT_TRUE(message.ParseFromString(bytes));
    arrived_.push_back({now_, message.ping().id()});
  }
  void OnBroken(FakeNetwork::StreamId) override { ++broken_; }

  void Open() {
    network_ = std::make_unique<FakeNetwork>(&script_, &now_);
    network_->set_listener(this);
    stream_ = network_->Connect({}, [](const auto&, MonoTime) {});
  }
  void Ping(uint64_t id) {
    v1::EdgeMessage message;
    message.mutable_ping()->set_id(id);
    stream_->Write(message);
  }
  void RunUntil(int ms) {
    const MonoTime end = MonoTime::FromNanos(ms * int64_t{1'000'000});
    while (network_->NextEvent() <= end) {
      now_ = std::max(now_, network_->NextEvent());
      network_->Run();
      if (stream_->done()) break;
    }
    now_ = end;
  }
  std::vector<uint64_t> Ids() const {
    std::vector<uint64_t> ids;
    for (const auto& [at, id] : arrived_) ids.push_back(id);
    return ids;
  }

  MonoTime now_ = MonoTime::FromNanos(0);
  NetworkScript script_;
  std::unique_ptr<FakeNetwork> network_;
  std::shared_ptr<edge::MessageStream> stream_;
  std::vector<std::pair<MonoTime, uint64_t>> arrived_;
  int broken_ = 0;
};

TEST_F(FakeNetworkTest, DelaysEachMessageAndLetsNoneOvertake) {
  script_.up = {.least = absl::Milliseconds(1),
                .spread = absl::Milliseconds(50)};
  Open();
  for (uint64_t id = 1; id <= 40; ++id) {
    Ping(id);
    RunUntil(static_cast<int>(id));
  }
  RunUntil(200);
  std::vector<uint64_t> sorted = Ids();
  std::sort(sorted.begin(), sorted.end());
  EXPECT_EQ(Ids(), sorted);
  EXPECT_EQ(arrived_.size(), 41u) << "with the Hello";
  for (const auto& [at, id] : arrived_) {
    if (id == 0) continue;
    EXPECT_GE(at.nanos(), static_cast<int64_t>(id) * 1'000'000);
    EXPECT_LE(at.nanos(), static_cast<int64_t>(id + 51) * 1'000'000);
  }
}

TEST_F(FakeNetworkTest, AStreamThatBreaksLosesWhatIsUnderWay) {
  script_.troubles = {{Trouble::Kind::kDown, MonoTime::FromNanos(5'000'000),
                       MonoTime::FromNanos(9'000'000)}};
  Open();
  RunUntil(4);
  Ping(1);
  RunUntil(6);
  EXPECT_TRUE(stream_->done());
  EXPECT_EQ(broken_, 1);
  EXPECT_EQ(Ids(), (std::vector<uint64_t>{0}));
  EXPECT_FALSE(stream_->Write({}));
  stream_ = network_->Connect({}, [](const auto&, MonoTime) {});
  RunUntil(8);
  EXPECT_TRUE(stream_->done()) << "nobody is there";
  RunUntil(9);
  stream_ = network_->Connect({}, [](const auto&, MonoTime) {});
  RunUntil(20);
  EXPECT_FALSE(stream_->done());
}

TEST_F(FakeNetworkTest, AFrozenStreamBringsAllOfItAfterwards) {
  script_.troubles = {{Trouble::Kind::kFrozen, MonoTime::FromNanos(1),
                       MonoTime::FromNanos(70'000'000)}};
  Open();
  Ping(1);
  RunUntil(69);
  EXPECT_TRUE(arrived_.empty());
  RunUntil(71);
  EXPECT_EQ(Ids(), (std::vector<uint64_t>{0, 1}));
}

}  // namespace
}  // namespace antiphon::sim
