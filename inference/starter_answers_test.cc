// SPDX-License-Identifier: Apache-2.0
//
// What the shipped model takes up of its call, bar after bar, as the service
// asks it: swing is answered swung, straight straight, minor minor.
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <string>
#include <vector>

#include "common/rt/clock.h"
#include "inference/aria/piece.h"
#include "inference/model_answerer.h"

namespace antiphon::inference {
namespace {

namespace fs = std::filesystem;

const fs::path kSource = ANTIPHON_SOURCE_DIR;
constexpr int kContextBars = 3;
constexpr int kAnswers = 20;

class Collector : public AnswerSink {
 public:
  explicit Collector(std::vector<Note>& notes) : notes_(notes) {}
  void OnNote(uint32_t, const Note& note) override { notes_.push_back(note); }
  void OnEnd(const JobEnd&) override {}
  bool cancelled() const override { return false; }

 private:
  std::vector<Note>& notes_;
};

// The answer to the bars from `first` on.
Job JobOf(const Piece& piece, BarIndex first, const ModelInfo& card) {
  Job job;
  HostBar bar = piece.meters.BarAt(Ticks());
  while (bar.index < first) bar = piece.meters.BarAt(bar.end());
  for (int i = 0; i < kContextBars; ++i) {
    job.bar_lines.push_back(bar.begin);
    job.human_meter = job.target_meter = bar.meter;
    bar = piece.meters.BarAt(bar.end());
  }
  for (const Note& note : piece.notes) {
    if (note.tick >= job.bar_lines.front() && note.tick < bar.begin) {
      job.notes.push_back(note);
    }
  }
  job.tempos = piece.tempos;
  job.cut = bar.begin;
  job.deadline = rt::Now() + absl::Hours(1);
  Sampling sampling;
  sampling.temperature = card.temperature;
  sampling.top_p = card.top_p.value_or(1);
  job.sampling = sampling;
  return job;
}

// Ticks from the answered bar's line, of all answers.
std::vector<Note> AnswersTo(const char* performer) {
  const auto model =
      LoadAnswerer({.path = kSource / "models" / "starter"}).value();
  const std::string path = kSource / "examples" / performer;
  const Piece piece = ReadPiece(path, path).value();
  std::vector<Note> notes;
  const BarIndex positions = piece.BarAfter().index - kContextBars;
  for (int i = 0; i < kAnswers; ++i) {
    Collector collector(notes);
    Job job = JobOf(piece, i % positions, model.info);
    job.seed = static_cast<uint64_t>(i);
    model.answerer->Answer(job, collector);
  }
  EXPECT_GT(notes.size(), kAnswers * 3) << "hardly anything is answered";
  return notes;
}

// Of the notes around the middle of a beat, the share at two thirds of it.
double SwungShare(const std::vector<Note>& notes) {
  constexpr double kNear = .06;
  double swung = 0, straight = 0;
  for (const Note& note : notes) {
    const double place =
        std::fmod(static_cast<double>(note.tick.count()), kTicksPerQuarter) /
        kTicksPerQuarter;
    if (std::abs(place - 2. / 3) < kNear) ++swung;
    if (std::abs(place - .5) < kNear) ++straight;
  }
  return swung / (swung + straight);
}

double ShareIn(const std::string& keys, const std::vector<Note>& notes) {
  double inside = 0;
  for (const Note& note : notes) {
    if (keys[note.pitch % 12] == 'x') ++inside;
  }
  return inside / static_cast<double>(notes.size());
}

TEST(StarterAnswers, SwingIsAnsweredSwungAndStraightStraight) {
  const double swung = SwungShare(AnswersTo("swing_4_4.mid"));
  const double straight = SwungShare(AnswersTo("evening_4_4.mid"));
  std::printf("at two thirds: %.2f of a swung call, %.2f of a straight one\n",
              swung, straight);
  EXPECT_GT(swung, .8);
  EXPECT_LT(straight, .2);
}

TEST(StarterAnswers, MinorIsAnsweredMinorAndMajorMajor) {
  const std::vector<Note> lament = AnswersTo("lament_4_4.mid");
  const std::vector<Note> evening = AnswersTo("evening_4_4.mid");
  // From C on: C minor with both sevenths; C major.
  const double minor = ShareIn("x.xx.x.xx.xx", lament);
  const double major = ShareIn("x.x.xx.x.x.x", evening);
  std::printf("in C minor %.2f, in C major %.2f\n", minor, major);
  EXPECT_GT(minor, .85);
  EXPECT_GT(major, .85);
  // The third tells them apart.
  EXPECT_GT(ShareIn("...x........", lament), ShareIn("....x.......", lament));
  EXPECT_LT(ShareIn("...x........", evening), ShareIn("....x.......", evening));
}

}  // namespace
}  // namespace antiphon::inference
