// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cstdlib>

#include "tests/sim/checkers.h"
#include "tests/sim/sim_world.h"

namespace antiphon::edge {
namespace {

void ExpectInvariants(const SimWorld& world) {
  EXPECT_EQ(CheckNotesPaired(world.sent), "");
  EXPECT_EQ(CheckTimeOrder(world.sent), "");
  EXPECT_EQ(CheckOneOutcomePerBar(world.bars), "");
  EXPECT_EQ(CheckNothingPlannedLate(world.bars), "");
}

// Plays `bars` bars of four notes from START.
void PlayFromTheStart(SimWorld& world, int bars) {
  world.Send(MidiMessage::Start());
  for (int i = 0; i < bars; ++i) world.PlayBar(4);
}

TEST(Session, EveryMirrorNoteSoundsOnceTwoBarsLaterAtItsPlace) {
  SimWorld world(1);
  PlayFromTheStart(world, 16);
  world.End();
  ExpectInvariants(world);
  EXPECT_EQ(CheckAnswered(world.bars, 4), "");
  // Each answer note is its human note, two bars later to within a tick and a
  // step.
  std::vector<TimedMessage> human;
  for (const TimedMessage& m : world.human) {
    if (m.message.IsNoteOn()) human.push_back(m);
  }
  std::vector<Sent> answers;
  for (const Sent& s : world.sent) {
    if (s.message.IsNoteOn()) answers.push_back(s);
  }
  ASSERT_GE(answers.size(), 14u * 4);
  for (size_t i = 0; i < 14 * 4; ++i) {
    EXPECT_NEAR(absl::ToDoubleMilliseconds(answers[i].at - human[i].at), 4000,
                2)
        << "note " << i;
  }
}

TEST(Session, ThousandBarsAreAllAnsweredAndRepeatable) {
  const auto play = [](uint64_t seed) {
    auto world = std::make_unique<SimWorld>(seed);
    world->quarters_per_minute = 240;
    PlayFromTheStart(*world, 1000);
    world->End();
    return world;
  };
  const auto first = play(7);
  ExpectInvariants(*first);
  EXPECT_EQ(CheckAnswered(first->bars, 4), "");
  EXPECT_GE(first->bars.size(), 1000u);
  const auto again = play(7);
  EXPECT_EQ(first->sent, again->sent) << "the same seed gives the same bytes";
  EXPECT_NE(first->sent, play(8)->sent);
}

TEST(Session, WarmUpThenAnswersAndRestsWhereNothingWasPlayed) {
  SimWorld world(2);
  PlayFromTheStart(world, 3);
  world.PlayBar(0);
  world.PlayBar(4);
  world.PlayBar(4);
  world.End();
  EXPECT_EQ(world.bars[0].reason, Reason::kWarmUp);
  EXPECT_EQ(world.bars[1].reason, Reason::kWarmUp);
  EXPECT_EQ(world.bars[2].outcome, Outcome::kAnswer);
  EXPECT_EQ(world.bars[5].outcome, Outcome::kRest);
  EXPECT_EQ(world.bars[5].reason, Reason::kNoInput);
}

TEST(Session, LateAnswersAreDroppedCountedAndRepeatedOver) {
  SimWorld world(3);
  world.service.fate = [](const Job& job) {
    return SimService::Fate{.delay = job.play_seq == 4 ? absl::Seconds(3)
                                                       : absl::Milliseconds(5)};
  };
  PlayFromTheStart(world, 10);
  world.End();
  ExpectInvariants(world);
  EXPECT_EQ(world.bars[6].outcome, Outcome::kRepeat);
  EXPECT_EQ(world.bars[6].reason, Reason::kLate);
  EXPECT_EQ(world.bars[6].sent, 4);
  EXPECT_EQ(world.bars[7].outcome, Outcome::kAnswer);
}

TEST(Session, AnAnswerOneMillisecondBeforeTheCutoffIsInTime) {
  for (const int margin_ms : {7, 3}) {
    SimWorld world(4);
    world.service.fate = [margin_ms](const Job&) {
      return SimService::Fate{.delay = absl::Milliseconds(2000 - margin_ms)};
    };
    PlayFromTheStart(world, 6);
    world.End();
    EXPECT_EQ(world.bars[2].outcome,
              margin_ms > 5 ? Outcome::kAnswer : Outcome::kSilence);
  }
}

TEST(Session, DuplicatedNotesSoundOnce) {
  SimWorld world(5);
  world.service.fate = [](const Job&) {
    return SimService::Fate{.duplicated = true};
  };
  PlayFromTheStart(world, 8);
  world.End();
  ExpectInvariants(world);
  EXPECT_EQ(CheckAnswered(world.bars, 4), "");
}

TEST(Session, AFourBarLoopLosesNoAnswer) {
  SimWorld world(6);
  world.Send(MidiMessage::Start());
  for (int pass = 0; pass < 4; ++pass) {
    for (int bar = 0; bar < 4; ++bar) world.PlayBar(4);
    world.Send(MidiMessage::SongPosition(0));
  }
  world.PlayBar(4);
  world.End();
  ExpectInvariants(world);
  EXPECT_EQ(CheckAnswered(world.bars, 4), "");
  EXPECT_EQ(world.bars[5].bar_index, 1);
  EXPECT_EQ(world.bars[5].epoch, world.bars[0].epoch);
}

TEST(Session, StopSilencesWithinItsSettleTimeAndStartBeginsAnew) {
  SimWorld world(7);
  PlayFromTheStart(world, 3);
  world.Clocks(40);
  world.Send(MidiMessage::Stop());
  const MonoTime stop = world.now;
  world.Wait(absl::Seconds(1));
  EXPECT_EQ(CheckNotesPaired(world.sent), "");
  EXPECT_LE(world.sent.back().at, stop + absl::Milliseconds(100));
  EXPECT_EQ(world.bars.back().reason, Reason::kCancelled);
  PlayFromTheStart(world, 5);
  world.End();
  ExpectInvariants(world);
  EXPECT_EQ(world.bars[4].reason, Reason::kWarmUp);
  EXPECT_EQ(CheckAnswered(world.bars, 4), "");
}

TEST(Session, OfGivenLengthEndsWithItsLastBar) {
  SimWorld world(12, {}, 8);
  const MonoTime start = world.now;
  PlayFromTheStart(world, 8);
  world.Send(MidiMessage::Stop());
  world.End();
  ExpectInvariants(world);
  EXPECT_EQ(CheckAnswered(world.bars, 4), "");
  EXPECT_EQ(world.bars.size(), 8u);
  EXPECT_EQ(world.bars.back().outcome, Outcome::kAnswer);
  EXPECT_EQ(world.service.jobs.size(), 6u) << "nothing asked for in vain";
  const MonoTime end = start + absl::Seconds(16);
  for (const Sent& s : world.sent) {
    EXPECT_TRUE(s.at < end || !s.message.IsNoteOn());
  }
}

TEST(Session, ALengthHoldsWhereTheClockGoesOn) {
  SimWorld world(13, {}, 4);
  PlayFromTheStart(world, 6);
  world.Send(MidiMessage::SongPosition(64));  // even where it jumps
  world.PlayBar(4);
  world.End();
  ExpectInvariants(world);
  EXPECT_EQ(world.bars.size(), 4u);
}

TEST(Session, AJumpInsideABarSilencesAndBeginsAnew) {
  SimWorld world(8);
  PlayFromTheStart(world, 4);
  world.Clocks(50);
  world.Send(MidiMessage::SongPosition(64));
  for (int bar = 0; bar < 5; ++bar) world.PlayBar(4);
  world.End();
  ExpectInvariants(world);
  EXPECT_EQ(CheckAnswered(world.bars, 4), "");
  EXPECT_EQ(world.bars[5].bar_index, 4);
}

TEST(Session, AVanishedClockSilencesAfterTheFreewheel) {
  SimWorld world(9);
  PlayFromTheStart(world, 4);
  world.Clocks(30);
  const MonoTime last = world.now;
  world.Wait(absl::Seconds(2));
  EXPECT_EQ(CheckNotesPaired(world.sent), "");
  EXPECT_LE(world.sent.back().at, last + absl::Milliseconds(400));
  EXPECT_FALSE(world.conductor().timeline().running());
}

TEST(Session, ContextGrowsFromTwoToThreeBarsAndMoves) {
  SimWorld world(10);
  PlayFromTheStart(world, 9);
  world.End();
  std::vector<PlaySeq> origins;
  for (const Job& job : world.service.jobs)
    origins.push_back(job.context.origin);
  EXPECT_EQ(origins, (std::vector<PlaySeq>{0, 0, 0, 2, 2, 4, 4, 6, 6}));
}

TEST(Session, OtherMetersKeepTheirBars) {
  for (const Meter meter :
       {Meter{3, 4}, Meter{6, 8}, Meter{7, 8}, Meter{5, 4}}) {
    SimWorld world(11, meter);
    PlayFromTheStart(world, 8);
    world.End();
    ExpectInvariants(world);
    EXPECT_EQ(CheckAnswered(world.bars, 4), "") << ToString(meter);
  }
}

// Any host: random transport at random places. The seed that failed replays
// with ANTIPHON_SEED=N.
TEST(Session, SurvivesARestlessHost) {
  const char* replay = std::getenv("ANTIPHON_SEED");
  const uint64_t from = replay ? std::strtoull(replay, nullptr, 10) : 100;
  const uint64_t to = replay ? from + 1 : 130;
  for (uint64_t seed = from; seed < to; ++seed) {
    SCOPED_TRACE(testing::Message() << "replay with ANTIPHON_SEED=" << seed);
    SimWorld world(seed);
    world.quarters_per_minute = 60 + static_cast<double>(seed % 5) * 60;
    world.service.fate = [&world](const Job&) {
      return SimService::Fate{
          .delay = absl::Milliseconds(world.random() % 1500),
          .lost = world.random() % 8 == 0,
          .duplicated = world.random() % 8 == 0};
    };
    world.Send(MidiMessage::Start());
    for (int step = 0; step < 30; ++step) {
      world.PlayBar(static_cast<int>(world.random() % 6));
      world.Clocks(static_cast<int>(world.random() % 97));
      switch (world.random() % 6) {
        case 0:
          world.Send(MidiMessage::Stop());
          if (world.random() % 2)
            world.Wait(absl::Milliseconds(world.random() % 400));
          world.Send(MidiMessage::Continue());
          break;
        case 1:
          world.Send(MidiMessage::Start());
          break;
        case 2:
          world.Send(MidiMessage::SongPosition(
              static_cast<int>(world.random() % 200)));
          break;
        case 3:
          world.Wait(absl::Milliseconds(world.random() % 900));
          break;
        default:
          break;
      }
    }
    world.End();
    ExpectInvariants(world);
  }
}

// ---- Each checker catches its defect ----

TEST(Checkers, EachCatchesAPlantedDefect) {
  SimWorld world(12);
  PlayFromTheStart(world, 6);
  world.End();
  std::vector<Sent> sent = world.sent;
  while (!sent.back().message.IsNoteOff()) sent.pop_back();
  sent.pop_back();
  EXPECT_NE(CheckNotesPaired(sent), "");
  sent = world.sent;
  sent.insert(sent.begin() + 1, sent.front());
  EXPECT_NE(CheckNotesPaired(sent), "");
  sent = world.sent;
  std::swap(sent.front().at, sent.back().at);
  EXPECT_NE(CheckTimeOrder(sent), "");
  std::vector<BarRecord> bars = world.bars;
  bars.push_back(bars.back());
  EXPECT_NE(CheckOneOutcomePerBar(bars), "");
  bars = world.bars;
  bars[3].slack_ms = -1;
  EXPECT_NE(CheckNothingPlannedLate(bars), "");
  bars = world.bars;
  bars[3].sent = 3;
  EXPECT_NE(CheckAnswered(bars, 4), "");
  bars[3].outcome = Outcome::kRepeat;
  EXPECT_NE(CheckAnswered(bars, 4), "");
}

}  // namespace
}  // namespace antiphon::edge
