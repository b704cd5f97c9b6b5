// SPDX-License-Identifier: Apache-2.0
#include "tests/integration/answer_judge.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>

#include "absl/strings/str_format.h"

namespace antiphon::testing {
namespace {

constexpr double kFramesPerMs = 48;
// What is due so near to the end of a run may sound or not: a STOP acts within
// 20 ms, a lost clock is carried on for 250 ms and a pulse. At up to 120
// quarter notes a minute.
constexpr int kPulsesInDoubt = 2;
constexpr int kPulsesCarriedOn = 15;
// In which a clock that has moved is followed (docs/timing.md).
const absl::Duration kSettling = absl::Milliseconds(500);
// A clock that is silent so long is lost, and goes on where it was.
const absl::Duration kLost = absl::Milliseconds(250);
// How far from a whole number of pulses a gap may be that is taken for lost
// ones (PulseFilter::kMaxWholeness).
constexpr double kWholeness = 0.25;

double Ms(absl::Duration duration) {
  return absl::ToDoubleMilliseconds(duration);
}

int64_t FirstWholeBar(int64_t song) {
  return (song + kPulsesPerBar - 1) / kPulsesPerBar;
}

}  // namespace

double Distances::Median() const {
  if (all_.empty()) return std::numeric_limits<double>::quiet_NaN();
  std::vector<double> sorted = all_;
  std::sort(sorted.begin(), sorted.end());
  return sorted[sorted.size() / 2];
}

double Distances::Quantile(double share) const {
  if (all_.empty()) return std::numeric_limits<double>::quiet_NaN();
  std::vector<double> sorted;
  for (double ms : all_) sorted.push_back(std::abs(ms));
  std::sort(sorted.begin(), sorted.end());
  return sorted[static_cast<size_t>(
      std::ceil(share * static_cast<double>(sorted.size() - 1)))];
}

std::string Distances::Text(const std::string& what) const {
  return absl::StrFormat("%d %s: median %.2f ms, p95 %.2f ms, max %.2f ms",
                         count(), what, Median(), Quantile(0.95), Quantile(1));
}

std::vector<SoundedNote> NotesOf(const std::vector<HeardEvent>& events) {
  std::vector<SoundedNote> notes;
  std::map<int, size_t> open;  // by pitch
  for (const HeardEvent& event : events) {
    if (event.bytes.size() != 3) continue;
    const int kind = event.bytes[0] & 0xF0;
    const int pitch = event.bytes[1];
    const bool on = kind == 0x90 && event.bytes[2] > 0;
    if (!on && kind != 0x80 && kind != 0x90) continue;
    if (const auto found = open.find(pitch); found != open.end()) {
      notes[found->second].off = event.at;
      open.erase(found);
    }
    if (!on) continue;
    open[pitch] = notes.size();
    notes.push_back({.pitch = pitch, .on = event.at});
  }
  return notes;
}

Testimony TestimonyOf(const JackMusician& musician, const JackListener& ear) {
  EXPECT_EQ(musician.pulses().lost() + musician.onsets().lost() + ear.lost(),
            0u);
  return {.pulses = musician.pulses().All(),
          .transport = musician.transport().All(),
          .onsets = musician.onsets().All(),
          .stalls = musician.stalls().All(),
          .heard = ear.Events()};
}

AnswerJudge::AnswerJudge(const Testimony& testimony, double pulse_ms,
                         double frames_per_pulse)
    : pulse_ms_(pulse_ms),
      onsets_(testimony.onsets),
      sounded_(NotesOf(testimony.heard)),
      stalls_(testimony.stalls) {
  for (const JackMusician::Pulse& pulse : testimony.pulses) {
    MonoTime at = pulse.at;
    if (frames_per_pulse > 0) {
      const double error =
          pulse.frame - static_cast<double>(pulse.song) * frames_per_pulse;
      at = at - absl::Milliseconds(error / kFramesPerMs);
      master_error_ =
          std::max(master_error_, std::abs(error) / frames_per_pulse);
    }
    runs_[pulse.run].emplace(pulse.song, at);
  }
  for (const JackMusician::Transport& said : testimony.transport) {
    if (said.status == kStop) stopped_.insert(said.run);
    if (said.status == kStart || said.status == kSongPosition) {
      positions_.push_back(said.at);
    }
  }
}

void AnswerJudge::Listen() {
  for (const auto& [run, pulses] : runs_) JudgeRun(run, pulses);
}

std::vector<int64_t> AnswerJudge::JudgeAll() {
  Listen();
  for (const std::string& answer : missing_) ADD_FAILURE() << answer;
  for (const SoundedNote& note : sounded_) {
    EXPECT_TRUE(note.called_for) << "nobody called for pitch " << note.pitch;
    EXPECT_TRUE(note.off.has_value()) << "pitch " << note.pitch << " hangs";
  }
  return bars_;
}

bool AnswerJudge::HasJudged(int run) const {
  const auto counts = judged_.find(run);
  return counts != judged_.end() && counts->second.notes >= kLeastNotes &&
         counts->second.lines >= kLeastLines;
}

bool AnswerJudge::HasJudgedAll() const {
  return !judged_.empty() &&
         std::all_of(judged_.begin(), judged_.end(),
                     [this](const auto& run) { return HasJudged(run.first); });
}

void AnswerJudge::JudgeRun(int run, const Pulses& pulses) {
  const int64_t first = FirstWholeBar(pulses.begin()->first);
  const int64_t end = pulses.rbegin()->first + 1;
  Counts counts;
  for (const JackMusician::Onset& onset : onsets_) {
    if (onset.run == run && onset.song >= first * kPulsesPerBar) {
      JudgeOnset(onset, pulses, counts);
    }
  }
  for (int64_t bar = first + kAnswerBarsLater; (bar + 1) * kPulsesPerBar <= end;
       ++bar) {
    bars_.push_back(bar);
    judged_[run] = counts;
  }
}

void AnswerJudge::JudgeOnset(const JackMusician::Onset& onset,
                             const Pulses& pulses, Counts& counts) {
  const int64_t target = onset.song + kAnswerBarsLater * kPulsesPerBar;
  const auto [end, ended] = *pulses.rbegin();
  const int after =
      PulsesInDoubt(onset.run, ended) +
      (stopped_.contains(onset.run) ? kPulsesInDoubt : kPulsesCarriedOn);
  if (target > end + after) return;
  const auto played = pulses.find(onset.song);
  const auto heard = pulses.find(std::min(target, end));
  if (played == pulses.end() || heard == pulses.end()) return;
  const MonoTime ideal = heard->second + (onset.at - played->second);
  SoundedNote* note =
      Nearest(PitchOf(onset.song / kPulsesPerBar, onset.note), ideal);
  if (note != nullptr) note->called_for = true;
  if (target > end - kPulsesInDoubt) return;
  if (note == nullptr) {
    missing_.push_back(
        absl::StrFormat("note %d of bar %d, run %d, has no answer", onset.note,
                        onset.song / kPulsesPerBar, onset.run));
    return;
  }
  counts.notes += Add(notes_, onset, note->on, ideal);
  if (onset.note == kOver) JudgeLine(onset, pulses, *note, counts);
}

void AnswerJudge::JudgeLine(const JackMusician::Onset& onset,
                            const Pulses& pulses, const SoundedNote& note,
                            Counts& counts) {
  const int64_t bar = onset.song / kPulsesPerBar + kAnswerBarsLater;
  const auto closing = pulses.find((bar + 1) * kPulsesPerBar);
  if (closing == pulses.end() || !note.off) return;
  counts.lines += Add(lines_, onset, *note.off, closing->second);
}

bool AnswerJudge::Add(Distances& distances, const JackMusician::Onset& onset,
                      MonoTime at, MonoTime due) {
  const MonoTime last = std::max(at, due);
  if (AfterStall(onset.at) || AfterStall(last)) {
    ++after_stalls_;
    return false;
  }
  const int most = PulsesInDoubt(onset.run, last);
  const double ahead = std::round(Ms(due - at) / pulse_ms_);
  distances.Add(Ms(at - due) +
                std::clamp<double>(ahead, -most, most) * pulse_ms_);
  return true;
}

bool AnswerJudge::AfterStall(MonoTime at) const {
  return std::any_of(stalls_.begin(), stalls_.end(), [at](const auto& stall) {
    return stall.at <= at && at - stall.at <= kSettling;
  });
}

int AnswerJudge::WholePulses(double ms) const {
  return static_cast<int>(ms / pulse_ms_ + kWholeness);
}

int AnswerJudge::PulsesInDoubt(int run, MonoTime to) const {
  const MonoTime begin = runs_.at(run).begin()->second;
  MonoTime told = MonoTime::Min();
  for (MonoTime at : positions_) {
    if (at <= begin) told = at;
  }
  int pulses = 0;
  double ms = 0;  // of stalls that follow each other
  MonoTime last = begin;
  for (const JackMusician::Stall& stall : stalls_) {
    if (stall.at <= told || stall.at > to || stall.length > kLost) continue;
    if (stall.at - last > kSettling) {
      pulses += WholePulses(ms);
      ms = 0;
    }
    ms += Ms(stall.length);
    last = stall.at;
  }
  return pulses + WholePulses(ms);
}

// Of those that nobody has called for yet, within a bar; the same pitch comes
// again after five.
SoundedNote* AnswerJudge::Nearest(int pitch, MonoTime at) {
  SoundedNote* nearest = nullptr;
  double least = 960;
  for (SoundedNote& note : sounded_) {
    const double distance = std::abs(Ms(note.on - at));
    if (note.pitch != pitch || note.called_for || distance >= least) continue;
    nearest = &note;
    least = distance;
  }
  return nearest;
}

double AnswerJudge::MillisecondsToSilence(MonoTime from) const {
  MonoTime last = from;
  bool sounds = false;
  for (const SoundedNote& note : sounded_) {
    if (note.on > from + absl::Milliseconds(100)) continue;
    if (!note.off) return std::numeric_limits<double>::infinity();
    sounds |= note.on <= from && *note.off > from;
    last = std::max(last, *note.off);
  }
  EXPECT_TRUE(sounds) << "nothing that could have become silent";
  return Ms(last - from);
}

}  // namespace antiphon::testing
