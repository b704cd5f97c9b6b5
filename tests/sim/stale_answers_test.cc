// SPDX-License-Identifier: Apache-2.0
//
// Answers that come when nobody wants them any more: for an epoch that is over,
// or after their cutoff. They never sound, and they are counted.
#include <gtest/gtest.h>

#include <algorithm>
#include <utility>

#include "tests/sim/checkers.h"
#include "tests/sim/sim_world.h"

namespace antiphon::sim {
namespace {

constexpr PlaySeq kBar = 4;  // its answer is the stale one

// The service takes its time for that bar, and lets nobody call it off.
Recording PlayWith(const HostScript& host, absl::Duration delay) {
  return Play(
      host, {}, {.fates = [delay](const inference::Job& job) {
        return job.play_seq == kBar
                   ? std::optional(Fate{.delay = delay, .stubborn = true})
                   : std::nullopt;
      }});
}

// Bars 0 to 4, and a little of bar 5. 120 quarter notes a minute.
HostScript IntoBarFive() {
  HostScript host({.seed = 3});
  host.Start();
  host.PlayBars(kBar + 1, 8);
  host.Play(30, 2);
  return host;
}

struct Arrived {
  uint64_t replies = 0;
  uint64_t notes = 0;
};

// Of the answer, as the edge saw it.
Arrived AnswersTo(const Recording& recording, PlaySeq bar) {
  Arrived arrived;
  for (const edge::Reply& reply : recording.replies) {
    if (reply.kind != edge::Reply::Kind::kChunk || reply.play_seq != bar ||
        reply.epoch != 1) {
      continue;
    }
    ++arrived.replies;
    arrived.notes += static_cast<uint64_t>(reply.note_count);
  }
  return arrived;
}

void ExpectNothingOfItSounds(const Recording& recording) {
  EXPECT_EQ(CheckInvariants(recording, Truth(recording.host)), "");
  for (const Planned& plan : recording.planned) {
    EXPECT_FALSE(plan.command.epoch == 1 && plan.command.play_seq == kBar + 2);
  }
  // A new epoch is silent until its first answer.
  for (const edge::BarRecord& bar : recording.bars) {
    EXPECT_TRUE(bar.reason != Reason::kWarmUp || bar.sent == 0) << bar.play_seq;
  }
}

TEST(StaleAnswers, OfAnEpochThatAStopEndedAreCounted) {
  for (const int ms : {700, 1500, 2500, 5000, 9000}) {
    SCOPED_TRACE(ms);
    HostScript host = IntoBarFive();
    host.Stop();
    host.Wait(absl::Milliseconds(500));
    host.Start();
    host.PlayBars(5, 8);
    const Recording recording = PlayWith(host, absl::Milliseconds(ms));
    ExpectNothingOfItSounds(recording);
    const Arrived arrived = AnswersTo(recording, kBar);
    ASSERT_GT(arrived.notes, 3u);
    EXPECT_EQ(recording.counters.stale_replies, arrived.replies);
    EXPECT_EQ(recording.counters.late_notes, 0u);
  }
}

TEST(StaleAnswers, OfAnEpochThatAJumpEndedAreCounted) {
  for (const int ms : {700, 1500, 2500, 5000}) {
    SCOPED_TRACE(ms);
    HostScript host = IntoBarFive();
    host.Locate(64);
    host.PlayBars(5, 8);
    const Recording recording = PlayWith(host, absl::Milliseconds(ms));
    ExpectNothingOfItSounds(recording);
    EXPECT_EQ(recording.counters.stale_replies,
              AnswersTo(recording, kBar).replies);
    EXPECT_GT(recording.counters.stale_replies, 0u);
  }
}

TEST(StaleAnswers, OfAnEpochThatALostClockEndedAreCounted) {
  HostScript host = IntoBarFive();
  host.Wait(absl::Seconds(1));
  host.PlayBars(5, 8);
  const Recording recording = PlayWith(host, absl::Seconds(2));
  ExpectNothingOfItSounds(recording);
  EXPECT_EQ(recording.counters.stale_replies,
            AnswersTo(recording, kBar).replies);
  EXPECT_GT(recording.counters.stale_replies, 0u);
}

// While the bar sounds its notes are late; when it is over, nobody knows it.
TEST(StaleAnswers, AfterTheirCutoffAreCounted) {
  for (const int ms : {2000, 3000, 5000}) {
    SCOPED_TRACE(ms);
    HostScript host = IntoBarFive();
    host.PlayBars(6, 8);
    const Recording recording = PlayWith(host, absl::Milliseconds(ms));
    EXPECT_EQ(CheckInvariants(recording, Truth(host)), "");
    const edge::BarRecord& bar = recording.bars[kBar + 2];
    EXPECT_EQ(bar.outcome, Outcome::kRepeat);
    EXPECT_EQ(bar.reason, Reason::kLate);
    const Arrived arrived = AnswersTo(recording, kBar);
    ASSERT_GT(arrived.notes, 3u);
    const bool over = ms == 5000;
    EXPECT_EQ(recording.counters.late_notes, over ? 0u : arrived.notes);
    EXPECT_EQ(recording.counters.stale_replies, over ? arrived.replies : 0u);
  }
}

// The first notes are in time; of the others each has its own cutoff.
TEST(StaleAnswers, NotesBehindTheirOwnCutoffAreCountedAndTheOthersSound) {
  HostScript host = IntoBarFive();
  host.PlayBars(4, 8);
  NetworkScript network;
  network.per_note = absl::Milliseconds(450);
  const Recording recording = Play(host, network);
  EXPECT_EQ(CheckInvariants(recording, Truth(host)), "");
  EXPECT_GT(recording.counters.late_notes, 0u);
  uint64_t planned = 0;
  uint64_t answered = 0;
  for (const edge::BarRecord& bar : recording.bars) {
    if (bar.outcome != Outcome::kAnswer) continue;
    planned += static_cast<uint64_t>(bar.notes);
    answered += AnswersTo(recording, *bar.answers).notes;
  }
  EXPECT_GT(planned, 5u);
  EXPECT_LT(planned, answered);
}

}  // namespace
}  // namespace antiphon::sim
