// SPDX-License-Identifier: Apache-2.0
//
// Checkers of what is told: of bars and of jobs.
#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/sim/checkers.h"

namespace antiphon::sim {
namespace {

using edge::BarRecord;
using edge::EndReason;
using edge::JobId;
using edge::Reply;
using Stroke = std::tuple<int, int, int64_t>;  // pitch, velocity, tick

constexpr PlaySeq kWait = 2;  // from a bar to its answer
// An answer this near its cutoff is judged by the edge's own clock alone.
const absl::Duration kNear = absl::Milliseconds(3);
const absl::Duration kCutoffMargin = absl::Milliseconds(5);

// What came back for one job.
struct Answer {
  std::set<Stroke> notes;
  MonoTime first = MonoTime::Max();  // note, or an end without one
  bool refused = false;
  std::optional<EndReason> end;

  void Add(const Reply& reply) {
    refused = refused || reply.kind == Reply::Kind::kRefused;
    if (reply.kind != Reply::Kind::kChunk) return;
    for (int i = 0; i < reply.note_count; ++i) {
      const Note& note = reply.notes[static_cast<size_t>(i)].note;
      notes.emplace(note.pitch, note.velocity, note.tick.count());
    }
    if (reply.note_count > 0 || reply.done) first = std::min(first, reply.at);
    if (reply.done) end = reply.end_reason;
  }
};

// Judges records one by one, in their order.
class RecordJudge {
 public:
  RecordJudge(const Recording& recording, const Truth& truth)
      : recording_(recording), truth_(truth) {
    std::map<JobId, std::pair<Epoch, PlaySeq>> bars;
    for (const Asked& asked : recording.asked) {
      bars[asked.job] = {asked.epoch, asked.answers + kWait};
      answers_[bars[asked.job]];
    }
    for (const Reply& reply : recording.replies) {
      const auto bar = bars.find(reply.job_id);
      if (bar != bars.end()) answers_[bar->second].Add(reply);
    }
    for (const edge::PlaybackCommand& command : Commands()) {
      planned_[{command.epoch, command.play_seq, command.note}] =
          command.tick.count();
    }
    for (const Sent& s : recording.sent) {
      if (s.message.IsNoteOn()) ons_[{s.epoch, s.play_seq}].push_back(&s);
    }
    for (const Begun& begun : recording.begun) {
      lines_[{begun.epoch, begun.play_seq}] = begun.line;
    }
  }

  std::string Judge(const BarRecord& bar) {
    if (bar.epoch != epoch_) {
      epoch_ = bar.epoch;
      first_ = bar.play_seq;
      last_answer_ = nullptr;
    }
    const auto asked = answers_.find({bar.epoch, bar.play_seq});
    const Answer* answer = asked == answers_.end() ? nullptr : &asked->second;
    const std::string problem = ProblemOf(bar, answer);
    if (bar.outcome == Outcome::kAnswer) last_answer_ = answer;
    return problem;
  }

 private:
  std::vector<edge::PlaybackCommand> Commands() const {
    std::vector<edge::PlaybackCommand> all;
    for (const Planned& plan : recording_.planned) all.push_back(plan.command);
    return all;
  }

  std::string ProblemOf(const BarRecord& bar, const Answer* answer) const {
    const bool asked = answer != nullptr;
    if (asked && bar.answers && *bar.answers + kWait != bar.play_seq) {
      return "answers another bar";
    }
    switch (bar.outcome) {
      case Outcome::kAnswer:
        if (!asked || answer->notes.empty()) return "nothing was answered";
        if (bar.reason != Reason::kInTime && bar.reason != Reason::kShortened) {
          return "is no reason for an answer";
        }
        return Sounds(bar, *answer) ? "" : "another answer sounds";
      case Outcome::kRepeat:
        if (last_answer_ == nullptr) return "there is nothing to repeat";
        if (!Sounds(bar, *last_answer_)) return "another answer is repeated";
        return asked ? ProblemOfFailure(bar, *answer) : "nothing was asked";
      case Outcome::kSilence:
        if (last_answer_ != nullptr) return "there was an answer to repeat";
        return asked ? ProblemOfFailure(bar, *answer) : "nothing was asked";
      case Outcome::kRest:
        return ProblemOfRest(bar, answer);
      default:
        return "is no outcome of this edge";
    }
  }

  std::string ProblemOfRest(const BarRecord& bar, const Answer* answer) const {
    const PlaySeq age = bar.play_seq - first_;
    switch (bar.reason) {
      case Reason::kWarmUp:  // one more where the first line was not seen
        return age <= kWait ? "" : "the epoch is warm";
      case Reason::kNoInput:
        if (answer != nullptr) return "there was input: it was asked for";
        return HumanPlayed(bar) ? "the player played" : "";
      case Reason::kEmpty:
        return answer != nullptr && answer->notes.empty() && answer->end
                   ? ""
                   : "no empty answer came";
      case Reason::kCancelled: {
        const bool last = bar.play_seq + 1 == recording_.bars.size() ||
                          recording_.bars[bar.play_seq + 1].epoch != bar.epoch;
        return last ? "" : "nothing broke it off";
      }
      default:
        return "is no reason for a rest";
    }
  }

