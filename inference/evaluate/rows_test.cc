// SPDX-License-Identifier: Apache-2.0
#include "inference/evaluate/rows.h"

#include <nlohmann/json.hpp>
#include <set>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "inference/evaluate/report.h"

namespace antiphon::inference {
namespace {

using ::testing::HasSubstr;

Note At(int64_t tick, int pitch, int64_t duration = 240) {
  return {.tick = Ticks::Of(tick),
          .duration = Ticks::Of(duration),
          .pitch = static_cast<uint8_t>(pitch),
          .velocity = 80};
}

// Two bars of 3/4, answered by their second half and silence.
Case Waltz() {
  Case one;
  one.file = "waltz";
  one.call = {{At(0, 64), At(0, 60), At(1440, 62, 2000)}, Ticks::Of(1440), 2};
  one.human = {{At(0, 62)}, Ticks::Of(1440), 2};
  one.tempos = {{Ticks(), 120}};
  return one;
}

// Keeps the jobs; answers each with one note on its line, one higher each.
class Listening : public Answerer {
 public:
  JobEnd Answer(const Job& job, AnswerSink& sink) override {
    jobs.push_back(job);
    sink.OnNote(0, At(0, 70 + static_cast<int>(jobs.size())));
    return {.reason = reason};
  }

  std::vector<Job> jobs;
  EndReason reason = EndReason::kComplete;
};

TEST(RowsTest, AModelAnswersBarByBar) {
  Listening model;
  const Sampling sampling{.temperature = 0.7, .top_p = 0.6, .min_p = {}};
  Random random(1);
  const auto answer =
      ModelAnswering({&model, sampling, false})(Waltz(), random);
  ASSERT_TRUE(answer.ok()) << answer.status();
  ASSERT_EQ(model.jobs.size(), 2u);
  const Job& first = model.jobs[0];
  EXPECT_EQ(first.cut, Ticks::Of(2880));
  EXPECT_EQ(first.bar_lines, (std::vector<Ticks>{Ticks(), Ticks::Of(1440)}));
  EXPECT_EQ(first.target_meter, (Meter{3, 4}));
  EXPECT_EQ(first.sampling->temperature, 0.7);
  // The call as it is, its last note held at the cut.
  ASSERT_EQ(first.notes.size(), 3u);
  EXPECT_EQ(first.notes[0], At(0, 64));
  EXPECT_EQ(first.notes[1], At(0, 60));
  EXPECT_EQ(first.notes[2].duration, Ticks::Of(1440));
  EXPECT_EQ(first.notes[2].held_by, HeldBy::kKey);
  const Job& second = model.jobs[1];
  EXPECT_EQ(second.cut, Ticks::Of(4320));
  EXPECT_EQ(second.bar_lines.size(), 3u);
  EXPECT_EQ(second.notes.back(), At(2880, 71));
  EXPECT_NE(second.seed, first.seed);
  EXPECT_EQ(answer->notes, (std::vector<Note>{At(0, 71), At(1440, 72)}));
}

TEST(RowsTest, JitterIsInWhatTheModelHears) {
  Listening model;
  Random random(1);
  ASSERT_TRUE(
      ModelAnswering({&model, std::nullopt, true})(Waltz(), random).ok());
  std::vector<Note> heard = model.jobs[0].notes;
  EXPECT_NE(heard[2].tick, Ticks::Of(1440));
  EXPECT_NEAR(static_cast<double>(heard[2].tick.count()), 1440, 60);
}

TEST(RowsTest, AnswersThatCannotBeUsedEndTheRow) {
  Listening model;
  model.reason = EndReason::kInvalid;
  const auto row = RowOf({"model", "model"}, {Waltz()},
                         ModelAnswering({&model, std::nullopt, false}));
  EXPECT_EQ(row.status().code(), absl::StatusCode::kInternal);
  EXPECT_THAT(row.status().message(), HasSubstr("waltz"));
}

TEST(RowsTest, RowsAreMeansOverCasesAndSamples) {
  Case silent = Waltz();
  silent.human.notes.clear();
  int calls = 0;
  const auto row = RowOf(
      {"human", "human", 3, 1}, {Waltz(), silent},
      [](const Case& one, Random&) { return one.human; },
      [&calls] { ++calls; });
  ASSERT_TRUE(row.ok());
  EXPECT_EQ(row->answers, 6u);
  EXPECT_EQ(calls, 2);
  EXPECT_NEAR(row->mean[kEmpty], (0.5 + 1) / 2, 1e-12);
}

TEST(RowsTest, SamplesDifferAndSeedsRepeatThem) {
  const auto draws = [](uint64_t seed) {
    std::vector<uint64_t> drawn;
    EXPECT_TRUE(RowOf({"x", "x", 2, seed}, {Waltz(), Waltz()},
                      [&drawn](const Case& one, Random& random) {
                        drawn.push_back(random());
                        return one.human;
                      })
                    .ok());
    return drawn;
  };
  const std::vector<uint64_t> first = draws(1);
  EXPECT_EQ(std::set<uint64_t>(first.begin(), first.end()).size(), 4u);
  EXPECT_EQ(draws(1), first);
  EXPECT_NE(draws(2), first);
}

TEST(ReportTest, SaysWhatWasMeasuredAndWhatNot) {
  Report report;
  report.windows = 1;
  report.rows = *BaselineRows({Waltz()}, 2, 1);
  ASSERT_EQ(report.rows.size(), 5u);
  const auto without = nlohmann::json::parse(JsonOf(report));
  EXPECT_TRUE(without["nats_per_note"].is_null());
  EXPECT_TRUE(without["pairing"].is_null());
  EXPECT_EQ(without["rows"]["human"]["empty"], 0.5);
  EXPECT_EQ(without["rows"]["repeat_call"]["pch_overlap"], 1);
  EXPECT_EQ(without["rows"]["random_in_key"]["answers"], 2);
  report.model = "starter";
  report.likelihood.emplace();
  report.likelihood->all = {9, 6, 2};
  report.likelihood->by_source["lieder"] = {9, 6, 2};
  report.likelihood->by_class["note"] = {5, 2, 2};
  report.pairing = {4, 3};
  const auto with = nlohmann::json::parse(JsonOf(report));
  EXPECT_EQ(with["nats_per_note"], 4.5);
  EXPECT_EQ(with["by_source"]["lieder"], 4.5);
  EXPECT_EQ(with["by_class"]["note"], 2.5);
  EXPECT_EQ(with["pairing"], 0.75);
  const std::string text = MarkdownOf(report);
  for (const char* part :
       {"**4.50 nats per note**", "| lieder | 4.50 | 2 |", "**0.750**",
        "| human | 0.333 | 1.000 |", "1.000 (+0.667)"}) {
    EXPECT_THAT(text, HasSubstr(part));
  }
}

}  // namespace
}  // namespace antiphon::inference
