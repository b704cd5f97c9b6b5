// SPDX-License-Identifier: Apache-2.0
//
// Every edge of an answer: where its window begins and ends, what ends it, how
// held notes are told, what broken logits do. ThreeBars asks for 6000..8000 ms:
// onsets 1000..2990 of the second segment.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

#include "inference/engine/fake_session.h"

namespace antiphon::inference {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::Ge;

const Vocabulary kVocabulary(VocabularyKind::kDefault);
constexpr int64_t kLineMs = 6000;

// The next token of a note with this onset in the present segment.
TokenId TokenOf(const Grammar& grammar, int onset_ms, int duration_ms = 200) {
  switch (grammar.expects()) {
    case Grammar::Expects::kNoteOnset:
      return kVocabulary.OnsetId(onset_ms);
    case Grammar::Expects::kDuration:
      return kVocabulary.DurId(duration_ms);
    default:
      return kVocabulary.InstrumentNoteId(0, 72, 60);
  }
}

// Whether a note of the answer is complete.
bool Answered(const Grammar& grammar, int64_t line_ms = kLineMs) {
  return grammar.note().onset_ms >= line_ms;
}

// One note at `onset_ms` of the segment, then the end.
Wish OneNoteAt(int onset_ms) {
  return [onset_ms](const Grammar& grammar) {
    return Answered(grammar) ? kEosToken : TokenOf(grammar, onset_ms);
  };
}

std::vector<int> OnsetsIn(const std::vector<TokenId>& tokens) {
  std::vector<int> onsets;
  for (const TokenId token : tokens) {
    if (kVocabulary.ClassOf(token) != TokenClass::kOnset) continue;
    onsets.push_back(kVocabulary.OnsetMs(token));
  }
  return onsets;
}

TEST(AnswerWindow, ItsFirstAndItsLastStepAreIts) {
  Collector first, last;
  EXPECT_EQ(Wishing(OneNoteAt(1000))->Answer(ThreeBars(1), first).reason,
            EndReason::kComplete);
  ASSERT_EQ(first.notes.size(), 1u);
  EXPECT_EQ(first.notes[0].tick.count(), 0);
  EXPECT_EQ(Wishing(OneNoteAt(2990))->Answer(ThreeBars(1), last).reason,
            EndReason::kComplete);
  ASSERT_EQ(last.notes.size(), 1u);
  EXPECT_EQ(last.notes[0].tick.count(), 1910);
  EXPECT_EQ(last.notes[0].duration.count(), 192);  // it may sound beyond
}

TEST(AnswerWindow, AnOnsetAtItsEndIsTheEnd) {
  Collector sink;
  const auto answerer = Wishing(OneNoteAt(3000));
  EXPECT_EQ(answerer->Answer(ThreeBars(1), sink).reason, EndReason::kEmpty);
  EXPECT_TRUE(sink.notes.empty());
  EXPECT_EQ(answerer->drawn().size(), 1u);  // the note that was never placed
}

TEST(AnswerWindow, AnOnsetBeforeTheLineIsNotOffered) {
  const auto answerer = Wishing(OneNoteAt(990));
  Collector sink;
  answerer->Answer(ThreeBars(1), sink);
  ASSERT_FALSE(sink.notes.empty());
  EXPECT_THAT(OnsetsIn(answerer->drawn()), Each(Ge(1000)));
}

TEST(AnswerWindow, AtLagZeroOnsetsBetweenTheCutAndTheLineAreMasked) {
  Job job = ThreeBars(1);
  job.cut -= Ticks::Of(960);
  job.notes.resize(10);  // up to the cut
  for (const int wish : {0, 500, 990}) {
    const auto answerer = Wishing(OneNoteAt(wish));
    Collector sink;
    answerer->Answer(job, sink);
    ASSERT_FALSE(sink.notes.empty());
    EXPECT_THAT(OnsetsIn(answerer->drawn()), Each(Ge(1000)));
  }
  // The line is where it would be without lag 0.
  Collector sink;
  Wishing(OneNoteAt(1250))->Answer(job, sink);
  ASSERT_EQ(sink.notes.size(), 1u);
  EXPECT_EQ(sink.notes[0].tick.count(), 240);
}

TEST(AnswerWindow, TimeStepsUpToItAreForced) {
  const auto forced = [](Job job) {
    const auto answerer = Wishing([](const Grammar&) { return kEosToken; });
    Collector sink;
    const JobEnd end = answerer->Answer(job, sink);
    EXPECT_EQ(end.tokens, 0u);
    return answerer->prompt().size() - end.prompt_tokens;
  };
  Job job = ThreeBars(1);  // its last notes lie in the window's segment
  EXPECT_EQ(forced(job), 0u);
  job.notes.resize(4);  // those of the first bar
  EXPECT_EQ(forced(job), 1u);
  for (int64_t bar = 3; bar < 6; ++bar) {
    job.bar_lines.push_back(Ticks::Of(bar * 1920));
  }
  job.cut = Ticks::Of(6 * 1920);  // 12000 ms
  EXPECT_EQ(forced(job), 2u);
  // A window that begins a segment: 96 BPM, two bars of 2500 ms.
  job = ThreeBars(1);
  job.bar_lines.resize(2);
  job.notes.resize(8);
  job.tempos = {{Ticks(), 96}};
  job.cut = Ticks::Of(2 * 1920);
  EXPECT_EQ(forced(job), 1u);
}

// demo26 answers after <X>: behind the context, before the silence.
TEST(AnswerWindow, TheDelimiterStandsBetweenContextAndAnswer) {
  const Vocabulary demo26(VocabularyKind::kDemo26);
  ModelInfo info = FakeModel::DefaultInfo();
  info.vocabulary_rows = demo26.size();
  const auto answerer = Wishing([](const Grammar&) { return kEosToken; }, info);
  const auto& model = static_cast<const FakeModel&>(answerer->model());
  Job job = ThreeBars(1);
  job.notes.resize(4);  // those of the first bar: one <T> is forced
  Collector sink;
  const JobEnd end = answerer->Answer(job, sink);
  EXPECT_EQ(end.prompt_tokens, 2u + 3 * 4 + 1);
  const std::vector<TokenId> prompt = answerer->prompt();
  ASSERT_EQ(prompt.size(), end.prompt_tokens + 1);
  EXPECT_EQ(std::count(prompt.begin(), prompt.end(), *demo26.delimiter()), 1);
  EXPECT_EQ(prompt[end.prompt_tokens - 1], *demo26.delimiter());
  EXPECT_EQ(prompt.back(), kTimeStepToken);
  // It is not in the way of a context that goes on.
  const int before = model.prefilled();
  EXPECT_NE(answerer->Answer(ThreeBars(1), sink).reason, EndReason::kInvalid);
  EXPECT_EQ(model.prefilled() - before, 8 * 3 + 1 + 1);  // <T> and <X>
  const std::vector<TokenId> next = answerer->prompt();
  EXPECT_EQ(std::count(next.begin(), next.end(), *demo26.delimiter()), 1);
}

TEST(AnswerWindow, ItGoesOnInTheNextSegmentAndNoFurther) {
  Job job = ThreeBars(1);
  job.bar_lines.resize(2);
  job.notes.resize(8);
  job.cut = Ticks::Of(2 * 1920);  // 4000..6000 ms
  const auto answerer = Wishing([](const Grammar& grammar) {
    if (grammar.expects() != Grammar::Expects::kEvent) {
      return TokenOf(grammar, grammar.segment_start_ms() == 0 ? 4500 : 500);
    }
    const bool segment_has_note =
        Answered(grammar, std::max<int64_t>(4000, grammar.segment_start_ms()));
    return segment_has_note ? kTimeStepToken : TokenOf(grammar, 0);
  });
  Collector sink;
  EXPECT_EQ(answerer->Answer(job, sink).reason, EndReason::kComplete);
  ASSERT_EQ(sink.notes.size(), 2u);
  EXPECT_EQ(sink.notes[0].tick.count(), 480);
  EXPECT_EQ(sink.notes[1].tick.count(), 1440);
  EXPECT_EQ(std::count(answerer->drawn().begin(), answerer->drawn().end(),
                       kTimeStepToken),
            1);
}

TEST(AnswerEnd, WaysToEndAreOneOutcomeBeforeTheDraw) {
  const TokenId note = kVocabulary.InstrumentNoteId(0, 72, 60);
  auto answerer = *AriaAnswerer::Create(std::make_unique<FakeModel>(
      FakeModel::DefaultInfo(),
      [note](absl::Span<const TokenId>, absl::Span<float> logits) {
        std::fill(logits.begin(), logits.end(), -1000.0f);
        // Each way to end is less likely than the note, both together are not.
        logits[kEosToken] = logits[kTimeStepToken] = 0;
        logits[static_cast<size_t>(note)] = 0.4f;
      }));
  for (uint64_t seed = 0; seed < 20; ++seed) {
    Job job = ThreeBars(seed);
    job.sampling = Sampling{1, 0.4, std::nullopt};
    Collector sink;
    EXPECT_EQ(answerer->Answer(job, sink).reason, EndReason::kEmpty);
    EXPECT_TRUE(answerer->drawn().empty());
  }
}

TEST(AnswerEnd, WithoutANoteItIsEmpty) {
  const auto answerer = Wishing([](const Grammar&) { return kEosToken; });
  Collector sink;
  EXPECT_EQ(answerer->Answer(ThreeBars(1), sink).reason, EndReason::kEmpty);
  EXPECT_TRUE(sink.notes.empty());
}

TEST(AnswerEnd, AFullBranchCutsBehindAWholeNote) {
  const auto answerer =
      Wishing([](const Grammar& grammar) { return TokenOf(grammar, 1500); });
  Collector sink;
  const JobEnd end = answerer->Answer(ThreeBars(1), sink);
  EXPECT_EQ(end.reason, EndReason::kShortened);
  // The last token of the prompt takes one place of 256.
  EXPECT_EQ(sink.notes.size(), 85u);
  for (const Note& note : sink.notes) EXPECT_EQ(note.duration.count(), 192);
}

// ---- Held notes ------------------------------------------------------------

// ThreeBars with its last note, at 5500 ms, still held: 480 ticks, 500 ms.
Job LastNoteHeld(HeldBy by = HeldBy::kKey) {
  Job job = ThreeBars(1);
  job.notes.back().held_by = by;
  job.notes.back().duration = Ticks::Of(480);
  return job;
}

// What the model was told of the context's durations.
std::vector<int> DurationsTold(const Job& job, Wish wish) {
  const auto answerer = Wishing(std::move(wish));
  Collector sink;
  EXPECT_NE(answerer->Answer(job, sink).reason, EndReason::kInvalid);
  std::vector<int> told;
  for (const TokenId token : answerer->prompt()) {
    if (kVocabulary.ClassOf(token) != TokenClass::kDur) continue;
    told.push_back(kVocabulary.DurMs(token));
  }
  return told;
}

Wish Lasting(int duration_ms) {
  return [duration_ms](const Grammar& grammar) {
    return grammar.expects() == Grammar::Expects::kDuration
               ? kVocabulary.DurId(duration_ms)
               : kEosToken;
  };
}

TEST(HeldNotes, LastAsLongAsTheModelFindsLikeliest) {
  for (const HeldBy by : {HeldBy::kKey, HeldBy::kPedal}) {
    const std::vector<int> told =
        DurationsTold(LastNoteHeld(by), Lasting(1230));
    ASSERT_EQ(told.size(), 12u);
    EXPECT_EQ(told.back(), 1230);
    EXPECT_EQ(told.front(), 250);  // what is over stays as it was
  }
}

TEST(HeldNotes, NeverLastLessThanTheyDid) {
  EXPECT_EQ(DurationsTold(LastNoteHeld(), Lasting(500)).back(), 500);
  EXPECT_GE(DurationsTold(LastNoteHeld(), Lasting(490)).back(), 500);
  Job odd = LastNoteHeld();
  odd.notes.back().duration = Ticks::Of(482);  // 502 ms
  EXPECT_GT(DurationsTold(odd, Lasting(500)).back(), 500);
  EXPECT_EQ(DurationsTold(odd, Lasting(510)).back(), 510);
  odd.notes.back().duration = Ticks::Of(4790);  // 4990 ms
  EXPECT_EQ(DurationsTold(odd, Lasting(5000)).back(), 5000);
  odd.notes.back().duration = Ticks::Of(40'000);  // longer than any token
  EXPECT_EQ(DurationsTold(odd, Lasting(10)).back(), 5000);
}

TEST(HeldNotes, EachIsAskedAfterTheOnesBeforeItUpToALimit) {
  Job job = ThreeBars(1);
  for (Note& note : job.notes) note.held_by = HeldBy::kPedal;
  // One step longer than the note before, which is in the history by then.
  const std::vector<int> told = DurationsTold(job, [](const Grammar& grammar) {
    return grammar.expects() == Grammar::Expects::kDuration
               ? kVocabulary.DurId(
                     static_cast<int>(grammar.note().duration_ms) + 10)
               : kEosToken;
  });
  EXPECT_THAT(told, ElementsAre(250, 250, 250, 250, 260, 270, 280, 290, 300,
                                310, 320, 330));
}

TEST(HeldNotes, TheSameJobIsToldTheSameWhateverRanBefore) {
  const Job job = LastNoteHeld();
  const auto answerer = Fresh();
  Collector cold, other, warm;
  answerer->Answer(job, cold);
  const std::vector<TokenId> prompt = answerer->prompt();
  answerer->Answer(ThreeBars(3), other);
  answerer->Answer(job, warm);
  EXPECT_EQ(answerer->prompt(), prompt);
  EXPECT_EQ(warm.notes, cold.notes);
  // And straight after itself: only the end of the context is read again.
  const auto& model = static_cast<const FakeModel&>(answerer->model());
  const int before = model.prefilled();
  Collector again;
  answerer->Answer(job, again);
  EXPECT_EQ(again.notes, cold.notes);
  EXPECT_LE(model.prefilled() - before, 4);
}

// ---- Broken logits ---------------------------------------------------------

TEST(BrokenLogits, EndTheJobAsInvalidAndTheSessionLives) {
  Collector whole;
  Job job = LastNoteHeld();
  while (whole.notes.size() < 3) {
    whole.notes.clear();
    ++job.seed;
    Fresh()->Answer(job, whole);
  }
  for (const float broken : {std::numeric_limits<float>::quiet_NaN(),
                             std::numeric_limits<float>::infinity()}) {
    for (int row = 0; row < 8; ++row) {
      int seen = 0;
      auto answerer = *AriaAnswerer::Create(std::make_unique<FakeModel>(
          FakeModel::DefaultInfo(),
          [&](absl::Span<const TokenId>, absl::Span<float> logits) {
            for (float& logit : logits) logit *= 0.1f;
            if (seen++ == row) std::fill(logits.begin(), logits.end(), broken);
          }));
      Collector cut, next;
      EXPECT_EQ(answerer->Answer(job, cut).reason, EndReason::kInvalid) << row;
      ASSERT_LE(cut.notes.size(), whole.notes.size());
      EXPECT_TRUE(
          std::equal(cut.notes.begin(), cut.notes.end(), whole.notes.begin()));
      EXPECT_NE(answerer->Answer(job, next).reason, EndReason::kInvalid);
      EXPECT_EQ(next.notes, whole.notes);
    }
  }
}

TEST(BrokenLogits, SoDoesAModelThatFails) {
  Collector whole;
  Fresh()->Answer(LastNoteHeld(), whole);
  for (int fine = 0; fine < 4; ++fine) {
    FakeModel* model = nullptr;
    int rows = 0;
    auto owned = std::make_unique<FakeModel>(
        FakeModel::DefaultInfo(),
        [&](absl::Span<const TokenId>, absl::Span<float> logits) {
          for (float& logit : logits) logit *= 0.1f;
          if (rows++ == fine) model->FailNext(absl::InternalError("torn"));
        });
    model = owned.get();
    auto answerer = *AriaAnswerer::Create(std::move(owned));
    Collector cut, next;
    EXPECT_EQ(answerer->Answer(LastNoteHeld(), cut).reason,
              EndReason::kInvalid);
    EXPECT_NE(answerer->Answer(LastNoteHeld(), next).reason,
              EndReason::kInvalid);
    EXPECT_EQ(next.notes, whole.notes);
  }
}

}  // namespace
}  // namespace antiphon::inference
