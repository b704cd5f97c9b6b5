// SPDX-License-Identifier: Apache-2.0
#include "inference/engine/aria_answerer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "absl/strings/str_cat.h"
#include "common/rt/clock.h"
#include "inference/model/fake_model.h"

namespace antiphon::inference {
namespace {

using ::testing::HasSubstr;

class Collector : public AnswerSink {
 public:
  void OnNote(uint32_t index, const Note& note) override {
    EXPECT_EQ(index, notes.size());
    notes.push_back(note);
    if (notes.size() == cancel_after) stop = true;
  }
  void OnEnd(const JobEnd&) override {}
  bool cancelled() const override { return stop || --looks_left < 0; }

  std::vector<Note> notes;
  size_t cancel_after = 1000;
  bool stop = false;
  mutable int looks_left = 100'000;
};

// Three bars of 4/4 at 120 BPM, four notes each; bar 2 is answered.
Job ThreeBars(uint64_t seed) {
  Job job;
  job.job_id = 1;
  for (int64_t bar = 0; bar < 3; ++bar) {
    job.bar_lines.push_back(Ticks::Of(bar * 1920));
    for (int64_t beat = 0; beat < 4; ++beat) {
      job.notes.push_back({.tick = Ticks::Of(bar * 1920 + beat * 480),
                           .duration = Ticks::Of(240),
                           .pitch = static_cast<uint8_t>(60 + beat),
                           .velocity = 80});
    }
  }
  job.tempos = {{Ticks(), 120}};
  job.cut = Ticks::Of(3 * 1920);
  job.seed = seed;
  job.deadline = rt::Now() + absl::Seconds(30);
  return job;
}

// Flat logits: with the fake's own, one token takes nearly all the mass.
// `before` is called before each row.
std::unique_ptr<AriaAnswerer> Fresh(
    const ModelInfo& info = FakeModel::DefaultInfo(),
    std::function<void()> before = [] {}) {
  auto answerer = AriaAnswerer::Create(std::make_unique<FakeModel>(
      info, [before](absl::Span<const TokenId>, absl::Span<float> logits) {
        before();
        for (float& logit : logits) logit *= 0.1f;
      }));
  EXPECT_TRUE(answerer.ok()) << answerer.status();
  return *std::move(answerer);
}

// The first seed whose answer is long enough to tell something.
uint64_t TellingSeed() {
  for (uint64_t seed = 0; seed < 100; ++seed) {
    Collector sink;
    Fresh()->Answer(ThreeBars(seed), sink);
    if (sink.notes.size() > 2) return seed;
  }
  ADD_FAILURE() << "no answer of three notes in 100";
  return 0;
}

TEST(AriaAnswerer, NotesStayInsideTheTargetBar) {
  const auto answerer = Fresh();
  int notes = 0;
  for (uint64_t seed = 0; seed < 20; ++seed) {
    Collector sink;
    const JobEnd end = answerer->Answer(ThreeBars(seed), sink);
    EXPECT_NE(end.reason, EndReason::kInvalid);
    EXPECT_LE(end.tokens, static_cast<uint32_t>(kMaxBranchTokens));
    Ticks last;
    for (const Note& note : sink.notes) {
      EXPECT_GE(note.tick, last);
      EXPECT_LT(note.tick.count(), 1920);
      EXPECT_GE(note.duration.count(), 1);
      EXPECT_GE(note.velocity, 10);
      last = note.tick;
      ++notes;
    }
  }
  EXPECT_GT(notes, 0);
}

TEST(AriaAnswerer, TheSameJobGivesTheSameNotesWhateverRanBefore) {
  const uint64_t seed = TellingSeed();
  const auto answerer = Fresh();
  Collector warm_up;
  Job other = ThreeBars(9);
  other.notes.resize(7);
  answerer->Answer(other, warm_up);
  Collector warm;
  answerer->Answer(ThreeBars(seed), warm);
  Collector cold;
  Fresh()->Answer(ThreeBars(seed), cold);
  EXPECT_EQ(warm.notes, cold.notes);
  Collector different;
  answerer->Answer(ThreeBars(seed + 1), different);
  EXPECT_NE(different.notes, cold.notes);
}

TEST(AriaAnswerer, OnlyWhatIsNewIsPrefilled) {
  const auto answerer = Fresh();
  const auto& model = static_cast<const FakeModel&>(answerer->model());
  Collector first;
  answerer->Answer(ThreeBars(1), first);
  const int before = model.prefilled();
  Collector second;
  answerer->Answer(ThreeBars(2), second);
  EXPECT_LE(model.prefilled() - before, 8);
}

TEST(AriaAnswerer, CancelTakesEffectAtTheNextTokenAndKeepsAPrefix) {
  const uint64_t seed = TellingSeed();
  Collector whole;
  Fresh()->Answer(ThreeBars(seed), whole);
  ASSERT_GT(whole.notes.size(), 2u);
  Collector cut;
  cut.cancel_after = 2;
  const JobEnd end = Fresh()->Answer(ThreeBars(seed), cut);
  EXPECT_EQ(end.reason, EndReason::kCancelled);
  ASSERT_EQ(cut.notes.size(), 2u);
  EXPECT_EQ(cut.notes[1], whole.notes[1]);
}

TEST(AriaAnswerer, PastItsDeadlineItIsShortened) {
  Job job = ThreeBars(3);
  job.deadline = rt::Now() - absl::Seconds(10);
  Collector sink;
  EXPECT_EQ(Fresh()->Answer(job, sink).reason, EndReason::kShortened);
}

// The deadline passes after `rows` rows: a row before each draw.
size_t NotesWhenTimeEndsAfter(int rows, uint64_t seed) {
  Job job = ThreeBars(seed);
  int seen = 0;
  const auto answerer = Fresh(FakeModel::DefaultInfo(), [&] {
    if (++seen == rows) job.deadline = rt::Now() - absl::Milliseconds(1);
  });
  Collector sink;
  const JobEnd end = answerer->Answer(job, sink);
  if (sink.notes.empty()) {
    EXPECT_EQ(end.reason, EndReason::kShortened);
  }
  return sink.notes.size();
}

TEST(AriaAnswerer, AFirstNoteHasNoMoreTimeThanTheJobALaterOneHas) {
  uint64_t seed = TellingSeed();
  Collector whole;
  Fresh()->Answer(ThreeBars(seed), whole);
  ASSERT_GT(whole.notes[0].tick.count(), 200);
  // Its onset is drawn, late in the bar; its duration would be next.
  EXPECT_EQ(NotesWhenTimeEndsAfter(3, seed), 0u);
  // One note has left: the others may take until their onsets.
  EXPECT_EQ(NotesWhenTimeEndsAfter(4, seed), whole.notes.size());
}

TEST(AriaAnswerer, ReadingAContextLooksAroundToo) {
  Job job = ThreeBars(1);
  for (int i = 0; i < 200; ++i) job.notes.push_back(job.notes.back());
  const auto answerer = Fresh();
  const auto& model = static_cast<const FakeModel&>(answerer->model());
  Collector sink;
  sink.looks_left = 2;
  EXPECT_EQ(answerer->Answer(job, sink).reason, EndReason::kCancelled);
  EXPECT_EQ(model.prefilled(), 128);
  sink.looks_left = 100'000;
  job.deadline = rt::Now() - absl::Milliseconds(1);
  EXPECT_EQ(answerer->Answer(job, sink).reason, EndReason::kShortened);
  EXPECT_EQ(model.prefilled(), 128);
  // What was read of it counts when it comes again.
  job.deadline = rt::Now() + absl::Seconds(30);
  const JobEnd end = answerer->Answer(job, sink);
  EXPECT_EQ(end.context_bars, 3u);
  EXPECT_EQ(model.prefilled(), static_cast<int>(end.prompt_tokens));
  Collector cold;
  Fresh()->Answer(job, cold);
  EXPECT_EQ(sink.notes, cold.notes);
}

TEST(AriaAnswerer, TheOldestBarsGoWhereTheContextDoesNotFit) {
  ModelInfo small = FakeModel::DefaultInfo();
  small.context_tokens = 30;  // a bar of four notes takes twelve
  ModelInfo short_sighted = FakeModel::DefaultInfo();
  short_sighted.max_position = kMaxBranchTokens + 30;
  for (const ModelInfo& info : {small, short_sighted}) {
    const auto answerer = Fresh(info);
    Collector sink;
    const JobEnd end = answerer->Answer(ThreeBars(1), sink);
    EXPECT_NE(end.reason, EndReason::kInvalid);
    EXPECT_EQ(end.context_bars, 2u);
    EXPECT_EQ(end.prompt_tokens, 26u);
    // The same as from a job that carries no more.
    Job two_bars = ThreeBars(1);
    two_bars.bar_lines.erase(two_bars.bar_lines.begin());
    two_bars.notes.erase(two_bars.notes.begin(), two_bars.notes.begin() + 4);
    Collector same;
    Fresh(info)->Answer(two_bars, same);
    EXPECT_EQ(sink.notes, same.notes);
  }
}

TEST(AriaAnswerer, ABarThatFitsNoSlotIsShortenedAndTheNextIsAnswered) {
  const auto answerer = Fresh();
  Job full = ThreeBars(1);
  while (full.notes.size() < 4096) full.notes.push_back(full.notes.back());
  Collector sink;
  const JobEnd end = answerer->Answer(full, sink);
  EXPECT_EQ(end.reason, EndReason::kShortened);
  EXPECT_EQ(end.context_bars, 0u);
  EXPECT_EQ(answerer->Answer(ThreeBars(1), sink).context_bars, 3u);
}

TEST(AriaAnswerer, TimesBeyondAnyMusicAreShortenedAtOnce) {
  constexpr int64_t kFar = int64_t{1} << 39;
  Job far = ThreeBars(1);
  far.tempos = {{Ticks(), 1}};
  far.cut = Ticks::Of(kFar);  // 2000 years later
  Job long_note = ThreeBars(1);
  long_note.notes.back().duration = Ticks::Of(1'000'000'000'000);
  Job silence = far;  // before the notes instead of after
  for (Note& note : silence.notes) note.tick += Ticks::Of(kFar);
  Collector sink;
  EXPECT_EQ(Fresh()->Answer(far, sink).reason, EndReason::kShortened);
  EXPECT_EQ(Fresh()->Answer(silence, sink).reason, EndReason::kShortened);
  EXPECT_TRUE(sink.notes.empty());
  EXPECT_NE(Fresh()->Answer(long_note, sink).reason, EndReason::kInvalid);
}

TEST(AriaAnswerer, WhatItCannotServeIsNamed) {
  const auto problem = [](const ModelInfo& info) {
    return std::string(AriaAnswerer::Create(std::make_unique<FakeModel>(info))
                           .status()
                           .message());
  };
  ModelInfo info = FakeModel::DefaultInfo();
  info.vocabulary_rows = 512;
  EXPECT_THAT(problem(info), HasSubstr("512 vocabulary rows"));
  info = FakeModel::DefaultInfo();
  info.time_base = TimeBase::kBar;  // of two bars and a little
  EXPECT_THAT(problem(info), HasSubstr("segments of 5000 ms"));
  info = FakeModel::DefaultInfo();
  info.max_position = 256;
  EXPECT_THAT(problem(info), HasSubstr("at most 256 positions"));
}

// ---- Time base `bar` -------------------------------------------------------

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

std::unique_ptr<AriaAnswerer> Echoing(int64_t line_ms) {
  auto answerer = AriaAnswerer::Create(std::make_unique<FakeModel>(
      BarInfo(),
      [line_ms](absl::Span<const TokenId> history, absl::Span<float> logits) {
        logits[static_cast<size_t>(Echo(history, line_ms))] = 1000;
      }));
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

TEST(AriaAnswerer, BrokenLogitsEndTheJobAsInvalid) {
  auto model = std::make_unique<FakeModel>(
      FakeModel::DefaultInfo(),
      [](absl::Span<const TokenId>, absl::Span<float> logits) {
        for (float& logit : logits) logit = std::nanf("");
      });
  const auto answerer = AriaAnswerer::Create(std::move(model));
  ASSERT_TRUE(answerer.ok());
  Collector sink;
  EXPECT_EQ((*answerer)->Answer(ThreeBars(1), sink).reason,
            EndReason::kInvalid);
}

// The chain recomputed by hand from the model's logits and the grammar's mask.
TEST(AriaAnswerer, AtTemperatureZeroItIsTheMaskedArgmaxChain) {
  const auto answerer = Fresh();
  const auto& model = static_cast<const FakeModel&>(answerer->model());
  Job job = ThreeBars(1);
  job.sampling = Sampling{.temperature = 0, .top_p = 1, .min_p = std::nullopt};
  Collector sink;
  answerer->Answer(job, sink);
  ASSERT_FALSE(answerer->drawn().empty());
  std::vector<TokenId> history = answerer->prompt();
  Grammar grammar(*Vocabulary::FromName("default"));
  for (const TokenId token : history) grammar.Advance(token);
  for (const TokenId drawn : answerer->drawn()) {
    const std::vector<float> logits = model.LogitsAfter(history);
    Grammar::Query query;  // the window, written out: 6000 to 8000 ms
    query.onset_low_ms = 1000;
    query.onset_high_ms = 3000;
    query.allow_time_step = false;
    TokenId best = -1;
    float highest = -1e30f;
    grammar.Allowed(query).allowed.ForEach([&](TokenId id) {
      if (logits[static_cast<size_t>(id)] > highest) {
        highest = logits[static_cast<size_t>(id)];
        best = id;
      }
    });
    EXPECT_EQ(drawn, best);
    grammar.Advance(drawn);
    history.push_back(drawn);
  }
}

}  // namespace
}  // namespace antiphon::inference
