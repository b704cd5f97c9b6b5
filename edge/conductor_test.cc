// SPDX-License-Identifier: Apache-2.0
//
// One bar through the conductor, row by row as in docs/architecture.md. What is
// before it and behind it is played by the test: the port, the service and the
// playback thread.
#include "edge/conductor.h"

#include <gtest/gtest.h>

#include <deque>
#include <vector>

namespace antiphon::edge {
namespace {

// Takes jobs and reports, gives the answers that it was told to give.
class FakeAccompanist : public Accompanist {
 public:
  bool Post(const AccompanistCommand& command) override {
    switch (command.kind) {
      case AccompanistCommand::Kind::kJob:
        jobs.push_back(command.job);
        break;
      case AccompanistCommand::Kind::kCancel:
        cancels.push_back(command.cancel);
        break;
      case AccompanistCommand::Kind::kReport:
        reports.push_back(command.report);
        break;
    }
    return true;
  }
  bool Poll(Reply& reply) override {
    if (replies.empty()) return false;
    reply = replies.front();
    replies.pop_front();
    return true;
  }

  std::vector<Job> jobs;
  std::vector<JobId> cancels;
  std::vector<BarReport> reports;
  std::deque<Reply> replies;
};

class FakeObserver : public SessionObserver {
 public:
  void OnBar(const BarRecord& record) override { bars.push_back(record); }

  std::vector<BarRecord> bars;
};

// 120 quarter notes a minute in 4/4, counted in beats from START: bar 1 begins
// with beat 4.
class ConductorTest : public ::testing::Test {
 protected:
  ConductorTest() { conductor_.Push({At(0), MidiMessage::Start()}); }

