// SPDX-License-Identifier: Apache-2.0
//
// The answer's pitches on their way from the reply to playback.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <vector>

#include "edge/conductor.h"

namespace antiphon::edge {
namespace {

using ::testing::ElementsAre;

// Answers the first job with three notes.
class ThreeNotes : public Accompanist {
 public:
  bool Post(const AccompanistCommand& command) override {
    if (command.kind != AccompanistCommand::Kind::kJob || reply_) return true;
    reply_.emplace();
    reply_->at = command.job.cutoff - absl::Seconds(1);
    reply_->job_id = command.job.id;
    reply_->epoch = command.job.epoch;
    for (uint8_t pitch : {uint8_t{2}, uint8_t{60}, uint8_t{125}}) {
      Reply::AnswerNote& note =
          reply_->notes[static_cast<size_t>(reply_->note_count++)];
      note.index = static_cast<uint32_t>(reply_->note_count - 1);
      note.note = {.tick = Ticks::Of(100),
                   .duration = Ticks::Of(10),
                   .pitch = pitch,
                   .velocity = 80};
    }
    reply_->done = true;
    reply_->end_reason = EndReason::kComplete;
    return true;
  }
  bool Poll(Reply& reply) override {
    if (!reply_ || given_) return false;
    reply = *reply_;
    return given_ = true;
  }

 private:
  std::optional<Reply> reply_;
  bool given_ = false;
};

std::vector<int> PitchesPlayed(int transpose) {
  ThreeNotes accompanist;
  SpscRing<PlaybackCommand> commands(64);
  SpscRing<Telemetry> telemetry(64);
  LatestValue<Timeline> timeline;
  SessionObserver nobody;
  Conductor::Options options;
  options.transpose = transpose;
  Conductor conductor(options, &accompanist, &commands, &timeline, &telemetry,
                      &nobody);
  MonoTime now = MonoTime::FromNanos(1'000'000'000);
  conductor.Push({now, MidiMessage::Start()});
  for (int pulse = 0; pulse < 24 * 4 * 3; ++pulse) {
    now = now + absl::Milliseconds(500) / 24;
    conductor.Push({now, MidiMessage::Clock()});
    if (pulse == 30) conductor.Push({now, MidiMessage::NoteOn(0, 60, 80)});
    conductor.AdvanceTo(now + absl::Milliseconds(2));
  }
  std::vector<int> pitches;
  PlaybackCommand command;
  while (commands.TryPop(command)) pitches.push_back(command.pitch);
  return pitches;
}

TEST(Transpose, MovesTheAnswerAndFoldsWhatLeavesTheKeyboard) {
  EXPECT_THAT(PitchesPlayed(0), ElementsAre(2, 60, 125));
  EXPECT_THAT(PitchesPlayed(-7), ElementsAre(7, 53, 118));
  EXPECT_THAT(PitchesPlayed(12), ElementsAre(14, 72, 125));
  EXPECT_THAT(PitchesPlayed(24), ElementsAre(26, 84, 125));
}

}  // namespace
}  // namespace antiphon::edge
