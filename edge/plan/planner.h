// SPDX-License-Identifier: Apache-2.0
//
// What will sound in each bar, and why: collects answers by target bar, decides
// once at the bar's cutoff, falls back. Ladder: answer, else repeat of the last
// answer, else silence. A rest is never filled.
//
// Pure logic, conductor thread. Limits: kMaxPlans bars at a time, kMaxPlanNotes
// notes a bar (more are dropped and counted).
#ifndef ANTIPHON_EDGE_PLAN_PLANNER_H_
#define ANTIPHON_EDGE_PLAN_PLANNER_H_

#include <cstdint>
#include <map>
#include <memory_resource>
#include <optional>
#include <vector>

#include "common/music/note.h"
#include "common/music/ticks.h"
#include "common/time/mono_time.h"
#include "edge/client/accompanist.h"

namespace antiphon::edge {

struct Plan {
  PlaySeq play_seq = 0;  // the bar where it sounds
  std::optional<PlaySeq> answers;
  BarIndex answered_index = 0;    // bar_index of the human bar, for the log
  JobId job = 0;                  // 0: none was sent
  std::vector<Note> notes;        // ticks from the bar's line
  Ticks made_for;                 // length of the bar they were made for
  std::vector<uint32_t> indices;  // of the notes within the answer
  bool done = false;
  bool decided = false;
  EndReason end_reason = EndReason::kNone;
  Outcome outcome = Outcome::kSilence;
  Reason reason = Reason::kLate;
  std::optional<MonoTime> ready;  // first note, or done without one
};

class Planner {
 public:
  static constexpr size_t kMaxPlans = 16;
  static constexpr size_t kMaxPlanNotes = 256;

  // The bar's outcome is known beforehand: a rest, or what no job can change.
  void Fix(PlaySeq bar, Outcome outcome, Reason reason);
  // An answer to a bar of this length is on its way.
  void Expect(PlaySeq bar, PlaySeq answers, BarIndex answered_index, JobId job,
              Ticks length = {});

  // The plan that a job answers, if it is still open.
  Plan* PlanOf(JobId job);
  const Plan* PlanAt(PlaySeq bar) const;
  // One note of the answer; false: the plan is full or the note is a duplicate.
  bool AddNote(Plan& plan, const Reply::AnswerNote& note, MonoTime ready);
  void Finish(Plan& plan, EndReason reason, MonoTime at);
  // The job came to nothing.
  void Fail(Plan& plan, Reason reason);

  // Once per bar, at its cutoff. The notes of a fallback are in the plan
  // returned.
  const Plan& Decide(PlaySeq bar, bool connected);

  // The bar is over.
  void Forget(PlaySeq bar) { plans_.erase(bar); }
  // A break: plans and what may be repeated are gone; the jobs that were open.
  std::vector<JobId> Clear();

  uint64_t notes_refused() const { return notes_refused_; }

 private:
  Plan& At(PlaySeq bar);
  void FallBack(Plan& plan, Reason reason);
  void Remember(const Plan& answer);

  // Plans that are over leave their memory to those that come.
  std::pmr::unsynchronized_pool_resource pool_;
  std::pmr::map<PlaySeq, Plan> plans_{&pool_};
  std::vector<Note> last_answer_;
  Ticks last_made_for_;
  uint64_t notes_refused_ = 0;
};

}  // namespace antiphon::edge

#endif  // ANTIPHON_EDGE_PLAN_PLANNER_H_
