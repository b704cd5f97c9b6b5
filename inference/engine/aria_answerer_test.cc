// SPDX-License-Identifier: Apache-2.0
#include "inference/engine/aria_answerer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "common/rt/clock.h"
#include "inference/engine/fake_session.h"
#include "inference/model/fake_model.h"

namespace antiphon::inference {
namespace {

using ::testing::HasSubstr;

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

// Takes 13 ms for each piece of a context.
class SlowReader : public FakeModel {
 public:
  SlowReader()
      : FakeModel(DefaultInfo(),
                  [](absl::Span<const TokenId>, absl::Span<float> logits) {
                    for (float& logit : logits) logit *= 0.1f;
                  }) {}
  absl::Status Prefill(SlotId slot, absl::Span<const TokenId> tokens,
                       absl::Span<float> last_logits) override {
    const MonoTime end = rt::Now() + absl::Milliseconds(13);
    const absl::Status status = FakeModel::Prefill(slot, tokens, last_logits);
    while (rt::Now() < end) {
    }
    return status;
  }
};

// More than 600 tokens.
Job LongJob() {
  Job job = ThreeBars(1);
  for (int i = 0; i < 200; ++i) job.notes.push_back(job.notes.back());
  return job;
}

TEST(AriaAnswerer, ReadingAContextLooksAroundToo) {
  Job job = LongJob();
  const auto answerer = *AriaAnswerer::Create(std::make_unique<SlowReader>());
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

TEST(AriaAnswerer, AQuickModelReadsLargerPieces) {
  // The first piece tells how quick it is, unless this machine was busy.
  std::vector<int> read;
  for (int i = 0; i < 100 && (read.empty() || read.back() != 64 + 256); ++i) {
    const auto answerer = Fresh();
    Collector sink;
    sink.looks_left = 2;
    EXPECT_EQ(answerer->Answer(LongJob(), sink).reason, EndReason::kCancelled);
    read.push_back(
        static_cast<const FakeModel&>(answerer->model()).prefilled());
  }
  EXPECT_EQ(read.back(), 64 + 256);
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
