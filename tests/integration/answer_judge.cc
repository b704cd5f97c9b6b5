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

AnswerJudge::AnswerJudge(const JackMusician& musician, const JackListener& ear,
                         double frames_per_pulse)
    : onsets_(musician.onsets().All()),
      sounded_(NotesOf(ear.Events())),
      stalls_(musician.stalls().All()) {
  EXPECT_EQ(musician.pulses().lost() + musician.onsets().lost() + ear.lost(),
            0u);
  for (const JackMusician::Pulse& pulse : musician.pulses().All()) {
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
  for (const JackMusician::Transport& said : musician.transport().All()) {
    if (said.status == kStop) stopped_.insert(said.run);
  }
}

std::vector<int64_t> AnswerJudge::JudgeAll() {
  std::vector<int64_t> bars;
  for (const auto& [run, pulses] : runs_) JudgeRun(run, pulses, bars);
  for (const SoundedNote& note : sounded_) {
    EXPECT_TRUE(note.called_for) << "nobody called for pitch " << note.pitch;
    EXPECT_TRUE(note.off.has_value()) << "pitch " << note.pitch << " hangs";
  }
  return bars;
}

void AnswerJudge::JudgeRun(int run, const Pulses& pulses,
                           std::vector<int64_t>& bars) {
  const int64_t first = FirstWholeBar(pulses.begin()->first);
  const int64_t end = pulses.rbegin()->first + 1;
  for (const JackMusician::Onset& onset : onsets_) {
    if (onset.run == run && onset.song >= first * kPulsesPerBar) {
      JudgeOnset(onset, pulses);
    }
  }
  for (int64_t bar = first + kAnswerBarsLater; (bar + 1) * kPulsesPerBar <= end;
       ++bar) {
    bars.push_back(bar);
  }
}

void AnswerJudge::JudgeOnset(const JackMusician::Onset& onset,
                             const Pulses& pulses) {
  const int64_t bar = onset.song / kPulsesPerBar;
  const int64_t line = (bar + kAnswerBarsLater + 1) * kPulsesPerBar;
  const int64_t target = onset.song + kAnswerBarsLater * kPulsesPerBar;
  const int64_t end = pulses.rbegin()->first;
  const int after =
      stopped_.contains(onset.run) ? kPulsesInDoubt : kPulsesCarriedOn;
  if (target > end + after) return;
  const auto played = pulses.find(onset.song);
  const auto heard = pulses.find(std::min(target, end));
  if (played == pulses.end() || heard == pulses.end()) return;
  const MonoTime ideal = heard->second + (onset.at - played->second);
  SoundedNote* note = Nearest(PitchOf(bar, onset.note), ideal);
  if (note != nullptr) note->called_for = true;
  if (target > end - kPulsesInDoubt) return;
  if (note == nullptr) {
    ADD_FAILURE() << "note " << onset.note << " of bar " << bar << ", run "
                  << onset.run << ", has no answer";
    return;
  }
  const bool played_after_stall = AfterStall(onset.at);
  const auto add = [&](Distances& distances, MonoTime at, MonoTime due) {
    if (played_after_stall || AfterStall(std::max(at, due))) {
      ++after_stalls_;
    } else {
      distances.Add(Ms(at - due));
    }
  };
  add(notes_, note->on, ideal);
  const auto closing = pulses.find(line);
  if (onset.note != kOver || closing == pulses.end() || !note->off) return;
  add(lines_, *note->off, closing->second);
}

bool AnswerJudge::AfterStall(MonoTime at) const {
  return std::any_of(stalls_.begin(), stalls_.end(), [at](MonoTime stall) {
    return stall <= at && at - stall <= kSettling;
  });
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
