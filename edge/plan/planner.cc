// SPDX-License-Identifier: Apache-2.0
#include "edge/plan/planner.h"

#include <algorithm>

namespace antiphon::edge {

void Planner::Fix(PlaySeq bar, Outcome outcome, Reason reason) {
  Plan& plan = At(bar);
  plan.decided = true;
  plan.outcome = outcome;
  plan.reason = reason;
}

void Planner::Expect(PlaySeq bar, PlaySeq answers, BarIndex answered_index,
                     JobId job, Ticks length) {
  Plan& plan = At(bar);
  if (plan.decided) return;
  plan.answers = answers;
  plan.answered_index = answered_index;
  plan.job = job;
  plan.made_for = length;
}

Plan* Planner::PlanOf(JobId job) {
  for (auto& [bar, plan] : plans_) {
    if (job != 0 && plan.job == job) return &plan;
  }
  return nullptr;
}

const Plan* Planner::PlanAt(PlaySeq bar) const {
  const auto found = plans_.find(bar);
  return found == plans_.end() ? nullptr : &found->second;
}

bool Planner::AddNote(Plan& plan, const Reply::AnswerNote& note,
                      MonoTime ready) {
  const bool known = std::find(plan.indices.begin(), plan.indices.end(),
                               note.index) != plan.indices.end();
  if (known || plan.notes.size() == kMaxPlanNotes) {
    ++notes_refused_;
    return false;
  }
  if (!plan.ready) plan.ready = ready;
  plan.indices.push_back(note.index);
  plan.notes.push_back(note.note);
  return true;
}

void Planner::Finish(Plan& plan, EndReason reason, MonoTime at) {
  plan.done = true;
  plan.end_reason = reason;
  if (!plan.ready) plan.ready = at;
  if (plan.outcome == Outcome::kAnswer && !plan.notes.empty()) Remember(plan);
}

void Planner::Fail(Plan& plan, Reason reason) {
  plan.done = true;
  plan.reason = reason;
  plan.end_reason = EndReason::kNone;
}

const Plan& Planner::Decide(PlaySeq bar, bool connected) {
  Plan& plan = At(bar);
  if (plan.decided) return plan;
  plan.decided = true;
  if (!plan.notes.empty()) {
    plan.outcome = Outcome::kAnswer;
    plan.reason = plan.end_reason == EndReason::kShortened ? Reason::kShortened
                                                           : Reason::kInTime;
    Remember(plan);
    return plan;
  }
  if (!plan.done) {
    FallBack(plan, connected ? Reason::kLate : Reason::kUnavailable);
  } else if (plan.end_reason == EndReason::kComplete ||
             plan.end_reason == EndReason::kEmpty) {
    plan.outcome = Outcome::kRest;
    plan.reason = Reason::kEmpty;
  } else if (plan.end_reason == EndReason::kInvalid) {
    FallBack(plan, Reason::kInvalid);
  } else if (plan.end_reason == EndReason::kCancelled) {
    FallBack(plan, Reason::kCancelled);
  } else {
    FallBack(plan, plan.reason);  // as Fail() left it, or shortened to nothing
  }
  return plan;
}

std::vector<JobId> Planner::Clear() {
  std::vector<JobId> open;
  for (const auto& [bar, plan] : plans_) {
    if (plan.job != 0 && !plan.done) open.push_back(plan.job);
  }
  plans_.clear();
  last_answer_.clear();
  return open;
}

Plan& Planner::At(PlaySeq bar) {
  if (plans_.size() == kMaxPlans && !plans_.contains(bar)) {
    plans_.erase(plans_.begin());
  }
  Plan& plan = plans_[bar];
  plan.play_seq = bar;
  return plan;
}

void Planner::FallBack(Plan& plan, Reason reason) {
  plan.reason = reason;
  plan.outcome = last_answer_.empty() ? Outcome::kSilence : Outcome::kRepeat;
  plan.notes = last_answer_;
  plan.made_for = last_made_for_;
}

void Planner::Remember(const Plan& answer) {
  last_answer_ = answer.notes;
  last_made_for_ = answer.made_for;
}

}  // namespace antiphon::edge
