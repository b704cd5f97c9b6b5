// SPDX-License-Identifier: Apache-2.0
//
// The answerer with models of time base `bar`.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "inference/engine/fake_session.h"

namespace antiphon::inference {
namespace {

ModelInfo BarInfo() {
  ModelInfo info = FakeModel::DefaultInfo();
  info.time_base = TimeBase::kBar;
  info.segment_ms = 2 * kWarpedBarMs;
  return info;
}

// `bars` of context with a note each `step`; the last one is answered.
Job Steps(const Meter& meter, int bars, int64_t step, double tempo) {
  Job job;
  job.job_id = 1;
  job.human_meter = job.target_meter = meter;
  const int64_t length = meter.BarLength().count();
  for (int bar = 0; bar < bars; ++bar) {
    job.bar_lines.push_back(Ticks::Of(bar * length));
    for (int64_t tick = 0; tick + step <= length; tick += step) {
      job.notes.push_back(
          {.tick = Ticks::Of(bar * length + tick),
           .duration = Ticks::Of(step),
           .pitch = static_cast<uint8_t>(40 + (tick / step + bar) % 40),
           .velocity = 80});
    }
  }
  // Twice as fast from the middle of the second bar on.
  job.tempos = {{Ticks(), tempo}, {Ticks::Of(length + length / 2), 2 * tempo}};
  job.cut = Ticks::Of(bars * length);
  job.seed = 1;
  job.deadline = rt::Now() + absl::Seconds(30);
  return job;
}

// What a model says that repeats the bar before `line_ms`, a bar later.
TokenId Echo(absl::Span<const TokenId> history, int64_t line_ms) {
  const Vocabulary vocabulary(VocabularyKind::kDefault);
  Grammar grammar(vocabulary, 2 * kWarpedBarMs);
  std::vector<TimedNote> human;
  size_t answered = 0;
  for (const TokenId token : history) {
    if (grammar.Advance(token) != Grammar::Step::kNoteComplete) continue;
    const TimedNote& note = grammar.note();
    if (note.onset_ms >= line_ms) ++answered;
    if (note.onset_ms >= line_ms - kWarpedBarMs && note.onset_ms < line_ms) {
      human.push_back(note);
    }
  }
  if (answered == human.size()) return kEosToken;
  const TimedNote& next = human[answered];
  const int64_t onset =
      next.onset_ms + kWarpedBarMs - grammar.segment_start_ms();
  if (onset >= grammar.segment_ms()) return kTimeStepToken;
  if (grammar.expects() == Grammar::Expects::kEvent) {
    return vocabulary.InstrumentNoteId(0, next.pitch, next.velocity);
  }
  return grammar.expects() == Grammar::Expects::kDuration
             ? vocabulary.DurId(static_cast<int>(next.duration_ms))
             : vocabulary.OnsetId(static_cast<int>(onset));
}

std::unique_ptr<AriaAnswerer> Echoing(int64_t line_ms, int first_notes = 1) {
  auto answerer = AriaAnswerer::Create(
      std::make_unique<FakeModel>(
          BarInfo(),
          [line_ms](absl::Span<const TokenId> history,
                    absl::Span<float> logits) {
            logits[static_cast<size_t>(Echo(history, line_ms))] = 1000;
          }),
      first_notes);
  EXPECT_TRUE(answerer.ok()) << answerer.status();
  return *std::move(answerer);
}

TEST(AriaAnswererBars, AMelodyComesBackExactlyInEveryMeterAndTempo) {
  for (const Meter meter :
       {Meter{2, 4}, Meter{3, 4}, Meter{4, 4}, Meter{5, 4}, Meter{6, 8},
        Meter{7, 8}, Meter{9, 8}, Meter{12, 8}}) {
    for (const int64_t step : {240, 120, 160}) {
      for (const double tempo : {60, 90, 120, 180}) {
        SCOPED_TRACE(absl::StrCat(ToString(meter), " ", step, " ", tempo));
        for (int bars = 2; bars <= 3; ++bars) {
          const Job job = Steps(meter, bars, step, tempo);
          Collector sink;
          const JobEnd end = Echoing(bars * kWarpedBarMs)->Answer(job, sink);
          EXPECT_EQ(end.reason, EndReason::kComplete);
          std::vector<Note> wanted;
          for (Note note : job.notes) {
            if (note.tick < job.human_line()) continue;
            note.tick -= job.human_line();
            note.source = NoteSource::kAnswer;
            wanted.push_back(note);
          }
          EXPECT_EQ(sink.notes, wanted);
        }
      }
    }
  }
}

TEST(AriaAnswererBars, ThePromptKnowsNoTempoAndNoMeter) {
  const auto prompt = [](const Job& job) {
    const auto answerer = Echoing(2 * kWarpedBarMs);
    Collector sink;
    answerer->Answer(job, sink);
    return answerer->prompt();
  };
  const auto wanted = prompt(Steps({4, 4}, 2, 480, 60));
  EXPECT_EQ(prompt(Steps({4, 4}, 2, 480, 171)), wanted);
  // Four beats of any length.
  EXPECT_EQ(prompt(Steps({12, 8}, 2, 720, 120)), wanted);
  // Two bars of context: the answer begins a segment, and its <T> is forced.
  EXPECT_EQ(wanted.back(), kTimeStepToken);
}

// Three bars of `keys`, on the beats.
Job ThreeTimes(const std::vector<uint8_t>& keys) {
  Job job = Steps({4, 4}, 3, 480, 120);
  job.notes.clear();
  for (int64_t bar = 0; bar < 3; ++bar) {
    for (size_t beat = 0; beat < keys.size(); ++beat) {
      const auto tick = bar * 1920 + static_cast<int64_t>(beat) * 480;
      job.notes.push_back({Ticks::Of(tick), Ticks::Of(480), keys[beat], 80});
    }
  }
  return job;
}

using Strikes = std::vector<std::pair<int64_t, int>>;  // ticks, keys

// By a model that says nothing else than that bar for as long as it may.
Strikes AnswerTo(const Job& job, int first_notes = 1) {
  Collector sink;
  Echoing(3 * kWarpedBarMs, first_notes)->Answer(job, sink);
  Strikes strikes;
  for (const Note& note : sink.notes) {
    strikes.emplace_back(note.tick.count(), note.pitch);
  }
  return strikes;
}

TEST(AriaAnswererBars, ABarPlayedTwiceIsNotPlayedAThirdTime) {
  const Strikes bar = {{0, 60}, {480, 61}, {960, 62}, {1440, 63}};
  for (const int first_notes : {1, 3}) {
    Job job = ThreeTimes({60, 61, 62, 63});
    const Strikes left = AnswerTo(job, first_notes);
    ASSERT_GE(left.size(), 3);
    EXPECT_TRUE(std::equal(bar.begin(), bar.begin() + 3, left.begin()));
    EXPECT_TRUE(left.size() == 3 || left[3] != bar[3]);
    // Bars that are not quite the same are none that one is stuck in.
    job.notes[4].pitch = 59;
    EXPECT_EQ(AnswerTo(job, first_notes), bar);
  }
  const Strikes left = AnswerTo(ThreeTimes({60}));
  EXPECT_TRUE(left.empty() || left.front().second != 60);
}

// Models in true time learnt from playing, and read it as it is.
TEST(AriaAnswererBars, OnlyBarsAreReadAsTheyWereMeant) {
  const Vocabulary vocabulary(VocabularyKind::kDefault);
  const Job written = Steps(Meter{4, 4}, 3, 240, 90);
  Job played = written;
  constexpr int64_t kOff[] = {13, -9, -4};
  for (size_t i = 0; i < played.notes.size(); ++i) {
    played.notes[i].tick += Ticks::Of(kOff[i % 3]);
  }
  const auto read = [&](const Job& job, const ModelInfo& model) {
    return PromptOf(job, vocabulary, model, 1000)->tokens;
  };
  EXPECT_EQ(read(played, BarInfo()), read(written, BarInfo()));
  EXPECT_NE(read(played, FakeModel::DefaultInfo()),
            read(written, FakeModel::DefaultInfo()));
}

TEST(AriaAnswererBars, APickupKeepsTheBeatAndIsReadAsTheEndOfABar) {
  // One beat, then two bars; and the same behind three beats of silence.
  Job pickup = Steps({4, 4}, 3, 480, 120);
  pickup.notes.erase(pickup.notes.begin(), pickup.notes.begin() + 3);
  Job padded = pickup;
  const Ticks silence = Ticks::Of(3 * 480);
  for (Note& note : pickup.notes) note.tick -= silence;
  for (Ticks& line : pickup.bar_lines) line -= silence;
  pickup.bar_lines.front() = Ticks();
  pickup.cut -= silence;
  pickup.origin_meter = Meter{4, 4};
  Collector with, without;
  const auto answerer = Echoing(3 * kWarpedBarMs);
  answerer->Answer(pickup, with);
  const std::vector<TokenId> prompt = answerer->prompt();
  answerer->Answer(padded, without);
  EXPECT_EQ(answerer->prompt(), prompt);
  EXPECT_EQ(with.notes, without.notes);
}

TEST(AriaAnswererBars, ABarOfUnisonsIsNoLongerThanOne) {
  Job job = Steps({4, 4}, 2, 480, 120);
  for (int i = 0; i < 400; ++i) job.notes.push_back(job.notes.back());
  Collector sink;
  const JobEnd end = Echoing(2 * kWarpedBarMs)->Answer(job, sink);
  EXPECT_EQ(end.context_bars, 2u);
  EXPECT_EQ(end.prompt_tokens, 2u + 3 * 8);
}

TEST(AriaAnswererBars, KeysThatNoPianoHasAreNotRead) {
  Job job = Steps({4, 4}, 2, 480, 120);
  const auto answerer = Echoing(2 * kWarpedBarMs);
  Collector without, with;
  answerer->Answer(job, without);
  const std::vector<TokenId> prompt = answerer->prompt();
  for (const int pitch : {20, 109}) {
    Note beyond = job.notes.front();
    beyond.pitch = static_cast<uint8_t>(pitch);
    job.notes.insert(job.notes.begin(), beyond);
  }
  answerer->Answer(job, with);
  EXPECT_EQ(answerer->prompt(), prompt);
  EXPECT_EQ(with.notes, without.notes);
  for (const int pitch : {21, 108}) {
    job.notes.front().pitch = static_cast<uint8_t>(pitch);
    Collector sink;
    answerer->Answer(job, sink);
    EXPECT_EQ(answerer->prompt().size(), prompt.size() + 3);
  }
}

TEST(AriaAnswererBars, TheAnswerFillsTheTargetsMeter) {
  Job job = Steps({4, 4}, 2, 480, 120);
  job.target_meter = {3, 4};
  Collector sink;
  Echoing(2 * kWarpedBarMs)->Answer(job, sink);
  ASSERT_EQ(sink.notes.size(), 4u);
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(sink.notes[i].tick.count(), static_cast<int64_t>(i) * 360);
    EXPECT_EQ(sink.notes[i].duration.count(), 360);
  }
}

}  // namespace
}  // namespace antiphon::inference
