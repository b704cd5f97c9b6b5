// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/checkers.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

namespace antiphon::sim {
namespace {

const absl::Duration kCutoffMargin = absl::Milliseconds(5);
// Logical time is behind by the settle time and one turn of the thread.
const absl::Duration kBehind = absl::Milliseconds(2);
// One turn of the playback thread more.
const absl::Duration kReaction = kBehind + absl::Milliseconds(1);
// So much may a line come sooner than it looked where the tempo never rests.
const absl::Duration kDrift = absl::Milliseconds(1);
const absl::Duration kLateGrace = absl::Milliseconds(20);
const absl::Duration kSilentWithin = absl::Milliseconds(100);
const absl::Duration kRounding = absl::Microseconds(1);

std::string At(MonoTime time) {
  return absl::StrCat(" at ", absl::FormatDuration(time - MonoTime()));
}

std::string Name(const Sent& sent) {
  return absl::StrCat("note ", sent.note, " of bar ", sent.play_seq, " (pitch ",
                      sent.message.pitch(), ")");
}

// A bar that a break prevented from beginning lends its number to the first of
// the next epoch.
using BarKey = std::pair<Epoch, PlaySeq>;
using NoteKey = std::pair<BarKey, uint32_t>;

BarKey BarOf(const Sent& sent) { return {sent.epoch, sent.play_seq}; }
NoteKey NoteOf(const Sent& sent) { return {BarOf(sent), sent.note}; }

std::map<NoteKey, Planned> PlannedNotes(const Recording& recording) {
  std::map<NoteKey, Planned> planned;
  for (const Planned& plan : recording.planned) {
    const edge::PlaybackCommand& command = plan.command;
    planned.try_emplace({{command.epoch, command.play_seq}, command.note},
                        plan);
  }
  return planned;
}

std::map<BarKey, MonoTime> LinesOf(const Recording& recording) {
  std::map<BarKey, MonoTime> lines;
  for (const Begun& bar : recording.begun) {
    lines[{bar.epoch, bar.play_seq}] = bar.line;
  }
  return lines;
}

// Timelines follow a clock that jitters: lines move by as much.
absl::Duration Unsteady(const Recording& recording) {
  return recording.host.jitter().Most();
}

}  // namespace

std::string CheckNotesPaired(const Recording& recording) {
  std::map<int, MonoTime> sounding;
  for (const Sent& s : recording.sent) {
    if (s.message.IsControlChange()) continue;
    const int pitch = s.message.pitch();
    if (s.message.IsNoteOn() && !sounding.try_emplace(pitch, s.at).second) {
      return absl::StrCat("pitch ", pitch, " struck twice without an off",
                          At(s.at));
    }
    if (s.message.IsNoteOff() && sounding.erase(pitch) == 0) {
      return absl::StrCat("pitch ", pitch, " released without being struck",
                          At(s.at));
    }
  }
  if (sounding.empty()) return "";
  return absl::StrCat("pitch ", sounding.begin()->first, " hangs, struck",
                      At(sounding.begin()->second));
}

std::string CheckTimeOrder(const Recording& recording) {
  for (size_t i = 1; i < recording.sent.size(); ++i) {
    if (recording.sent[i].at < recording.sent[i - 1].at) {
      return absl::StrCat("message ", i, " goes back",
                          At(recording.sent[i].at));
    }
  }
  return "";
}

std::string CheckOneOutcomePerBar(const Recording& recording) {
  const auto& begun = recording.begun;
  const auto& bars = recording.bars;
  for (size_t i = 0; i < bars.size(); ++i) {
    if (bars[i].play_seq != i) {
      return absl::StrCat("line ", i, " tells of play_seq ", bars[i].play_seq);
    }
  }
  for (size_t i = 0; i < begun.size(); ++i) {
    if (begun[i].play_seq != i) {
      return absl::StrCat("bar ", begun[i].play_seq, " begins as number ", i);
    }
    if (i < bars.size() && bars[i].epoch != begun[i].epoch) {
      return absl::StrCat("bar ", i, " began in epoch ", begun[i].epoch,
                          " and is told of epoch ", bars[i].epoch);
    }
  }
  if (begun.size() == bars.size()) return "";
  return absl::StrCat(begun.size(), " bars begun, ", bars.size(), " told");
}

std::string CheckRecordsTellWhatSounded(const Recording& recording) {
  std::map<BarKey, int> sent;
  for (const Sent& s : recording.sent) {
    if (s.message.IsNoteOn()) ++sent[BarOf(s)];
  }
  for (const edge::BarRecord& bar : recording.bars) {
    // Cut off at once: what was sent in the last moment is not known yet.
    if (bar.reason == Reason::kCancelled) continue;
    const bool sounds =
        bar.outcome != Outcome::kRest && bar.outcome != Outcome::kSilence;
    const int true_sent = sent[{bar.epoch, bar.play_seq}];
    if (bar.sent != true_sent || (!sounds && bar.sent > 0)) {
      return absl::StrCat("bar ", bar.play_seq, " is ", ToString(bar.outcome),
                          " and tells of ", bar.sent, " notes; ", true_sent,
                          " were sent");
    }
  }
  return "";
}

std::string CheckNothingPlannedLate(const Recording& recording,
                                    const Truth& truth) {
  const std::map<NoteKey, Planned> planned = PlannedNotes(recording);
  const std::map<BarKey, MonoTime> lines = LinesOf(recording);
  const absl::Duration steady = kBehind - kCutoffMargin + Unsteady(recording);
  std::map<BarKey, MonoTime> first;
  for (const auto& [key, plan] : planned) {
    MonoTime& at = first.try_emplace(key.first, plan.at).first->second;
    at = std::min(at, plan.at);
  }
  for (const Sent& s : recording.sent) {
    if (!s.message.IsNoteOn()) continue;
    const auto plan = planned.find(NoteOf(s));
    if (plan == planned.end()) return Name(s) + " was never planned";
    const auto line = lines.find(BarOf(s));
    if (line == lines.end()) continue;  // broken off before it began
    // A line that comes too early by a jump passes before its cutoff.
    if (truth.IsSudden(line->second)) continue;
    const absl::Duration tolerance =
        steady + (truth.IsDrifting(s.due) ? kDrift : absl::ZeroDuration());
    if (plan->second.at > s.due + tolerance) {
      return absl::StrCat(Name(s), " was planned", At(plan->second.at), " for",
                          At(s.due));
    }
    if (first[BarOf(s)] > line->second + tolerance) {
      return absl::StrCat("bar ", s.play_seq, " was planned",
                          At(first[BarOf(s)]), " for", At(line->second));
    }
  }
  for (const edge::BarRecord& bar : recording.bars) {
    if (bar.outcome == Outcome::kAnswer &&
        (!bar.slack_ms || *bar.slack_ms < 0)) {
      return absl::StrCat("bar ", bar.play_seq,
                          " is an answer after its cutoff");
    }
  }
  return "";
}

std::string CheckNoDuplicates(const Recording& recording) {
  const std::map<NoteKey, Planned> planned = PlannedNotes(recording);
  std::set<NoteKey> sounded;
  // A key that was struck twice in one tick may sound twice in one.
  using Stroke = std::tuple<int, int, int64_t>;  // pitch, velocity, tick
  std::map<Stroke, int> asked;
  for (const JobSeen& seen : recording.jobs) {
    std::map<Stroke, int> strokes;
    const int64_t line = seen.job.context().bar_lines().empty()
                             ? 0
                             : *seen.job.context().bar_lines().rbegin();
    for (const v1::Note& note : seen.job.context().notes()) {
      const Stroke stroke{static_cast<int>(note.pitch()),
                          static_cast<int>(note.velocity()),
                          note.tick() - line};
      asked[stroke] = std::max(asked[stroke], ++strokes[stroke]);
    }
  }
  std::map<std::pair<BarKey, Stroke>, int> strokes;
  for (const Sent& s : recording.sent) {
    if (!s.message.IsNoteOn()) continue;
    const NoteKey key = NoteOf(s);
    if (!sounded.insert(key).second) return Name(s) + " sounds twice";
    const auto plan = planned.find(key);
    if (plan == planned.end()) continue;
    const Stroke stroke{s.message.pitch(), s.message.velocity(),
                        plan->second.command.tick.count()};
    if (++strokes[{BarOf(s), stroke}] > asked[stroke]) {
      return Name(s) + " sounds more often than it was played";
    }
  }
  return "";
}

std::string CheckOnTime(const Recording& recording) {
  for (const Sent& s : recording.sent) {
    if (!s.message.IsNoteOn()) continue;
    if (s.at < s.due || s.at > s.due + kLateGrace) {
      return absl::StrCat(Name(s), " was sent", At(s.at), ", due", At(s.due));
    }
    if (s.placed && absl::AbsDuration(s.due - *s.placed) > kRounding) {
      return absl::StrCat(Name(s), " is due", At(*s.placed), ", playback says",
                          At(s.due));
    }
  }
  return "";
}

std::string CheckSentInBar(const Recording& recording, const Truth& truth) {
  const std::map<NoteKey, Planned> planned = PlannedNotes(recording);
  const std::map<BarKey, MonoTime> lines = LinesOf(recording);
  const absl::Duration tolerance = kLateGrace + Unsteady(recording);
  for (const Sent& s : recording.sent) {
    if (!s.message.IsNoteOn()) continue;
    const auto plan = planned.find(NoteOf(s));
    if (plan != planned.end() && plan->second.command.tick >= s.length) {
      return absl::StrCat(Name(s), " begins", At(s.at), " at tick ",
                          plan->second.command.tick.count(), ", its bar has ",
                          s.length.count());
    }
    const auto line = lines.find(BarOf(s));
    const auto next = lines.find({s.epoch, s.play_seq + 1});
    if (truth.IsSurprised(s.at)) continue;
    if ((line != lines.end() && s.at < line->second - tolerance) ||
        (next != lines.end() && s.at > next->second + tolerance)) {
      return absl::StrCat(Name(s), " begins", At(s.at), " outside its bar");
    }
  }
  return "";
}

std::string CheckNoOldEpoch(const Recording& recording, const Truth& truth) {
  const std::map<NoteKey, Planned> planned = PlannedNotes(recording);
  for (const Sent& s : recording.sent) {
    if (!s.message.IsNoteOn()) continue;
    const auto plan = planned.find(NoteOf(s));
    if (plan == planned.end()) continue;
    for (const MonoTime broken : truth.breaks()) {
      if (plan->second.at <= broken && s.at > broken + kReaction) {
        return absl::StrCat(Name(s), " was planned", At(plan->second.at),
                            " and sounds", At(s.at), ", a break was",
                            At(broken));
      }
    }
  }
  return "";
}

std::string CheckSilentWhileStopped(const Recording& recording,
                                    const Truth& truth) {
  for (const Sent& s : recording.sent) {
    if (!s.message.IsNoteOn()) continue;
    for (const Stopped& stop : truth.stopped()) {
      if (s.at > stop.from + kReaction && s.at < stop.to) {
        return absl::StrCat(Name(s), " begins", At(s.at), ", the host stopped",
                            At(stop.told));
      }
    }
  }
  return "";
}

std::string CheckNothingRingsOn(const Recording& recording,
                                const Truth& truth) {
  std::vector<MonoTime> breaks = truth.breaks();
  for (const Stopped& stop : truth.stopped()) breaks.push_back(stop.told);
  std::sort(breaks.begin(), breaks.end());
  std::map<int, MonoTime> struck;
  for (const Sent& s : recording.sent) {
    if (s.message.IsNoteOn()) struck[s.message.pitch()] = s.at;
    if (!s.message.IsNoteOff()) continue;
    // The first break that it had to heed.
    const auto told = std::lower_bound(breaks.begin(), breaks.end(),
                                       struck[s.message.pitch()] - kReaction);
    if (told != breaks.end() && s.at > *told + kSilentWithin) {
      return absl::StrCat(Name(s), " rings on until", At(s.at), ", a break was",
                          At(*told));
    }
  }
  return "";
}

std::string CheckWire(const Recording& recording) {
  if (!recording.complaints.empty()) return recording.complaints.front();
  std::map<uint64_t, v1::GenerationJob> jobs;
  for (const JobSeen& seen : recording.jobs) {
    const auto [first, is_new] = jobs.try_emplace(seen.job.job_id(), seen.job);
    v1::GenerationJob again = seen.job;
    again.set_budget_us(first->second.budget_us());
    if (!is_new &&
        again.SerializeAsString() != first->second.SerializeAsString()) {
      return absl::StrCat("job ", seen.job.job_id(), " came again changed");
    }
    if (seen.job.budget_us() > first->second.budget_us()) {
      return absl::StrCat("job ", seen.job.job_id(),
                          " came again with more time");
    }
  }
  for (const v1::BarReport& report : recording.reports) {
    if (report.play_seq() >= recording.bars.size()) return "a report of no bar";
    const edge::BarRecord& bar = recording.bars[report.play_seq()];
    if (report.outcome() != static_cast<int>(bar.outcome) + 1 ||
        report.reason() != static_cast<int>(bar.reason) + 1 ||
        static_cast<int>(report.sent()) != bar.sent) {
      return absl::StrCat("the report of bar ", report.play_seq(),
                          " is not what happened");
    }
  }
  return "";
}

std::string CheckInvariants(const Recording& recording, const Truth& truth) {
  const std::pair<const char*, std::string> found[] = {
      {"NotesPaired", CheckNotesPaired(recording)},
      {"TimeOrder", CheckTimeOrder(recording)},
      {"OneOutcomePerBar", CheckOneOutcomePerBar(recording)},
      {"RecordsTellWhatSounded", CheckRecordsTellWhatSounded(recording)},
      {"NothingPlannedLate", CheckNothingPlannedLate(recording, truth)},
      {"NoDuplicates", CheckNoDuplicates(recording)},
      {"OnTime", CheckOnTime(recording)},
      {"SentInBar", CheckSentInBar(recording, truth)},
      {"NoOldEpoch", CheckNoOldEpoch(recording, truth)},
      {"SilentWhileStopped", CheckSilentWhileStopped(recording, truth)},
      {"NothingRingsOn", CheckNothingRingsOn(recording, truth)},
      {"Wire", CheckWire(recording)},
      {"NoJobLeftOpen", CheckNoJobLeftOpen(recording)},
      {"Outcomes", CheckOutcomes(recording, truth)},
  };
  for (const auto& [name, problem] : found) {
    if (!problem.empty()) return absl::StrCat(name, ": ", problem);
  }
  return "";
}

}  // namespace antiphon::sim
