// SPDX-License-Identifier: Apache-2.0
//
// For tests of the answerer: where its notes go, a job, and fake models that
// play flat noise or what a test wishes.
#ifndef ANTIPHON_INFERENCE_ENGINE_FAKE_SESSION_H_
#define ANTIPHON_INFERENCE_ENGINE_FAKE_SESSION_H_

#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "common/rt/clock.h"
#include "inference/engine/aria_answerer.h"
#include "inference/model/fake_model.h"

namespace antiphon::inference {

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
inline Job ThreeBars(uint64_t seed) {
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
inline std::unique_ptr<AriaAnswerer> Fresh(
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

// What a test wishes to hear next, given where the stream of tokens stands.
using Wish = std::function<TokenId(const Grammar& grammar)>;

// A model that is nearly sure of each wish. All else is noise.
inline std::unique_ptr<AriaAnswerer> Wishing(
    Wish wish, const ModelInfo& info = FakeModel::DefaultInfo()) {
  const Vocabulary vocabulary = *Vocabulary::FromRows(info.vocabulary_rows);
  const int segment_ms = info.segment_ms;
  auto answerer = AriaAnswerer::Create(std::make_unique<FakeModel>(
      info, [=](absl::Span<const TokenId> history, absl::Span<float> logits) {
        Grammar grammar(vocabulary, segment_ms);
        for (const TokenId token : history) grammar.Advance(token);
        logits[static_cast<size_t>(wish(grammar))] = 1000;
      }));
  EXPECT_TRUE(answerer.ok()) << answerer.status();
  return *std::move(answerer);
}

}  // namespace antiphon::inference

#endif  // ANTIPHON_INFERENCE_ENGINE_FAKE_SESSION_H_