  static MonoTime At(double beat) {
    return MonoTime::FromNanos(1'000'000'000) + beat * absl::Milliseconds(500);
  }
  void Key(double on, double off, int pitch) {
    conductor_.Push({At(on), MidiMessage::NoteOn(0, pitch, 80)});
    conductor_.Push({At(off), MidiMessage::NoteOff(0, pitch)});
  }
  // Clocks come, and the conductor's thread looks at each.
  void RunTo(double beat) {
    for (; At(pulse_ / 24.0) <= At(beat); ++pulse_) {
      conductor_.Push({At(pulse_ / 24.0), MidiMessage::Clock()});
      conductor_.AdvanceTo(At(pulse_ / 24.0) + absl::Milliseconds(2));
    }
  }
  std::vector<PlaybackCommand> Commands() {
    std::vector<PlaybackCommand> commands;
    PlaybackCommand command;
    while (to_playback_.TryPop(command)) commands.push_back(command);
    return commands;
  }

  FakeAccompanist accompanist_;
  FakeObserver observer_;
  SpscRing<PlaybackCommand> to_playback_{64};
  SpscRing<Telemetry> from_playback_{64};
  LatestValue<Timeline> timeline_;
  Conductor conductor_{{},         &accompanist_,   &to_playback_,
                       &timeline_, &from_playback_, &observer_};
  int pulse_ = 0;
};

TEST_F(ConductorTest, FollowsOneBarFromTheKeysToItsRecord) {
  // Rows 1 to 3: in bar 0 the player strikes C with beat 1, for half a beat.
  Key(1, 1.5, 60);
  RunTo(3.9);
  EXPECT_TRUE(accompanist_.jobs.empty());

  // Row 4: at the line the bar is a job. Its answer sounds in bar 2 and must
  // be there 5 ms before that begins.
  RunTo(4);
  ASSERT_EQ(accompanist_.jobs.size(), 1u);
  const Job job = accompanist_.jobs[0];
  EXPECT_EQ(job.play_seq, 0u);
  EXPECT_EQ(job.target_play_seq, 2u);
  EXPECT_EQ(job.cut, Ticks::Of(1920));
  EXPECT_NEAR(absl::ToDoubleMilliseconds(At(8) - job.cutoff), 5, 0.1);
  ASSERT_EQ(job.context.note_count, 1);
  EXPECT_EQ(job.context.notes[0].tick, Ticks::Of(480));
  EXPECT_EQ(job.context.notes[0].duration, Ticks::Of(240));
  EXPECT_EQ(job.context.notes[0].pitch, 60);

  // Rows 5 to 7 are the service's: with beat 5 it answers, D on the offbeat.
  Reply reply{.at = At(5), .job_id = job.id, .epoch = job.epoch};
  reply.note_count = 1;
  reply.notes[0].note = {.tick = Ticks::Of(240),
                         .duration = Ticks::Of(100),
                         .pitch = 62,
                         .velocity = 70};
  reply.done = true;
  reply.end_reason = EndReason::kComplete;
  accompanist_.replies.push_back(reply);

  // Row 8: the note goes to playback at once, for bar 2.
  RunTo(5.1);
  const std::vector<PlaybackCommand> commands = Commands();
  ASSERT_EQ(commands.size(), 1u);
  EXPECT_EQ(commands[0].epoch, job.epoch);
  EXPECT_EQ(commands[0].play_seq, 2u);
  EXPECT_EQ(commands[0].tick, Ticks::Of(240));
  EXPECT_EQ(commands[0].duration, Ticks::Of(100));
  EXPECT_EQ(commands[0].pitch, 62);

  // Row 9: playback turns ticks into time by the timeline, and tells what it
  // has sent.
  RunTo(8.5);
  const Timeline& timeline = timeline_.Read();
  const MonoTime due = timeline.TimeAt(timeline.Bar(2)->begin + Ticks::Of(240));
  EXPECT_NEAR(absl::ToDoubleMilliseconds(due - At(8.5)), 0, 0.1);
  from_playback_.TryPush({.kind = Telemetry::Kind::kNoteOn,
                          .epoch = job.epoch,
                          .play_seq = 2,
                          .due = due,
                          .sent = due + absl::Microseconds(30)});

  // Row 10: when bar 2 is over, what sounded in it is told, and reported.
  RunTo(12.2);
  ASSERT_EQ(observer_.bars.size(), 3u);
  EXPECT_EQ(observer_.bars[1].reason, Reason::kWarmUp);
  const BarRecord& bar = observer_.bars[2];
  EXPECT_EQ(bar.play_seq, 2u);
  EXPECT_EQ(bar.answers, 0u);
  EXPECT_EQ(bar.outcome, Outcome::kAnswer);
  EXPECT_EQ(bar.reason, Reason::kInTime);
  EXPECT_EQ(bar.notes, 1);
  EXPECT_EQ(bar.sent, 1);
  EXPECT_NEAR(*bar.slack_ms, 1500 - 5, 0.1);
  EXPECT_NEAR(*bar.first_note_error_us, 30, 0.1);
  ASSERT_EQ(accompanist_.reports.size(), 3u);
  EXPECT_EQ(accompanist_.reports[2].outcome, Outcome::kAnswer);
}

TEST_F(ConductorTest, WithoutAnAnswerTheBarIsSilentAndTheJobCalledOff) {
  Key(1, 1.5, 60);
  accompanist_.replies.push_back(
      {.kind = Reply::Kind::kConnected, .at = At(0)});
  RunTo(7.9);
  EXPECT_TRUE(accompanist_.cancels.empty());
  RunTo(8);
  ASSERT_EQ(accompanist_.cancels.size(), 1u);
  EXPECT_EQ(accompanist_.cancels[0], accompanist_.jobs[0].id);
  RunTo(12.2);
  EXPECT_TRUE(Commands().empty());
  ASSERT_EQ(observer_.bars.size(), 3u);
  EXPECT_EQ(observer_.bars[2].outcome, Outcome::kSilence);
  EXPECT_EQ(observer_.bars[2].reason, Reason::kLate);
}

}  // namespace
}  // namespace antiphon::edge
