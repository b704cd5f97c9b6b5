// SPDX-License-Identifier: Apache-2.0
//
// Whole sessions in virtual time, a scenario each: what is scripted, and what
// must be heard and told of it.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <utility>

#include "tests/sim/checkers.h"
#include "tests/sim/dialects.h"
#include "tests/sim/liveness.h"
#include "tests/sim/sim_world.h"

namespace antiphon::sim {
namespace {

using edge::BarRecord;

// Nothing may be wrong, and so many answers must have been judged.
void ExpectWhole(const Recording& recording, int judged) {
  const Truth truth(recording.host);
  EXPECT_EQ(CheckInvariants(recording, truth), "");
  const Liveness live = CheckLiveness(recording, truth);
  EXPECT_EQ(live.problem, "");
  EXPECT_EQ(live.judged, judged);
}

HostScript FromTheStart(int bars, int notes, HostScript::Options options = {}) {
  HostScript host(options);
  host.Start();
  host.PlayBars(bars, notes);
  return host;
}

// A fate for the job that answers bar `bar`.
SimService::Fates FateOf(PlaySeq bar, Fate fate) {
  return [bar, fate](const inference::Job& job) {
    return job.play_seq == bar ? std::optional(fate) : std::nullopt;
  };
}

MonoTime StartPlus(absl::Duration duration) {
  return HostScript({}).now() + duration;
}

// ---- A steady host ----

TEST(Session, EveryMirrorNoteSoundsOnceTwoBarsLaterAtItsPlace) {
  const HostScript host = FromTheStart(16, 8);
  const Recording recording = Play(host, {});
  ExpectWhole(recording, 13);  // the last one's line is not there any more
  // A tick is one millisecond and a bit; onsets are rounded to it.
  const Liveness live = CheckLiveness(recording, Truth(host));
  EXPECT_LE(live.worst, absl::Microseconds(521));
  EXPECT_GT(live.notes, 90);
}

TEST(Session, ThousandBarsAreAllAnsweredAndRepeatable) {
  const auto play = [](uint64_t seed) {
    const HostScript host =
        FromTheStart(1000, 8, {.seed = seed, .quarters_per_minute = 240});
    NetworkScript network{.seed = seed};
    network.up.spread = network.down.spread = absl::Milliseconds(20);
    return Play(host, network, {.seed = seed});
  };
  const Recording first = play(7);
  ExpectWhole(first, 996);  // nor the first: its tempo was not known yet
  EXPECT_GE(first.bars.size(), 1000u);
  const Recording again = play(7);
  EXPECT_TRUE(SameBytes(first, again)) << "one seed, the same bytes";
  EXPECT_EQ(first.network_hash, again.network_hash);
  const Recording other = play(8);
  EXPECT_FALSE(SameBytes(first, other));
  EXPECT_NE(first.network_hash, other.network_hash);
}

TEST(Session, WarmUpThenAnswersAndRestsWhereNothingWasPlayed) {
  HostScript host = FromTheStart(3, 4);
  host.PlayBar(0);
  host.PlayBars(2, 4);
  host.Clocks(1);
  const Recording recording = Play(host, {});
  ExpectWhole(recording, 4);
  EXPECT_EQ(recording.bars[0].reason, Reason::kWarmUp);
  EXPECT_EQ(recording.bars[1].reason, Reason::kWarmUp);
  EXPECT_EQ(recording.bars[2].outcome, Outcome::kAnswer);
  EXPECT_EQ(recording.bars[5].outcome, Outcome::kRest);
  EXPECT_EQ(recording.bars[5].reason, Reason::kNoInput);
}

TEST(Session, ContextGrowsFromTwoToThreeBarsAndMoves) {
  const Recording recording = Play(FromTheStart(9, 4), {});
  std::vector<PlaySeq> origins;
  for (const JobSeen& seen : recording.jobs) {
    origins.push_back(seen.job.context().origin_play_seq());
  }
  EXPECT_EQ(origins, (std::vector<PlaySeq>{0, 0, 0, 2, 2, 4, 4, 6, 6}));
}

TEST(Session, OtherMetersKeepTheirBars) {
  for (const Meter meter : {Meter{3, 4}, Meter{6, 8}, Meter{7, 8}, Meter{5, 4},
                            Meter{1, 4}, Meter{12, 8}}) {
    SCOPED_TRACE(ToString(meter));
    ExpectWhole(Play(FromTheStart(8, 4, {.meters = MeterMap(meter)}), {}), 5);
  }
}

TEST(Session, AMeterChangesAtItsLine) {
  const MeterMap meters({{Ticks(), {4, 4}},
                         {Ticks::Of(3 * 1920), {3, 4}},
                         {Ticks::Of(3 * 1920 + 3 * 1440), {5, 4}},
                         {Ticks::Of(3 * 1920 + 3 * 1440 + 4 * 2400), {1, 8}}});
  const Recording recording = Play(FromTheStart(40, 6, {.meters = meters}), {});
  ExpectWhole(recording, 37);
}

TEST(Session, OfGivenLengthEndsWithItsLastBar) {
  HostScript host = FromTheStart(8, 4);
  host.Stop();
  const Recording recording = Play(host, {}, {.bars = 8});
  ExpectWhole(recording, 5);
  EXPECT_EQ(recording.bars.size(), 8u);
  EXPECT_EQ(recording.bars.back().outcome, Outcome::kAnswer);
  EXPECT_EQ(recording.jobs.size(), 6u) << "nothing asked for in vain";
  for (const Sent& s : recording.sent) {
    EXPECT_TRUE(s.at < host.now() || !s.message.IsNoteOn());
  }
}

TEST(Session, ALengthHoldsWhereTheClockGoesOn) {
  HostScript host = FromTheStart(6, 4);
  host.Locate(64);  // even where it jumps
  host.PlayBar(4);
  const Recording recording = Play(host, {}, {.bars = 4});
  EXPECT_EQ(CheckInvariants(recording, Truth(host)), "");
  EXPECT_EQ(recording.bars.size(), 4u);
}

// ---- Loops and breaks ----

TEST(Session, ALoopLosesNoAnswerWhicheverMessagesSayIt) {
  for (const Dialect& dialect : Dialects()) {
    SCOPED_TRACE(dialect.name);
    HostScript host({});
    PlayFromStart(dialect, host);
    for (int pass = 0; pass < 4; ++pass) {
      host.PlayBars(4, 6);
      LoopTo(dialect, 0, host);
    }
    host.PlayBars(2, 6);
    const Recording recording = Play(host, {});
    ExpectWhole(recording, 15);
    EXPECT_EQ(recording.bars.back().epoch, recording.bars.front().epoch);
    const bool says_so = dialect.loop != Dialect::Loop::kNothing &&
                         dialect.loop != Dialect::Loop::kContinue;
    EXPECT_EQ(recording.bars[5].bar_index, says_so ? 1 : 5);
  }
}

// The host may be up to two pulses off the line when it jumps.
TEST(Session, ALoopLeftEarlyOrLateLosesNothing) {
  for (const int64_t off : {-2, -1, 0, 1, 2}) {
    SCOPED_TRACE(off);
    HostScript host({.seed = 3});
    host.Start();
    for (int pass = 0; pass < 8; ++pass) {
      host.PlayBars(3, 6);
      host.Play(host.PulsesToLine() + off, 6);
      host.Locate(16);
    }
    host.PlayBars(2, 6);
    const Recording recording = Play(host, {});
    ExpectWhole(recording, 31);
    EXPECT_EQ(recording.bars.back().epoch, recording.bars.front().epoch);
  }
}

// A loop may land in another meter than it left.
TEST(Session, ALoopIntoAShorterBarEndsTheAnswerAtItsLine) {
  const MeterMap meters({{Ticks(), {3, 4}}, {Ticks::Of(2 * 1440), {4, 4}}});
  HostScript host({.seed = 4, .meters = meters});
  host.Start();
  for (int pass = 0; pass < 6; ++pass) {
    host.PlayBars(6, 8);
    host.Locate(0);
  }
  const Recording recording = Play(host, {});
  // Where the loop falls on the human bar's own line, it is a matter of
  // nanoseconds which bar was asked for.
  ExpectWhole(recording, 28);
}

TEST(Session, StopSilencesWithinItsSettleTimeAndStartBeginsAnew) {
  HostScript host = FromTheStart(3, 8);
  host.Play(40, 8);
  host.Stop();
  const MonoTime stop = host.now();
  host.Wait(absl::Seconds(1));
  host.Start();
  host.PlayBars(5, 8);
  const Recording recording = Play(host, {});
  ExpectWhole(recording, 3);
  for (const Sent& s : recording.sent) {
    EXPECT_TRUE(s.at <= stop + absl::Milliseconds(24) ||
                s.at >= stop + absl::Seconds(1));
  }
  EXPECT_EQ(recording.bars[3].reason, Reason::kCancelled);
  EXPECT_EQ(recording.bars[4].reason, Reason::kWarmUp);
  EXPECT_NE(recording.bars[4].epoch, recording.bars[3].epoch);
}

TEST(Session, AJumpInsideABarSilencesAndBeginsAnew) {
  HostScript host = FromTheStart(4, 8);
  host.Play(50, 8);
  host.Locate(64);
  host.PlayBars(5, 8);
  const Recording recording = Play(host, {});
  ExpectWhole(recording, 4);
  EXPECT_EQ(recording.bars[5].bar_index, 4);
  EXPECT_EQ(recording.bars[5].reason, Reason::kWarmUp);
}

// A stop, and a start, at every pulse of a bar.
TEST(Session, StopsAndStartsAnywhereInABar) {
  for (int64_t pulse = 0; pulse < 96; ++pulse) {
    SCOPED_TRACE(pulse);
    HostScript host = FromTheStart(3, 8, {.quarters_per_minute = 240});
    host.Play(pulse, 4);
    host.Stop();
    host.Wait(absl::Milliseconds(pulse));  // shorter and longer than it settles
    host.Locate(static_cast<int>(pulse));
    host.Continue();
    host.Play(host.PulsesToLine(), 4);
    host.PlayBars(5, 8);
    const Recording recording = Play(host, {});
    const Truth truth(host);
    ASSERT_EQ(CheckInvariants(recording, truth), "");
    const Liveness live = CheckLiveness(recording, truth);
    ASSERT_EQ(live.problem, "");
    ASSERT_GE(live.judged, 1);
  }
}

TEST(Session, StartTwiceIsOneStart) {
  HostScript host({});
  host.Start();
  host.Start();
  host.Clocks(1);
  host.Start();  // a pulse behind the line: the bar begins again
  host.PlayBars(6, 6);
  const Recording recording = Play(host, {});
  ExpectWhole(recording, 2);
  EXPECT_EQ(recording.bars[5].bar_index, 5);
  EXPECT_EQ(recording.bars[5].epoch, recording.bars[0].epoch);
}

TEST(Session, ContinueWhileRunningChangesNothing) {
  HostScript host = FromTheStart(2, 6);
  for (int i = 0; i < 4; ++i) {
    host.Play(50, 4);
    host.Continue();
    host.PlayBar(4);
  }
  const Recording recording = Play(host, {});
  ExpectWhole(recording, 3);
  EXPECT_EQ(recording.bars[5].bar_index, 5);
  EXPECT_EQ(recording.bars[5].epoch, recording.bars[0].epoch);
}

TEST(Session, EpochsWithinOneBarEachEndWhatWasBefore) {
  HostScript host = FromTheStart(3, 8);
  host.Clocks(20);
  host.Start();  // a jump inside the bar
  host.Clocks(5);
  host.Locate(7);  // and another, between lines
  host.Clocks(5);
  host.Stop();
  host.Wait(absl::Milliseconds(30));
  host.Start();
  host.PlayBars(5, 8);
  const Recording recording = Play(host, {});
  ExpectWhole(recording, 3);
  EXPECT_EQ(recording.CountBars(Outcome::kRest, Reason::kCancelled), 4);
}

// A bar that never began leaves no gap in the numbers.
TEST(Session, ALoopAndAJumpInOneBufferBreakOnce) {
  HostScript host = FromTheStart(3, 8);
  host.Play(host.PulsesToLine() - 2, 4);
  host.HoldUp(absl::Milliseconds(30));
  host.Locate(0);
  host.Clocks(1);
  host.Locate(7);
  host.PlayBars(6, 8);
  const Recording recording = Play(host, {});
  EXPECT_EQ(CheckInvariants(recording, Truth(host)), "");
  EXPECT_EQ(recording.bars[4].reason, Reason::kWarmUp);
}

// ---- The clock ----

TEST(Session, AVanishedClockSilencesAfterTheFreewheel) {
  HostScript host = FromTheStart(4, 8);
  host.Play(30, 4);
  const MonoTime last = host.now();
  host.Wait(absl::Seconds(2));
  const Recording recording = Play(host, {});
  ExpectWhole(recording, 2);
  EXPECT_LE(recording.sent.back().at, last + absl::Milliseconds(400));
}

// Bars so short that more of them pass without a clock than were foreseen.
TEST(Session, AGapInShortBarsDoesNotEndTheSession) {
  HostScript host = FromTheStart(40, 2, {.meters = MeterMap({1, 32})});
  host.Lose(10);  // 208 ms, and a bar is 62
  host.PlayBars(40, 2);
  const Recording recording = Play(host, {});
  EXPECT_EQ(CheckInvariants(recording, Truth(host)), "");
  EXPECT_GE(recording.bars.size(), 80u);
  EXPECT_EQ(recording.bars.back().epoch, recording.bars.front().epoch);
}

// 7.5 ms a bar: less than a record waits, and a cutoff is before the line of
// the bar before.
TEST(Session, BarsShorterThanEveryDelayAreToldOneByOne) {
  const HostScript host = FromTheStart(
      400, 1, {.meters = MeterMap({1, 32}), .quarters_per_minute = 999});
  NetworkScript network;
  network.up.least = network.down.least = absl::ZeroDuration();
  network.think = network.per_note = absl::ZeroDuration();
  const Recording recording = Play(host, network);
  EXPECT_EQ(CheckInvariants(recording, Truth(host)), "");
  EXPECT_GE(recording.bars.size(), 400u);
}

TEST(Session, ALateWakeUpChangesNoDecision) {
  HostScript host = FromTheStart(10, 8, {.seed = 5});
  host.Play(host.PulsesToLine() - 1, 8);
  host.Locate(32);
  host.PlayBars(6, 8);
  const Recording prompt = Play(host, {});
  const Recording late =
      Play(host, {}, {.stall = 0.02, .stall_time = absl::Milliseconds(60)});
  ASSERT_EQ(prompt.bars.size(), late.bars.size());
  for (size_t i = 0; i < prompt.bars.size(); ++i) {
    EXPECT_EQ(prompt.bars[i].outcome, late.bars[i].outcome) << i;
    EXPECT_EQ(prompt.bars[i].answers, late.bars[i].answers) << i;
    EXPECT_EQ(prompt.bars[i].notes, late.bars[i].notes) << i;
  }
  ASSERT_EQ(prompt.planned.size(), late.planned.size());
  for (size_t i = 0; i < prompt.planned.size(); ++i) {
    EXPECT_EQ(prompt.planned[i].command.tick, late.planned[i].command.tick);
    EXPECT_EQ(prompt.planned[i].command.pitch, late.planned[i].command.pitch);
  }
}

// The conductor may be several bars behind what playback has sent.
TEST(Session, NotesAreCountedForTheirBarHoweverLateTheConductorIs) {
  const HostScript host =
      FromTheStart(200, 2, {.meters = MeterMap({1, 8})});  // 250 ms
  const Recording recording =
      Play(host, {}, {.stall = 0.002, .stall_time = absl::Milliseconds(700)});
  EXPECT_EQ(CheckRecordsTellWhatSounded(recording), "");
  EXPECT_EQ(CheckOneOutcomePerBar(recording), "");
}

// ---- Service and network ----

TEST(Session, LateAnswersAreDroppedCountedAndRepeatedOver) {
  const Recording recording =
      Play(FromTheStart(10, 4), {},
           {.fates = FateOf(4, {.delay = absl::Seconds(3)})});
  ExpectWhole(recording, 6);
  EXPECT_EQ(recording.bars[6].outcome, Outcome::kRepeat);
  EXPECT_EQ(recording.bars[6].reason, Reason::kLate);
  EXPECT_EQ(recording.bars[6].sent, recording.bars[5].sent);
  EXPECT_EQ(recording.bars[7].outcome, Outcome::kAnswer);
}

TEST(Session, AnAnswerOneMillisecondBeforeTheCutoffIsInTime) {
  for (const int margin_ms : {7, 3}) {
    NetworkScript network;
    // The job leaves 2 ms after the line; 2 ms each way.
    network.think = absl::Milliseconds(2000 - 2 - 4 - margin_ms);
    const Recording recording = Play(FromTheStart(6, 4), network);
    EXPECT_EQ(CheckInvariants(recording, Truth(recording.host)), "");
    EXPECT_EQ(recording.bars[2].outcome,
              margin_ms > 5 ? Outcome::kAnswer : Outcome::kSilence);
    ASSERT_TRUE(recording.bars[2].slack_ms);
    EXPECT_NEAR(*recording.bars[2].slack_ms, margin_ms - 5, 1.1);
  }
}

TEST(Session, NotesThatAreSentTwiceSoundOnce) {
  NetworkScript network;
  network.troubles = {{Trouble::Kind::kTwice, MonoTime(), MonoTime::Max()}};
  ExpectWhole(Play(FromTheStart(8, 6), network), 5);
}

TEST(Session, ABrokenStreamCostsNoBar) {
  // In the middle of an answer, when two notes are there.
  const Recording recording =
      Play(FromTheStart(10, 8), {},
           {.fates = [broken = false](const inference::Job& job) mutable {
             if (job.play_seq != 4 || std::exchange(broken, true)) {
               return std::optional<Fate>();
             }
             return std::optional(Fate{.breaks = true});
           }});
  EXPECT_EQ(recording.CountBars(Outcome::kAnswer, Reason::kInTime), 8);
  const Truth truth(recording.host);
  EXPECT_EQ(CheckInvariants(recording, truth), "");
  // The job came twice, the same but for its budget; its notes sound once.
  std::map<uint64_t, std::vector<v1::GenerationJob>> jobs;
  for (const JobSeen& seen : recording.jobs) {
    jobs[seen.job.play_seq()].push_back(seen.job);
  }
  ASSERT_EQ(jobs[4].size(), 2u);
  EXPECT_EQ(jobs[4][0].job_id(), jobs[4][1].job_id());
  EXPECT_EQ(jobs[4][0].seed(), jobs[4][1].seed());
  EXPECT_LT(jobs[4][1].budget_us(), jobs[4][0].budget_us());
  EXPECT_EQ(recording.bars[6].sent, recording.bars[6].notes);
}

TEST(Session, AnOutageCostsItsBarsAndNoMore) {
  NetworkScript network;
  // From bar 4 into bar 7, at two seconds a bar.
  const MonoTime down = StartPlus(absl::Milliseconds(8500));
  const MonoTime up = StartPlus(absl::Milliseconds(14500));
  network.troubles = {{Trouble::Kind::kDown, down, up}};
  const Recording recording = Play(FromTheStart(20, 6), network);
  ExpectWhole(recording, 13);
  EXPECT_GE(recording.CountBars(Outcome::kRepeat, Reason::kUnavailable), 2);
  EXPECT_EQ(recording.bars[15].outcome, Outcome::kAnswer);
}

TEST(Session, AFrozenServiceIsLeftAndFoundAgain) {
  NetworkScript network;
  network.troubles = {{Trouble::Kind::kFrozen,
                       StartPlus(absl::Milliseconds(8500)),
                       StartPlus(absl::Milliseconds(13500))}};
  const Recording recording = Play(FromTheStart(24, 6), network);
  const Truth truth(recording.host);
  EXPECT_EQ(CheckInvariants(recording, truth), "");
  const Liveness live = CheckLiveness(recording, truth);
  EXPECT_EQ(live.problem, "");
  EXPECT_GE(live.judged, 10);
}

TEST(Session, ARefusedJobFallsBackAtOnceAndSaysSo) {
  const Recording recording =
      Play(FromTheStart(8, 6), {}, {.fates = FateOf(3, {.refused = true})});
  ExpectWhole(recording, 4);
  EXPECT_EQ(recording.bars[5].outcome, Outcome::kRepeat);
  EXPECT_EQ(recording.bars[5].reason, Reason::kRefused);
}

TEST(Session, AJobThatIsNeverAnsweredIsCancelled) {
  const Recording recording =
      Play(FromTheStart(8, 6), {}, {.fates = FateOf(3, {.lost = true})});
  ExpectWhole(recording, 4);
  EXPECT_EQ(recording.bars[5].reason, Reason::kLate);
  ASSERT_EQ(recording.cancels.size(), 1u);
  EXPECT_EQ(recording.cancels[0], recording.jobs[3].job.job_id());
}

// The host stops while notes of an answer are between service and edge.
TEST(Session, AStopWhileAnAnswerIsUnderWayLeavesNothingOfIt) {
  for (int pulse = 0; pulse < 12; ++pulse) {
    SCOPED_TRACE(pulse);
    HostScript host = FromTheStart(3, 10);
    host.Play(pulse, 0);
    host.Stop();
    host.Wait(absl::Milliseconds(500));
    host.Start();
    host.PlayBars(4, 10);
    NetworkScript network;
    network.per_note = absl::Milliseconds(25);
    const Recording recording = Play(host, network);
    ExpectWhole(recording, pulse == 0 ? 1 : 2);
    if (pulse < 4) {
      EXPECT_GT(recording.counters.stale_replies, 0u);
      EXPECT_FALSE(recording.cancels.empty());
    }
  }
}

}  // namespace
}  // namespace antiphon::sim