  // Whether what is told as the failure was one.
  std::string ProblemOfFailure(const BarRecord& bar,
                               const Answer& answer) const {
    switch (bar.reason) {
      case Reason::kRefused:
        return answer.refused ? "" : "nobody refused";
      case Reason::kInvalid:
        return answer.end == EndReason::kInvalid ? "" : "nothing was invalid";
      case Reason::kCancelled:
        return answer.end == EndReason::kCancelled ? "" : "nobody cancelled";
      case Reason::kLate:
      case Reason::kUnavailable:
        return ProblemOfLateness(bar, answer);
      case Reason::kTimeout:
        return answer.notes.empty() ? "" : "it was answered";
      default:
        return "is no reason for a failure";
    }
  }

  std::string ProblemOfLateness(const BarRecord& bar,
                                const Answer& answer) const {
    const auto line = lines_.find({bar.epoch, bar.play_seq});
    if (line == lines_.end() || truth_.IsSudden(line->second)) return "";
    const absl::Duration vague = recording_.host.jitter().Most() + kNear;
    const MonoTime cutoff = line->second - kCutoffMargin;
    if (answer.first < cutoff - vague) return "the answer was in time";
    const std::optional<bool> connected = Connected(cutoff, vague);
    if (!connected || *connected == (bar.reason == Reason::kLate)) return "";
    return *connected ? "the service was there" : "the service was not there";
  }

  // None: that changed about then.
  std::optional<bool> Connected(MonoTime at, absl::Duration vague) const {
    bool connected = false;
    for (const Reply& reply : recording_.replies) {
      if (reply.kind != Reply::Kind::kConnected &&
          reply.kind != Reply::Kind::kDisconnected) {
        continue;
      }
      if (absl::AbsDuration(reply.at - at) <= vague) return std::nullopt;
      if (reply.at < at) connected = reply.kind == Reply::Kind::kConnected;
    }
    return connected;
  }

  // Whether all that sounded in the bar is of this answer.
  bool Sounds(const BarRecord& bar, const Answer& answer) const {
    const auto ons = ons_.find({bar.epoch, bar.play_seq});
    if (ons == ons_.end()) return true;
    return std::all_of(
        ons->second.begin(), ons->second.end(), [&](const Sent* s) {
          const auto tick = planned_.find({s->epoch, s->play_seq, s->note});
          return tick != planned_.end() &&
                 answer.notes.contains(
                     {s->message.pitch(), s->message.velocity(), tick->second});
        });
  }

  // Whether the script has notes well inside the bar that this one is to
  // answer. Only of bars that nothing disturbed.
  bool HumanPlayed(const BarRecord& bar) const {
    const auto line = lines_.find({bar.epoch, bar.play_seq - kWait});
    if (bar.play_seq < first_ + kWait || line == lines_.end()) return false;
    const absl::Duration vague =
        recording_.host.jitter().Most() + absl::Milliseconds(15);
    const auto& bars = truth_.bars();
    for (size_t i = 0; i < bars.size(); ++i) {
      if (!bars[i].whole() || bars[i].began ||
          absl::AbsDuration(truth_.LineOf(bars[i]) - line->second) > vague ||
          !truth_.IsRegular(bars[i].first, bars[i].end)) {
        continue;
      }
      return std::any_of(
          truth_.notes().begin(), truth_.notes().end(), [&](const auto& note) {
            const double margin =
                0.2 * static_cast<double>(bars[i].length.count());
            return note.bar == i && note.on > margin &&
                   note.on <
                       static_cast<double>(bars[i].length.count()) - margin;
          });
    }
    return false;
  }

  const Recording& recording_;
  const Truth& truth_;
  std::map<std::pair<Epoch, PlaySeq>, Answer> answers_;  // by where they sound
  std::map<std::tuple<Epoch, PlaySeq, uint32_t>, int64_t> planned_;  // ticks
  std::map<std::pair<Epoch, PlaySeq>, std::vector<const Sent*>> ons_;
  std::map<std::pair<Epoch, PlaySeq>, MonoTime> lines_;
  // Of the epoch under way.
  Epoch epoch_ = 0;
  PlaySeq first_ = 0;
  const Answer* last_answer_ = nullptr;
};

}  // namespace

std::string CheckOutcomes(const Recording& recording, const Truth& truth) {
  RecordJudge judge(recording, truth);
  for (const BarRecord& bar : recording.bars) {
    const std::string problem = judge.Judge(bar);
    if (problem.empty()) continue;
    return absl::StrCat("bar ", bar.play_seq, " is ", ToString(bar.outcome),
                        "/", ToString(bar.reason), ", but ", problem);
  }
  return "";
}

std::string CheckNoJobLeftOpen(const Recording& recording) {
  std::set<JobId> open;
  for (const Asked& asked : recording.asked) open.insert(asked.job);
  for (const Reply& reply : recording.replies) {
    if (reply.done || reply.kind == Reply::Kind::kRefused) {
      open.erase(reply.job_id);
    }
  }
  for (const JobId job : recording.called_off) open.erase(job);
  if (!open.empty()) {
    return absl::StrCat("job ", *open.begin(), " was never called off");
  }
  if (!recording.left_open.empty()) {
    return absl::StrCat("job ", recording.left_open.front(),
                        " is still open at the service");
  }
  return "";
}

}  // namespace antiphon::sim
