// SPDX-License-Identifier: Apache-2.0
//
// What tokens cost: note by note while the music is played, and whole lists and
// files at once. Prints JSON lines; each value is the median of five rounds,
// in which the measurements take turns.
//
// `tokenizer.prompt`: a job's whole context at 30 notes a second, which the
// engine tokenises anew for each job; three bars as at lag 1, and eight with
// pedal tokens.
// `tokenizer.incremental`: one note struck, the cut moved to it, one note let
// go; 30 notes a second (a dense piece has 9) for 10 minutes. Once with every
// note let go soon, once with the pedal down all the time.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <vector>

#include "common/rt/clock.h"
#include "inference/aria/detokenizer.h"
#include "inference/aria/live_tokenizer.h"
#include "inference/aria/tokenizer.h"
#include "inference/engine/prompt.h"
#include "tests/bench/row.h"

namespace antiphon::inference {
namespace {

using bench::Print;

constexpr int kRounds = 5;
constexpr int kNotesPerSecond = 30;
constexpr size_t kNotes = size_t{600} * kNotesPerSecond;

[[noreturn]] void Fail(const absl::Status& status) {
  std::fprintf(stderr, "tokenizer_bench: %s\n", status.ToString().c_str());
  std::exit(1);
}

void Require(const absl::Status& status) {
  if (!status.ok()) Fail(status);
}

std::vector<TimedNote> Music() {
  std::mt19937_64 random(1);
  std::vector<TimedNote> notes;
  for (size_t i = 0; i < kNotes; ++i) {
    notes.push_back({static_cast<int64_t>(i * 1000 / kNotesPerSecond),
                     50 + static_cast<int64_t>(random() % 800),
                     21 + static_cast<int>(random() % 88),
                     1 + static_cast<int>(random() % 127)});
  }
  return notes;
}

double SecondsSince(MonoTime begin) {
  return absl::ToDoubleSeconds(rt::Now() - begin);
}

// Microseconds a note.
double Incremental(const std::vector<TimedNote>& notes, bool pedal) {
  const Vocabulary vocabulary(VocabularyKind::kDefault);
  auto live = LiveTokenizer::Create(vocabulary);
  if (!live.ok()) Fail(live.status());
  // The note let go now is the one struck so many notes ago.
  const size_t behind = pedal ? notes.size() : 20;
  size_t checked = 0;
  const MonoTime begin = rt::Now();
  for (size_t i = 0; i < notes.size(); ++i) {
    const TimedNote& note = notes[i];
    const auto number = live->Begin(note.onset_ms, note.pitch, note.velocity);
    if (!number.ok()) Fail(number.status());
    Require(live->CutAt(note.onset_ms));
    if (i >= behind) Require(live->End(*number - behind, note.onset_ms));
    checked += live->final_tokens();
  }
  const double seconds = SecondsSince(begin);
  if (checked == 0) Fail(absl::InternalError("no token became final"));
  return seconds * 1e6 / static_cast<double>(notes.size());
}

// `bars` of 4/4 at 120, two seconds each.
Job JobOf(const std::vector<TimedNote>& music, int bars) {
  Job job;
  job.tempos = {{Ticks(), 120}};
  for (int bar = 0; bar < bars; ++bar) {
    job.bar_lines.push_back(Ticks::Of(bar * 1920));
  }
  job.cut = Ticks::Of(bars * 1920);
  const TimeMap time = TimeMap::Real(job.tempos, Ticks());
  for (const TimedNote& note : music) {
    const Ticks on = time.TicksAt(note.onset_ms);
    if (on >= job.cut) break;
    const Ticks off =
        std::min(job.cut, time.TicksAt(note.onset_ms + note.duration_ms));
    job.notes.push_back({.tick = on,
                         .duration = off - on + Ticks::Of(1),
                         .pitch = static_cast<uint8_t>(note.pitch),
                         .velocity = static_cast<uint8_t>(note.velocity)});
  }
  for (Ticks at; at < job.cut; at += Ticks::Of(240)) {
    job.pedals.push_back({at, job.pedals.size() % 2 == 0});
  }
  return job;
}

// Microseconds a job.
double Prompts(const Job& job, VocabularyKind kind) {
  constexpr int kTimes = 200;
  const Vocabulary vocabulary(kind);
  const ModelInfo info;
  const MonoTime begin = rt::Now();
  for (int i = 0; i < kTimes; ++i) {
    const auto prompt = PromptOf(job, vocabulary, info, 8192);
    if (!prompt || prompt->bars != job.bar_lines.size()) {
      Fail(absl::InternalError("the job's context was cut"));
    }
  }
  return SecondsSince(begin) * 1e6 / kTimes;
}

// Notes a second.
double Batch(const std::vector<TimedNote>& notes) {
  const Vocabulary vocabulary(VocabularyKind::kDefault);
  const MonoTime begin = rt::Now();
  const auto tokens = TokenizeLive(vocabulary, notes);
  const double seconds = SecondsSince(begin);
  if (!tokens.ok()) Fail(tokens.status());
  return static_cast<double>(notes.size()) / seconds;
}

MidiFile FileOf(const std::vector<TimedNote>& notes) {
  NoteList list;
  for (const TimedNote& note : notes) {
    list.notes.push_back({0, note.pitch, note.velocity, note.onset_ms,
                          note.onset_ms + note.duration_ms});
  }
  for (int64_t ms = 0; ms < notes.back().onset_ms; ms += 1000) {
    list.pedals.push_back({0, ms % 2000 == 0, ms});
  }
  list.programs.push_back({});
  return ToMidi(list);
}

double File(const MidiFile& file, size_t notes) {
  const Vocabulary vocabulary(VocabularyKind::kDemo25);
  const MonoTime begin = rt::Now();
  const auto tokens = TokenizeFile(vocabulary, file);
  const double seconds = SecondsSince(begin);
  if (!tokens.ok()) Fail(tokens.status());
  return static_cast<double>(notes) / seconds;
}

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

void Run() {
  const std::vector<TimedNote> notes = Music();
  const MidiFile file = FileOf(notes);
  const Job three = JobOf(notes, 3);
  const Job eight = JobOf(notes, 8);
  std::vector<double> prompts;
  std::vector<double> long_prompts;
  std::vector<double> played;
  std::vector<double> pedalled;
  std::vector<double> batch;
  std::vector<double> files;
  for (int round = 0; round < kRounds; ++round) {
    prompts.push_back(Prompts(three, VocabularyKind::kDefault));
    long_prompts.push_back(Prompts(eight, VocabularyKind::kDemo25));
    played.push_back(Incremental(notes, /*pedal=*/false));
    pedalled.push_back(Incremental(notes, /*pedal=*/true));
    batch.push_back(Batch(notes));
    files.push_back(File(file, notes.size()));
  }
  Print({"tokenizer.prompt", Median(prompts), "us/job", 500});
  Print({"tokenizer.prompt_8_bars_pedal", Median(long_prompts), "us/job", 500});
  Print({"tokenizer.incremental", Median(played), "us/note", 20});
  Print({"tokenizer.incremental_pedal", Median(pedalled), "us/note", 20});
  Print({"tokenizer.batch", Median(batch), "notes/s", 1e6, true});
  Print({"tokenizer.file", Median(files), "notes/s", 1e6, true});
}

}  // namespace
}  // namespace antiphon::inference

int main(int argc, char**) {
  if (argc > 1) {
    std::fprintf(stderr, "tokenizer_bench: takes no arguments\n");
    return 2;
  }
  antiphon::inference::Run();
  return 0;
}
