// SPDX-License-Identifier: Apache-2.0
//
// What the shipped model takes up of its call, bar after bar, as the service
// asks it: swing is answered swung, straight straight, minor minor; by hands
// as from paper.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <string>
#include <vector>

#include "common/rt/clock.h"
#include "inference/aria/piece.h"
#include "inference/evaluate/baselines.h"
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

// As a person plays it, behind the beat and unevenly.
void Play(Random& random, Job& job) {
  constexpr int64_t kLateTicks = 20;
  const Ticks origin = job.bar_lines.front();
  const Passage written =
      PassageOf(job.notes, origin, job.human_meter.BarLength(), kContextBars);
  job.notes = Jittered(written, TemposFrom(job.tempos, origin), random).notes;
  for (Note& note : job.notes) {
    note.tick = std::min(note.tick + origin + Ticks::Of(kLateTicks),
                         job.cut - Ticks::Of(1));
  }
}

enum class Call { kWritten, kPlayed };

// Ticks from the answered bar's line, of all answers.
std::vector<Note> AnswersTo(const char* performer, Call call) {
  const auto model =
      LoadAnswerer({.path = kSource / "models" / "starter"}).value();
  const std::string path = kSource / "examples" / performer;
  const Piece piece = ReadPiece(path, path).value();
  std::vector<Note> notes;
  const BarIndex positions = piece.BarAfter().index - kContextBars;
  for (int i = 0; i < kAnswers; ++i) {
    Collector collector(notes);
    Job job = JobOf(piece, i % positions, model.info);
    Random random(static_cast<uint64_t>(i));
    if (call == Call::kPlayed) Play(random, job);
    job.seed = static_cast<uint64_t>(i);
    model.answerer->Answer(job, collector);
  }
  EXPECT_GT(notes.size(), kAnswers * 3) << "hardly anything is answered";
  return notes;
}

// Of the notes around the middle of a beat, the share that stands `at` there.
double ShareAt(double at, const std::vector<Note>& notes) {
  constexpr double kNear = 6.0 / kTicksPerQuarter;
  double there = 0, around = 0;
  for (const Note& note : notes) {
    const double place =
        std::fmod(static_cast<double>(note.tick.count()), kTicksPerQuarter) /
        kTicksPerQuarter;
    if (place > .4 && place < .8) ++around;
    if (std::abs(place - at) < kNear) ++there;
  }
  return there / around;
}

double ShareIn(const std::string& keys, const std::vector<Note>& notes) {
  double inside = 0;
  for (const Note& note : notes) {
    if (keys[note.pitch % 12] == 'x') ++inside;
  }
  return inside / static_cast<double>(notes.size());
}

TEST(StarterAnswers, SwingIsAnsweredSwungAndStraightStraight) {
  for (const Call call : {Call::kWritten, Call::kPlayed}) {
    SCOPED_TRACE(call == Call::kPlayed ? "played" : "written");
    const std::vector<Note> swing = AnswersTo("swing_4_4.mid", call);
    const std::vector<Note> evening = AnswersTo("evening_4_4.mid", call);
    const double swung = ShareAt(2. / 3, swing);
    const double straight = ShareAt(.5, evening);
    std::printf(
        "%s: %.2f of the swung off-beats at two thirds of the beat, %.2f of "
        "the straight ones at its half\n",
        call == Call::kPlayed ? "played" : "written", swung, straight);
    EXPECT_GT(swung, .8);
    EXPECT_GT(straight, .7);
    EXPECT_LT(ShareAt(.5, swing), .1);
    EXPECT_LT(ShareAt(2. / 3, evening), .2);
  }
}

TEST(StarterAnswers, MinorIsAnsweredMinorAndMajorMajor) {
  const std::vector<Note> lament = AnswersTo("lament_4_4.mid", Call::kWritten);
  const std::vector<Note> evening =
      AnswersTo("evening_4_4.mid", Call::kWritten);
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
