// SPDX-License-Identifier: Apache-2.0
//
// The first note of an answer where it is chosen among candidates. ThreeBars
// asks for 6000..8000 ms: onsets 1000..2990 of the second segment.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "inference/engine/fake_session.h"

namespace antiphon::inference {
namespace {

using ::testing::ElementsAre;

const Vocabulary kVocabulary(VocabularyKind::kDefault);

std::unique_ptr<AriaAnswerer> Choosing(int candidates, FakeModel::Shape shape) {
  auto answerer = AriaAnswerer::Create(
      std::make_unique<FakeModel>(FakeModel::DefaultInfo(), std::move(shape)),
      candidates);
  EXPECT_TRUE(answerer.ok()) << answerer.status();
  return *std::move(answerer);
}

void Flatten(absl::Span<const TokenId>, absl::Span<float> logits) {
  for (float& logit : logits) logit *= 0.1f;
}

// Three notes, likelier from the first to the third, and what the model thinks
// of the onset of each; it ends after a note.
struct Candidate {
  int pitch = 0;
  float logit = 0;
  int onset_ms = 0;
  float onset_logit = 0;
  int other_ms = 0;  // an onset that is likelier by far where above 0
};

FakeModel::Shape Offering(std::vector<Candidate> candidates) {
  return [=](absl::Span<const TokenId> history, absl::Span<float> logits) {
    std::fill(logits.begin(), logits.end(), -20.0f);
    const auto at = [&](TokenId id) -> float& {
      return logits[static_cast<size_t>(id)];
    };
    const TokenId last = history.back();
    if (kVocabulary.ClassOf(last) == TokenClass::kOnset) {
      at(kVocabulary.DurId(200)) = 0;
      return;
    }
    Grammar grammar(kVocabulary);
    for (const TokenId token : history) grammar.Advance(token);
    if (grammar.note().onset_ms >= 6000 &&
        grammar.expects() == Grammar::Expects::kEvent) {
      at(kEosToken) = 100;
      return;
    }
    for (const Candidate& one : candidates) {
      const TokenId note = kVocabulary.NoteId(one.pitch, 60);
      if (last != note) {
        at(note) = one.logit;
        continue;
      }
      std::fill(logits.begin(), logits.end(), -20.0f);
      at(kVocabulary.OnsetId(one.onset_ms)) = one.onset_logit;
      if (one.other_ms > 0) at(kVocabulary.OnsetId(one.other_ms)) = 10;
      return;
    }
  };
}

std::vector<int> FirstOf(int candidates,
                         const std::vector<Candidate>& offered) {
  Job job = ThreeBars(1);
  job.sampling = Sampling{0, 1, std::nullopt};
  Collector sink;
  Choosing(candidates, Offering(offered))->Answer(job, sink);
  EXPECT_EQ(sink.notes.size(), 1u);
  if (sink.notes.empty()) return {};
  return {sink.notes[0].pitch, static_cast<int>(sink.notes[0].tick.count())};
}

TEST(FirstNote, TheOneThatIsLikeliestTogetherWithItsOnset) {
  // The likeliest note belongs before the line, the next one into the bar.
  const std::vector<Candidate> offered = {
      {60, 3, 1500, 0, 900}, {64, 2, 2000, 9, 0}, {67, 1, 1000, 9, 0}};
  EXPECT_THAT(FirstOf(1, offered), ElementsAre(60, 480));
  EXPECT_THAT(FirstOf(2, offered), ElementsAre(64, 960));
  EXPECT_THAT(FirstOf(3, offered), ElementsAre(64, 960));
}

TEST(FirstNote, OnlyAsManyAreWeighed) {
  const std::vector<Candidate> offered = {
      {60, 3, 1500, 0, 900}, {64, 2, 2000, 0, 990}, {67, 1, 1250, 9, 0}};
  EXPECT_THAT(FirstOf(2, offered), ElementsAre(60, 480));
  EXPECT_THAT(FirstOf(3, offered), ElementsAre(67, 240));
}

TEST(FirstNote, ARestStaysARest) {
  Collector sink;
  const auto answerer =
      Choosing(3, [](absl::Span<const TokenId>, absl::Span<float> logits) {
        logits[kEosToken] = 1000;
      });
  EXPECT_EQ(answerer->Answer(ThreeBars(1), sink).reason, EndReason::kEmpty);
  EXPECT_TRUE(answerer->drawn().empty());
}

// Chosen once more by hand, with the model's own logits.
TEST(FirstNote, IsWhatWeighingByHandFinds) {
  int chosen = 0;
  for (uint64_t seed = 0; seed < 40; ++seed) {
    const auto answerer = Choosing(4, Flatten);
    const auto& model = static_cast<const FakeModel&>(answerer->model());
    Collector sink;
    answerer->Answer(ThreeBars(seed), sink);
    if (sink.notes.size() < 2) continue;
    ++chosen;
    const std::vector<TokenId> prompt = answerer->prompt();
    const std::vector<float> logits = model.LogitsAfter(prompt);
    std::vector<TokenId> notes;
    for (TokenId id = kVocabulary.piano_notes().begin;
         id < kVocabulary.piano_notes().end; ++id) {
      if (kVocabulary.VelocityOf(id) > 0) notes.push_back(id);
    }
    std::sort(notes.begin(), notes.end(), [&](TokenId a, TokenId b) {
      return logits[static_cast<size_t>(a)] > logits[static_cast<size_t>(b)];
    });
    TokenId best_note = 0;
    TokenId best_onset = 0;
    double best = -1e9;
    for (size_t i = 0; i < 4; ++i) {
      std::vector<TokenId> history = prompt;
      history.push_back(notes[i]);
      const std::vector<float> after = model.LogitsAfter(history);
      double sum = 0;  // of the onsets from that of the last note on, 500 ms
      for (int ms = 500; ms < 5000; ms += 10) {
        sum += std::exp(after[static_cast<size_t>(kVocabulary.OnsetId(ms))]);
      }
      for (int ms = 1000; ms < 3000; ms += 10) {
        const TokenId onset = kVocabulary.OnsetId(ms);
        const double score = logits[static_cast<size_t>(notes[i])] +
                             after[static_cast<size_t>(onset)] - std::log(sum);
        if (score <= best) continue;
        best = score;
        best_note = notes[i];
        best_onset = onset;
      }
    }
    EXPECT_EQ(answerer->drawn()[0], best_note);
    EXPECT_EQ(answerer->drawn()[1], best_onset);
    // Nothing of it depends on what ran before.
    Collector again;
    answerer->Answer(ThreeBars(seed), again);
    EXPECT_EQ(again.notes, sink.notes);
  }
  EXPECT_GT(chosen, 3);
}

TEST(FirstNote, AfterItNothingOfTheCandidatesIsLeft) {
  std::vector<TokenId> longest;
  const auto answerer = Choosing(
      5, [&](absl::Span<const TokenId> history, absl::Span<float> logits) {
        Flatten(history, logits);
        if (history.size() > longest.size()) {
          longest.assign(history.begin(), history.end());
        }
      });
  int judged = 0;
  for (uint64_t seed = 0; seed < 40; ++seed) {
    longest.clear();
    Collector sink;
    answerer->Answer(ThreeBars(seed), sink);
    if (answerer->drawn().size() < 3) continue;
    std::vector<TokenId> all = answerer->prompt();
    all.insert(all.end(), answerer->drawn().begin(), answerer->drawn().end());
    EXPECT_EQ(longest, all);
    ++judged;
  }
  EXPECT_GT(judged, 3);
}

// Whoever cancels does not wait for candidates that are left.
TEST(FirstNote, ACancelEndsTheWeighing) {
  Collector sink;
  int weighed = 0;
  const auto answerer = Choosing(
      8, [&](absl::Span<const TokenId> history, absl::Span<float> logits) {
        Flatten(history, logits);
        Grammar grammar(kVocabulary);
        for (const TokenId token : history) grammar.Advance(token);
        const bool is_answer = history.size() > 2 + 3 * 12;
        if (!is_answer || grammar.expects() != Grammar::Expects::kNoteOnset)
          return;
        ++weighed;
        sink.stop = true;
      });
  EndReason reason = EndReason::kEmpty;
  for (uint64_t seed = 0; weighed == 0 && seed < 40; ++seed) {
    sink.notes.clear();
    reason = answerer->Answer(ThreeBars(seed), sink).reason;
  }
  EXPECT_EQ(weighed, 2);  // the first candidate, then as the note itself
  EXPECT_EQ(reason, EndReason::kCancelled);
}

TEST(FirstNote, BrokenLogitsOfAllCandidatesEndTheJob) {
  const auto answerer = Choosing(
      3, [](absl::Span<const TokenId> history, absl::Span<float> logits) {
        Flatten(history, logits);
        if (kVocabulary.ClassOf(history.back()) != TokenClass::kNote) return;
        std::fill(logits.begin(), logits.end(), std::nanf(""));
      });
  Collector sink;
  Job job = ThreeBars(1);
  job.sampling = Sampling{0, 1, std::nullopt};
  EXPECT_EQ(answerer->Answer(job, sink).reason, EndReason::kInvalid);
}

}  // namespace
}  // namespace antiphon::inference
