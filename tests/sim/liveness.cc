// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/liveness.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "absl/strings/str_cat.h"

namespace antiphon::sim {
namespace {

constexpr size_t kLag = 1;
const absl::Duration kCutoffMargin = absl::Milliseconds(5);
// From the line to the job on the stream, and from a reply to its plan.
const absl::Duration kTurn = absl::Milliseconds(2);
// The client looks for the end of a stream, and for its welcome, this often.
// Behind a line that nobody could foresee: as kTurn, and one of playback.
const absl::Duration kBehind = absl::Milliseconds(3);
const absl::Duration kClientTurn = absl::Milliseconds(10);
const absl::Duration kFirstPause = absl::Milliseconds(100);
const absl::Duration kLongestPause = absl::Seconds(5);
// A frozen stream may be given up, and its successor too.
const absl::Duration kGivenUp = absl::Seconds(10);
// An even clock without jitter is known after so long to a quarter of a pulse,
// and to less than a tick where its tempo never changed.
const absl::Duration kKnown = absl::Milliseconds(1500);
// A clock that is not known yet, or jitters; at least a pulse.
const absl::Duration kLoose = absl::Milliseconds(25);
// So far the clock's line is behind a tempo that never rests.
const absl::Duration kDrift = absl::Milliseconds(5);

class Judge {
 public:
  Judge(const Recording& recording, const Truth& truth)
      : recording_(recording), truth_(truth) {
    for (size_t i = 0; i < recording.sent.size(); ++i) {
      if (recording.sent[i].message.IsNoteOn()) ons_.push_back(i);
    }
    used_.resize(recording.sent.size());
  }

  Liveness Run() {
    const auto& bars = truth_.bars();
    for (size_t i = 0; i + 1 + kLag < bars.size(); ++i) {
      if (result_.problem.empty() && IsUndisturbed(i)) JudgeAnswerTo(i);
    }
    return result_;
  }

 private:
  // Whether bar `human`, its successor and its target had a fair chance.
  bool IsUndisturbed(size_t human) const {
    const auto& bars = truth_.bars();
    const size_t target = human + 1 + kLag;
    for (size_t i = human; i <= target; ++i) {
      if (!bars[i].whole() || bars[i].run != bars[human].run) return false;
    }
    return truth_.IsRegular(bars[human].first, bars[target].end) &&
           truth_.ForeseenAfter(human) &&
           IsReachable(truth_.EndOf(bars[human]),
                       truth_.BeginOf(bars[target]) - kCutoffMargin);
  }

  // Whether an answer to a job of `from` can be there by `until`, whatever the
  // network draws, with all the troubles that are scripted.
  bool IsReachable(MonoTime from, MonoTime until) const {
    const NetworkScript& network = recording_.network;
    const absl::Duration answer =
        network.up.Most() + network.down.Most() + 2 * ServiceTime();
    Trouble down;  // at the beginning nobody is connected
    MonoTime start = std::max(from + kTurn, Reconnected(down));
    for (const Trouble& trouble : network.troubles) {
      if (trouble.kind == Trouble::Kind::kTwice) continue;
      if (trouble.kind != Trouble::Kind::kDown) {
        const absl::Duration after =
            trouble.kind == Trouble::Kind::kFrozen ? kGivenUp
            : trouble.kind == Trouble::Kind::kSlow ? Trouble::kSlowest
                                                   : absl::ZeroDuration();
        if (trouble.from <= until && trouble.to + after >= from) return false;
        continue;
      }
      if (trouble.from > start + answer) continue;
      if (trouble.from > Reconnected(down)) down.from = trouble.from;
      down.to = trouble.to;
      start = std::max(start, Reconnected(down));
    }
    return start + answer + kTurn <= until;
  }

  // Welcomed again after a trouble. Pauses between attempts double.
  MonoTime Reconnected(const Trouble& down) const {
    const absl::Duration pause = std::min(
        down.to - down.from + kFirstPause + 8 * kClientTurn, kLongestPause);
    return down.to + pause + recording_.network.up.Most() +
           recording_.network.down.Most() + 2 * kClientTurn;
  }

  absl::Duration ServiceTime() const {
    constexpr int kMostNotes = 16;  // of a bar of these tests
    return recording_.network.think + kMostNotes * recording_.network.per_note;
  }

