// SPDX-License-Identifier: Apache-2.0
//
// Each checker catches its defect: a recorded run in which all is well, one
// thing changed in a copy.
#include "tests/sim/checkers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <utility>

#include "tests/sim/liveness.h"
#include "tests/sim/sim_world.h"

namespace antiphon::sim {
namespace {

using ::testing::HasSubstr;

// Ten bars of answers, a stop, ten more.
const Recording& Good() {
  static const Recording* const good = [] {
    HostScript host({.seed = 9});
    host.Start();
    host.PlayBars(10, 6);
    host.Play(50, 6);
    host.Stop();
    host.Wait(absl::Milliseconds(400));
    host.Start();
    host.PlayBars(10, 6);
    NetworkScript network;
    network.troubles = {{Trouble::Kind::kDown,
                         MonoTime::FromNanos(9'007'000'000),
                         MonoTime::FromNanos(9'060'000'000)}};
    return new Recording(Play(host, network));
  }();
  return *good;
}

// A message of the port; `nth` of its kind within bar `bar`.
Sent& OnOf(Recording& recording, PlaySeq bar, int nth = 0) {
  for (Sent& s : recording.sent) {
    if (s.message.IsNoteOn() && s.play_seq == bar && nth-- == 0) return s;
  }
  ADD_FAILURE() << "no such note";
  return recording.sent.front();
}

Planned& PlanOf(Recording& recording, const Sent& sent) {
  return *std::find_if(recording.planned.begin(), recording.planned.end(),
                       [&](const Planned& plan) {
                         return plan.command.play_seq == sent.play_seq &&
                                plan.command.epoch == sent.epoch &&
                                plan.command.note == sent.note;
                       });
}

class Checkers : public ::testing::Test {
 protected:
  Checkers() : recording_(Good()), truth_(recording_.host) {}

  Recording recording_;
  const Truth truth_;
};

TEST_F(Checkers, FindNothingWhereAllIsWell) {
  EXPECT_EQ(CheckInvariants(recording_, truth_), "");
  const Liveness live = CheckLiveness(recording_, truth_);
  EXPECT_EQ(live.problem, "");
  EXPECT_EQ(live.judged, 8 + 7);
}

// ---- Notes paired ----

TEST_F(Checkers, ANoteThatHangs) {
  while (!recording_.sent.back().message.IsNoteOff())
    recording_.sent.pop_back();
  recording_.sent.pop_back();
  EXPECT_THAT(CheckNotesPaired(recording_), HasSubstr("hangs"));
}

TEST_F(Checkers, AKeyStruckTwice) {
  const auto first = recording_.sent.begin();
  ASSERT_TRUE(first->message.IsNoteOn());
  recording_.sent.insert(first + 1, Sent(*first));
  EXPECT_THAT(CheckNotesPaired(recording_), HasSubstr("struck twice"));
}

TEST_F(Checkers, AnOffWithoutAnOn) {
  recording_.sent.erase(recording_.sent.begin());
  EXPECT_THAT(CheckNotesPaired(recording_), HasSubstr("without being struck"));
}

// ---- Time order ----

TEST_F(Checkers, ASendTimeThatGoesBack) {
  recording_.sent[5].at = recording_.sent[6].at + absl::Nanoseconds(1);
  EXPECT_THAT(CheckTimeOrder(recording_), HasSubstr("goes back"));
}

// ---- One outcome per bar ----

TEST_F(Checkers, ABarToldTwice) {
  recording_.bars.push_back(recording_.bars.back());
  EXPECT_NE(CheckOneOutcomePerBar(recording_), "");
}

TEST_F(Checkers, ABarNeverTold) {
  recording_.bars.pop_back();
  EXPECT_THAT(CheckOneOutcomePerBar(recording_), HasSubstr("begun"));
}

TEST_F(Checkers, ABarToldOfAnotherEpoch) {
  ++recording_.bars[4].epoch;
  EXPECT_THAT(CheckOneOutcomePerBar(recording_), HasSubstr("epoch"));
}

// ---- Records ----

TEST_F(Checkers, ARecordThatCountsWrong) {
  --recording_.bars[3].sent;
  EXPECT_THAT(CheckRecordsTellWhatSounded(recording_), HasSubstr("bar 3"));
}

TEST_F(Checkers, ARestThatSounds) {
  recording_.bars[3].outcome = Outcome::kRest;
  EXPECT_THAT(CheckRecordsTellWhatSounded(recording_), HasSubstr("is rest"));
}

// ---- Planned by the cutoff ----

TEST_F(Checkers, ANotePlannedAfterItsCutoff) {
  const Sent& late = OnOf(recording_, 3, 2);
  PlanOf(recording_, late).at = late.due - absl::Milliseconds(2);
  EXPECT_THAT(CheckNothingPlannedLate(recording_, truth_),
              HasSubstr("was planned"));
}

TEST_F(Checkers, ABarPlannedAfterItsCutoff) {
  const MonoTime line = recording_.begun[3].line;
  for (Planned& plan : recording_.planned) {
    if (plan.command.play_seq == 3) plan.at = line;
  }
  EXPECT_THAT(CheckNothingPlannedLate(recording_, truth_),
              HasSubstr("was planned"));
}

TEST_F(Checkers, AnAnswerThatMissedItsCutoff) {
  recording_.bars[3].slack_ms = -0.1;
  EXPECT_THAT(CheckNothingPlannedLate(recording_, truth_),
              HasSubstr("after its cutoff"));
}

TEST_F(Checkers, ANoteThatNobodyPlanned) {
  OnOf(recording_, 3).note = 77;
  EXPECT_THAT(CheckNothingPlannedLate(recording_, truth_),
              HasSubstr("never planned"));
}

// ---- Duplicates ----

TEST_F(Checkers, OneNoteTwice) {
  OnOf(recording_, 3, 1).note = OnOf(recording_, 3, 0).note;
  EXPECT_THAT(CheckNoDuplicates(recording_), HasSubstr("sounds twice"));
}

TEST_F(Checkers, OneStrokeAsTwoNotes) {
  const Sent first = OnOf(recording_, 3, 0);
  Sent again = first;
  again.note = 78;
  Planned plan = PlanOf(recording_, first);
  plan.command.note = 78;
  recording_.planned.push_back(plan);
  recording_.sent.push_back(again);
  EXPECT_THAT(CheckNoDuplicates(recording_), HasSubstr("more often"));
}

// ---- On time ----

TEST_F(Checkers, ANoteBeyondTheGrace) {
  Sent& sent = OnOf(recording_, 3);
  sent.at = sent.due + absl::Milliseconds(21);
  EXPECT_THAT(CheckOnTime(recording_), HasSubstr("was sent"));
}

TEST_F(Checkers, ANoteBeforeItsTime) {
  Sent& sent = OnOf(recording_, 3);
  sent.at = sent.due - absl::Nanoseconds(1);
  EXPECT_THAT(CheckOnTime(recording_), HasSubstr("was sent"));
}

TEST_F(Checkers, ALateNoteThatIsToldAsDueLater) {
  Sent& sent = OnOf(recording_, 3);
  ASSERT_TRUE(sent.placed);
  sent.at = sent.due = sent.due + absl::Milliseconds(30);
  EXPECT_THAT(CheckOnTime(recording_), HasSubstr("playback says"));
}

// ---- In its bar ----

TEST_F(Checkers, ANoteBeyondItsBarsEnd) {
  OnOf(recording_, 3).length = Ticks::Of(1);
  PlanOf(recording_, OnOf(recording_, 3)).command.tick = Ticks::Of(1);
  EXPECT_THAT(CheckSentInBar(recording_, truth_), HasSubstr("its bar has"));
}

TEST_F(Checkers, ANoteInTheNextBar) {
  Sent& sent = OnOf(recording_, 3);
  sent.at = sent.due = sent.at + absl::Seconds(4);
  EXPECT_THAT(CheckSentInBar(recording_, truth_), HasSubstr("outside"));
}

// ---- Old epochs ----

TEST_F(Checkers, ANoteOfAnOlderEpoch) {
  const Sent& sent = OnOf(recording_, recording_.bars.back().play_seq);
  PlanOf(recording_, sent).at = MonoTime::FromNanos(20'000'000'000);
  EXPECT_THAT(CheckNoOldEpoch(recording_, truth_), HasSubstr("a break was"));
}

// ---- Silence ----

TEST_F(Checkers, ANoteWhileTheHostStandsStill) {
  Sent sent = recording_.sent.front();
  sent.at = truth_.stopped().front().told + absl::Milliseconds(60);
  recording_.sent.push_back(sent);
  EXPECT_THAT(CheckSilentWhileStopped(recording_, truth_), HasSubstr("begins"));
}

// ---- Nothing rings on ----

TEST_F(Checkers, ANoteThatRingsOnAfterAStop) {
  const MonoTime stop = truth_.stopped().front().told;
  const auto off = std::find_if(recording_.sent.begin(), recording_.sent.end(),
                                [&](const Sent& s) { return s.at > stop; });
  ASSERT_TRUE(off->message.IsNoteOff());
  off->at = stop + absl::Milliseconds(100);
  EXPECT_EQ(CheckNothingRingsOn(recording_, truth_), "");
  off->at = stop + absl::Milliseconds(101);
  EXPECT_THAT(CheckNothingRingsOn(recording_, truth_), HasSubstr("rings on"));
}

// The recorded run of such a host, and the last note that its break ended.
Recording Broken(void (*breaks)(HostScript&)) {
  HostScript host({.seed = 9});
  host.Start();
  host.PlayBars(5, 6);
  // The answer to a bar of long notes is cut off.
  for (int i = 0; i < 2; ++i) {
    host.Key(host.now() + absl::Milliseconds(10),
             host.now() + absl::Milliseconds(1990), 100 + i, 90);
    host.PlayBar(0);
  }
  host.Clocks(50);
  breaks(host);
  host.PlayBars(3, 0);
  return Play(host, {});
}

void ExpectRingingCaught(const Recording& good, absl::Duration within) {
  const Truth truth(good.host);
  EXPECT_EQ(CheckInvariants(good, truth), "");
  const auto off =
      std::find_if(good.sent.begin(), good.sent.end(), [](const Sent& s) {
        return s.message.IsNoteOff() && s.message.pitch() == 100;
      });
  ASSERT_NE(off, good.sent.end());
  Recording bad = good;
  Sent& late = bad.sent[static_cast<size_t>(off - good.sent.begin())];
  late.at = late.at + within;
  EXPECT_THAT(CheckNothingRingsOn(bad, truth), HasSubstr("rings on"));
}

TEST(NothingRingsOn, AfterAJump) {
  ExpectRingingCaught(Broken([](HostScript& host) { host.Locate(7); }),
                      absl::Milliseconds(101));
}

TEST(NothingRingsOn, AfterTheFreewheelOfAClockThatIsLost) {
  ExpectRingingCaught(
      Broken([](HostScript& host) { host.Wait(absl::Seconds(2)); }),
      absl::Milliseconds(101));
}

// ---- The wire ----

TEST_F(Checkers, AComplaint) {
  recording_.complaints.push_back("what is this");
  EXPECT_EQ(CheckWire(recording_), "what is this");
}

TEST_F(Checkers, AJobThatComesAgainAnother) {
  // One was sent again after the stream had broken.
  const auto again =
      std::adjacent_find(recording_.jobs.begin(), recording_.jobs.end(),
                         [](const JobSeen& a, const JobSeen& b) {
                           return a.job.job_id() == b.job.job_id();
                         });
  ASSERT_NE(again, recording_.jobs.end());
  v1::GenerationJob& second = (again + 1)->job;
  const int64_t budget = second.budget_us();
  second.set_budget_us(again->job.budget_us() + 1);
  EXPECT_THAT(CheckWire(recording_), HasSubstr("with more time"));
  second.set_budget_us(budget);
  second.set_seed(second.seed() + 1);
  EXPECT_THAT(CheckWire(recording_), HasSubstr("again changed"));
}

TEST_F(Checkers, AReportOfWhatDidNotHappen) {
  ASSERT_FALSE(recording_.reports.empty());
  recording_.reports.back().set_sent(99);
  EXPECT_THAT(CheckWire(recording_), HasSubstr("not what happened"));
}

// ---- Jobs ----

TEST_F(Checkers, AJobThatNeitherEndsNorIsCalledOff) {
  const edge::JobId job = recording_.asked[5].job;
  std::erase_if(recording_.replies,
                [job](const auto& r) { return r.job_id == job && r.done; });
  EXPECT_THAT(CheckNoJobLeftOpen(recording_), HasSubstr("never called off"));
  recording_.called_off.push_back(job);
  EXPECT_EQ(CheckNoJobLeftOpen(recording_), "");
}

TEST_F(Checkers, AJobThatTheServiceIsNotToldOf) {
  recording_.left_open.push_back(7);
  EXPECT_THAT(CheckNoJobLeftOpen(recording_), HasSubstr("at the service"));
}

// ---- What is told of bars ----

class OutcomesTest : public Checkers {
 protected:
  // What is found when bar `seq` is told so.
  std::string Told(PlaySeq seq, Outcome outcome, Reason reason) {
    Recording copy = recording_;
    copy.bars[seq].outcome = outcome;
    copy.bars[seq].reason = reason;
    return CheckOutcomes(copy, truth_);
  }
  // The replies to the job of bar `seq`, changed by `change`.
  template <typename Change>
  void ChangeReplies(PlaySeq seq, const Change& change) {
    for (edge::Reply& reply : recording_.replies) {
      if (reply.job_id != 0 && reply.play_seq == seq) change(reply);
    }
  }
};

TEST_F(OutcomesTest, AnAnswerThatIsToldAsAFailure) {
  EXPECT_EQ(CheckOutcomes(recording_, truth_), "");
  using enum Outcome;
  EXPECT_THAT(Told(4, kRepeat, Reason::kLate), HasSubstr("another answer"));
  EXPECT_THAT(Told(2, kRepeat, Reason::kLate), HasSubstr("nothing to repeat"));
  EXPECT_THAT(Told(2, kSilence, Reason::kLate), HasSubstr("was in time"));
  EXPECT_THAT(Told(2, kSilence, Reason::kUnavailable), HasSubstr("in time"));
  EXPECT_THAT(Told(2, kSilence, Reason::kRefused), HasSubstr("refused"));
  EXPECT_THAT(Told(2, kSilence, Reason::kInvalid), HasSubstr("invalid"));
  EXPECT_THAT(Told(2, kSilence, Reason::kCancelled), HasSubstr("cancelled"));
  EXPECT_THAT(Told(2, kSilence, Reason::kTimeout), HasSubstr("was answered"));
  EXPECT_THAT(Told(4, kSilence, Reason::kLate), HasSubstr("to repeat"));
}

TEST_F(OutcomesTest, ARestThatIsNone) {
  using enum Outcome;
  EXPECT_THAT(Told(4, kRest, Reason::kWarmUp), HasSubstr("is warm"));
  EXPECT_THAT(Told(4, kRest, Reason::kNoInput), HasSubstr("was input"));
  EXPECT_THAT(Told(4, kRest, Reason::kEmpty), HasSubstr("no empty answer"));
  EXPECT_THAT(Told(4, kRest, Reason::kCancelled), HasSubstr("nothing broke"));
}

TEST_F(OutcomesTest, AReasonThatBelongsToAnotherOutcome) {
  using enum Outcome;
  EXPECT_THAT(Told(4, kAnswer, Reason::kLate), HasSubstr("no reason"));
  EXPECT_THAT(Told(4, kRest, Reason::kInTime), HasSubstr("no reason"));
  EXPECT_THAT(Told(2, kSilence, Reason::kWarmUp), HasSubstr("no reason"));
}

TEST_F(OutcomesTest, AnAnswerThatNeverCame) {
  ChangeReplies(4, [](edge::Reply& reply) { reply.note_count = 0; });
  EXPECT_THAT(CheckOutcomes(recording_, truth_), HasSubstr("was answered"));
}

TEST_F(OutcomesTest, AnAnswerOfOtherNotes) {
  ChangeReplies(4, [](edge::Reply& reply) { reply.notes[0].note.pitch ^= 1; });
  EXPECT_THAT(CheckOutcomes(recording_, truth_), HasSubstr("another answer"));
}

TEST_F(OutcomesTest, ABarThatWasPlayedAndNeverAskedFor) {
  std::erase_if(recording_.asked,
                [](const Asked& asked) { return asked.answers == 4; });
  EXPECT_THAT(Told(6, Outcome::kRest, Reason::kNoInput),
              HasSubstr("the player played"));
}

TEST_F(OutcomesTest, ALateAnswerOfAServiceThatWasNotThere) {
  ChangeReplies(
      0, [](edge::Reply& reply) { reply.at = reply.at + absl::Seconds(9); });
  EXPECT_EQ(Told(2, Outcome::kSilence, Reason::kLate), "");
  EXPECT_THAT(Told(2, Outcome::kSilence, Reason::kUnavailable),
              HasSubstr("the service was there"));
}

// ---- Liveness ----

class LivenessTest : public Checkers {
 protected:
  std::string Problem() { return CheckLiveness(recording_, truth_).problem; }
  void EraseNote(const Sent& on) {
    const NoteSent note{on.epoch, on.play_seq, on.note};
    std::erase_if(recording_.sent, [&](const Sent& s) {
      return NoteSent{s.epoch, s.play_seq, s.note} == note;
    });
  }

 private:
  using NoteSent = std::tuple<Epoch, PlaySeq, uint32_t>;
};

TEST_F(LivenessTest, ANoteThatIsMissing) {
  EraseNote(OnOf(recording_, 4, 1));
  EXPECT_THAT(Problem(), HasSubstr("does not sound"));
}

TEST_F(LivenessTest, ANoteTwoTicksOff) {
  OnOf(recording_, 8).at = OnOf(recording_, 8).at + absl::Microseconds(2100);
  EXPECT_THAT(Problem(), HasSubstr("does not sound"));
}

TEST_F(LivenessTest, AnotherPitchOrVelocity) {
  Sent& sent = OnOf(recording_, 4);
  const MidiMessage message = sent.message;
  sent.message =
      MidiMessage::NoteOn(0, message.pitch(), message.velocity() % 127 + 1);
  EXPECT_THAT(Problem(), HasSubstr("does not sound"));
  sent.message =
      MidiMessage::NoteOn(0, message.pitch() + 1, message.velocity());
  EXPECT_THAT(Problem(), HasSubstr("does not sound"));
}

TEST_F(LivenessTest, ANoteTooLongOrTooShort) {
  for (const int ms : {-5, 5}) {
    recording_ = Good();
    const Sent on = OnOf(recording_, 8, 1);
    for (Sent& s : recording_.sent) {
      if (s.message.IsNoteOff() && s.play_seq == on.play_seq &&
          s.note == on.note) {
        s.at = s.at + absl::Milliseconds(ms);
      }
    }
    EXPECT_THAT(Problem(), HasSubstr("ends")) << ms;
  }
}

TEST_F(LivenessTest, ANoteThatNothingCallsFor) {
  const auto at = std::find_if(
      recording_.sent.begin(), recording_.sent.end(),
      [](const Sent& s) { return s.message.IsNoteOn() && s.play_seq == 5; });
  Sent extra = *at;
  extra.message = MidiMessage::NoteOn(0, 99, 50);
  extra.at = extra.at + absl::Milliseconds(30);
  recording_.sent.insert(at + 1, extra);
  EXPECT_THAT(Problem(), HasSubstr("nothing calls for it"));
}

TEST_F(LivenessTest, AnAnswerOneBarLate) {
  for (Sent& s : recording_.sent) s.at = s.at + absl::Seconds(2);
  EXPECT_NE(Problem(), "");
}

TEST_F(LivenessTest, ASilentBar) {
  std::erase_if(recording_.sent, [](const Sent& s) { return s.play_seq == 6; });
  EXPECT_THAT(Problem(), HasSubstr("does not sound"));
}

// What the edge says of itself is no excuse.
TEST_F(LivenessTest, NoRecordExcusesSilence) {
  recording_.bars[6].outcome = Outcome::kSilence;
  recording_.bars[6].reason = Reason::kUnavailable;
  std::erase_if(recording_.sent, [](const Sent& s) { return s.play_seq == 6; });
  EXPECT_THAT(Problem(), HasSubstr("does not sound"));
}

// But a service that was scripted to say nothing is one.
TEST_F(LivenessTest, ATroubleInTheScriptExcusesTheBarsItMeets) {
  const int before = CheckLiveness(recording_, truth_).judged;
  std::erase_if(recording_.sent, [](const Sent& s) { return s.play_seq == 6; });
  const MonoTime asked = recording_.begun[5].line;  // where bar 4 has ended
  recording_.network.troubles.push_back(
      {Trouble::Kind::kDeaf, asked, asked + absl::Milliseconds(1)});
  const Liveness live = CheckLiveness(recording_, truth_);
  EXPECT_EQ(live.problem, "");
  EXPECT_EQ(live.judged, before - 1);
}

// ---- The same bytes ----

TEST_F(Checkers, OneByteOrOneNanosecond) {
  EXPECT_TRUE(SameBytes(recording_, Good()));
  recording_.sent[3].at = recording_.sent[3].at + absl::Nanoseconds(1);
  EXPECT_FALSE(SameBytes(recording_, Good()));
  recording_ = Good();
  recording_.sent[3].message = MidiMessage::NoteOn(0, 1, 1);
  EXPECT_FALSE(SameBytes(recording_, Good()));
  recording_ = Good();
  recording_.sent.pop_back();
  EXPECT_FALSE(SameBytes(recording_, Good()));
}

}  // namespace
}  // namespace antiphon::sim