  void JudgeAnswerTo(size_t human) {
    const size_t target = human + 1 + kLag;
    const TrueBar& bar = truth_.bars()[target];
    const std::vector<Owed> owed =
        truth_.AnswerTo(human, target, *truth_.ForeseenAfter(human));
    const bool sudden = truth_.IsJump(bar.first) || truth_.IsJump(bar.end);
    absl::Duration tolerance = Tolerance(human, target);
    if (sudden) tolerance += kBehind;
    // Where a note's tick is vague, so is on which side of a restart it fell.
    if (bar.began && tolerance >= kLoose) {
      tolerance += truth_.LineOf(bar) - truth_.BeginOf(bar);
    }
    ++result_.judged;
    for (const Owed& note : owed) JudgeNote(note, tolerance, human);
    JudgeExtras(bar, tolerance, target);
  }

  absl::Duration Tolerance(size_t human, size_t target) const {
    const TrueBar& bar = truth_.bars()[human];
    const absl::Duration even = truth_.EvenFor(bar.first);
    const absl::Duration pulse =
        truth_.At(bar.first + 1) - truth_.At(bar.first);
    if (recording_.host.jitter().Most() > absl::ZeroDuration() ||
        even < kKnown) {
      return std::max(kLoose, pulse);
    }
    if (truth_.IsDrifting(bar.first, truth_.bars()[target].end)) return kDrift;
    const absl::Duration tick = pulse / kTicksPerPulse;
    return truth_.WasAlwaysEven(bar.first) ? tick : 5 * tick;
  }

  void JudgeNote(const Owed& note, absl::Duration tolerance, size_t human) {
    ++result_.notes;
    const auto from = std::lower_bound(
        ons_.begin(), ons_.end(), note.on - note.early - tolerance,
        [this](size_t i, MonoTime t) { return recording_.sent[i].at < t; });
    for (auto i = from; i != ons_.end(); ++i) {
      const Sent& on = recording_.sent[*i];
      if (on.at > note.on + tolerance) break;
      if (used_[*i] || on.message.pitch() != note.pitch ||
          on.message.velocity() != note.velocity) {
        continue;
      }
      used_[*i] = true;
      result_.worst =
          std::max(result_.worst, absl::AbsDuration(on.at - note.on));
      return JudgeEnd(*i, note, tolerance, human);
    }
    Complain(human,
             absl::StrCat("pitch ", note.pitch, " velocity ", note.velocity,
                          " does not sound", At(note.on)));
  }

  void JudgeEnd(size_t on, const Owed& note, absl::Duration tolerance,
                size_t human) {
    if (note.off_open) return;
    for (size_t i = on + 1; i < recording_.sent.size(); ++i) {
      const Sent& off = recording_.sent[i];
      if (off.message.pitch() != note.pitch) continue;
      // Beginning and end are rounded to ticks apart from each other.
      if (absl::AbsDuration(off.at - note.off) <= 2 * tolerance + note.early) {
        return;
      }
      return Complain(
          human, absl::StrCat("pitch ", note.pitch, " of", At(note.on), " ends",
                              At(off.at), ", must", At(note.off)));
    }
    Complain(human, absl::StrCat("pitch ", note.pitch, " never ends"));
  }

  void JudgeExtras(const TrueBar& bar, absl::Duration tolerance,
                   size_t target) {
    const MonoTime begin = truth_.BeginOf(bar) + tolerance;
    const MonoTime end = truth_.EndOf(bar) - tolerance;
    for (const size_t i : ons_) {
      const Sent& on = recording_.sent[i];
      if (on.at <= begin || on.at >= end || used_[i]) continue;
      Complain(target - 1 - kLag,
               absl::StrCat("pitch ", on.message.pitch(), " sounds", At(on.at),
                            " and nothing calls for it"));
    }
  }

  static std::string At(MonoTime time) {
    return absl::StrCat(" at ", absl::FormatDuration(time - MonoTime()));
  }

  void Complain(size_t human, const std::string& what) {
    if (!result_.problem.empty()) return;
    const TrueBar& bar = truth_.bars()[human];
    result_.problem = absl::StrCat("answer to the bar", At(truth_.LineOf(bar)),
                                   " to", At(truth_.EndOf(bar)), ": ", what);
  }

  const Recording& recording_;
  const Truth& truth_;
  std::vector<size_t> ons_;  // of recording_.sent
  std::vector<bool> used_;   // likewise, for a note that was owed
  Liveness result_;
};

}  // namespace

Liveness CheckLiveness(const Recording& recording, const Truth& truth) {
  return Judge(recording, truth).Run();
}

}  // namespace antiphon::sim
