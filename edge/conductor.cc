// SPDX-License-Identifier: Apache-2.0
#include "edge/conductor.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_format.h"
#include "common/log.h"

namespace antiphon::edge {
namespace {

// After the line: until then what playback sent in the bar has been told.
const absl::Duration kRecordDelay = absl::Milliseconds(50);

// Distinct bars draw distinct numbers (splitmix64, S. Vigna).
uint64_t SeedOf(uint64_t seed, PlaySeq bar) {
  uint64_t z = seed + (bar + 1) * 0x9E3779B97F4A7C15u;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return z ^ (z >> 31);
}

// Folded back by octaves where the keyboard ends.
uint8_t Transposed(int pitch, int semitones) {
  pitch += semitones;
  while (pitch < 0) pitch += 12;
  while (pitch > 127) pitch -= 12;
  return static_cast<uint8_t>(pitch);
}

template <typename T>
void InsertByStamp(std::deque<T>& queue, const T& item) {
  auto at = queue.end();
  while (at != queue.begin() && std::prev(at)->at > item.at) --at;
  queue.insert(at, item);
}

}  // namespace

Conductor::Conductor(const Options& options, Accompanist* accompanist,
                     SpscRing<PlaybackCommand>* playback,
                     LatestValue<Timeline>* timeline,
                     SpscRing<Telemetry>* telemetry, SessionObserver* observer)
    : options_(options),
      accompanist_(accompanist),
      playback_(playback),
      published_(timeline),
      telemetry_(telemetry),
      observer_(observer),
      follower_(options.meters),
      command_(std::make_unique<AccompanistCommand>()) {}

// ---- Events in time order ----

void Conductor::Push(const TimedMessage& message) {
  if (messages_.size() == kMaxPending) {
    ++counters_.dropped_events;
    return;
  }
  InsertByStamp(messages_, message);
}

void Conductor::AdvanceTo(MonoTime now) {
  TakeReplies();
  TakeTelemetry();
  while (HandleOne(now - Settle())) {
  }
}

void Conductor::TakeReplies() {
  Reply reply;
  while (replies_.size() < kMaxPending && accompanist_->Poll(reply)) {
    InsertByStamp(replies_, reply);
  }
}

void Conductor::TakeTelemetry() {
  Telemetry telemetry;
  for (size_t i = 0; i < telemetry_->capacity(); ++i) {
    if (!telemetry_->TryPop(telemetry)) break;
    OnTelemetry(telemetry);
  }
}

// The earliest event up to `up_to`; at one instant what arrived goes before
// what falls due.
bool Conductor::HandleOne(MonoTime up_to) {
  const MonoTime message =
      messages_.empty() ? MonoTime::Max() : messages_.front().at;
  const MonoTime reply =
      replies_.empty() ? MonoTime::Max() : replies_.front().at;
  const NextDue due = EarliestDue();
  const MonoTime first = std::min({message, reply, due.at});
  if (first > up_to) return false;
  if (first < logical_now_ && first != due.at) ++counters_.late_events;
  logical_now_ = std::max(logical_now_, first);
  if (message == first) {
    const TimedMessage event = messages_.front();
    messages_.pop_front();
    OnMessage(event);
  } else if (reply == first) {
    const Reply event = replies_.front();
    replies_.pop_front();
    OnReply(event);
  } else {
    HandleDue(due);
  }
  return true;
}

Conductor::NextDue Conductor::EarliestDue() const {
  NextDue next;
  const auto consider = [&next](std::optional<MonoTime> at, Due what) {
    if (at && *at < next.at) next = {*at, what};
  };
  consider(follower_.NextDue(), Due::kClock);
  consider(record_due_, Due::kRecord);
  if (current_) {
    consider(CutoffOf(next_cutoff_), Due::kCutoff);
    if (const auto bar = timeline().Bar(current_->play_seq)) {
      consider(timeline().TimeAt(bar->end), Due::kLine);
    }
  }
  for (const auto& [job, sent] : sent_at_) {
    consider(sent + options_.job_timeout, Due::kTimeout);
  }
  return next;
}

void Conductor::HandleDue(const NextDue& due) {
  observer_->OnDue();
  switch (due.what) {
    case Due::kClock:
      return OnClockChange(follower_.OnDue(due.at), due.at);
    case Due::kLine:
      return OnLine(due.at);
    case Due::kCutoff:
      return OnCutoff(due.at);
    case Due::kRecord:
      return OnRecord();
    case Due::kTimeout:
      return OnTimeout(due.at);
  }
}

void Conductor::ReplayDue() {
  TakeTelemetry();
  const NextDue due = EarliestDue();
  logical_now_ = std::max(logical_now_, due.at);
  HandleDue(due);
}

void Conductor::Replay(const TimedMessage& message) {
  TakeTelemetry();
  logical_now_ = std::max(logical_now_, message.at);
  OnMessage(message);
}

void Conductor::Replay(const Reply& reply) {
  TakeTelemetry();
  logical_now_ = std::max(logical_now_, reply.at);
  OnReply(reply);
}

// ---- The life of a bar ----

// Rows 1 to 3: what came in, by its stamp.
void Conductor::OnMessage(const TimedMessage& message) {
  OnClockChange(follower_.OnMessage(message), message.at);
  if (timeline().running()) assembler_.OnMessage(message, timeline());
  observer_->OnHuman(message);
}

void Conductor::OnClockChange(ClockFollower::Change change, MonoTime at) {
  using Change = ClockFollower::Change;
  if (change == Change::kNone) return;
  published_->Publish(timeline());
  if (change == Change::kPulse) return;
  if (change == Change::kLoop) return OnLoop();
  BreakEpoch();
  LogInfo("epoch=", timeline().epoch(),
          change == Change::kStart ? " starts" : " ends",
          follower_.clock_lost() ? ": clock lost" : "");
  if (change == Change::kStart) StartEpoch(at);
}

void Conductor::StartEpoch(MonoTime) {
  const PlaySeq first = follower_.first_bar();
  const int warm_up = 1 + kLag + (follower_.first_bar_whole() ? 0 : 1);
  for (int i = 0; i < warm_up; ++i) {
    planner_.Fix(first + static_cast<PlaySeq>(i), Outcome::kRest,
                 Reason::kWarmUp);
  }
  next_cutoff_ = first + 1;
  if (const auto bar = timeline().Bar(first)) BeginBar(*bar);
}

// The bar under way was cut short, or it begins again with another number.
void Conductor::OnLoop() {
  if (!current_) return;
  const auto bar = timeline().Bar(current_->play_seq);
  if (!bar) return;
  current_ = bar;
  records_[bar->play_seq].bar_index = bar->bar_index;
  if (const auto begun = timeline().BarAt(follower_.position())) {
    assembler_.MoveLine(begun->play_seq, begun->begin);
  }
}

// Row 3: a bar line. The bar that ends is complete; the next one begins.
void Conductor::OnLine(MonoTime at) {
  const auto bar = timeline().Bar(current_->play_seq);
  if (!bar) return current_.reset();
  LogInfo("[bar_boundary] finished_bar=", bar->bar_index,
          ", anchor=", follower_.anchor_pulse());
  OnRecord();  // of a bar so short that its record is still waiting
  tempos_[bar->play_seq] = timeline().quarters_per_minute();
  while (tempos_.size() > kMaxContextBars) tempos_.erase(tempos_.begin());
  records_[bar->play_seq].tempo = timeline().quarters_per_minute();
  observer_->OnBarEnd(at);
  OnCut(*bar, at);
  record_due_ = at + kRecordDelay;
  if (const auto next = timeline().Bar(bar->play_seq + 1)) {
    BeginBar(*next);
  } else {
    current_.reset();
  }
}

// Row 4: what the player did in the bar becomes a job.
void Conductor::OnCut(const BarSpan& bar, MonoTime at) {
  const PlaySeq target_seq = bar.play_seq + 1 + kLag;
  if (target_seq >= options_.bars) return;
  if (const Plan* fixed = planner_.PlanAt(target_seq); fixed) return;
  if (bar.pickup) {
    return planner_.Fix(target_seq, Outcome::kRest, Reason::kWarmUp);
  }
  if (!assembler_.HasNoteOn(bar.play_seq)) {
    return planner_.Fix(target_seq, Outcome::kRest, Reason::kNoInput);
  }
  const auto target = timeline().Bar(target_seq);
  const PlaySeq origin = OriginOf(bar.play_seq);
  const auto origin_bar = timeline().Bar(origin);
  if (!target || !origin_bar) return;
  command_->kind = AccompanistCommand::Kind::kJob;
  Job& job = command_->job;
  job.id = ++last_job_;
  job.epoch = timeline().epoch();
  job.play_seq = bar.play_seq;
  job.bar_index = bar.bar_index;
  job.target_play_seq = target_seq;
  job.target_bar_index = target->bar_index;
  job.target_meter = target->meter;
  job.cut = bar.end - origin_bar->begin;
  job.sampling = options_.sampling;
  job.seed = SeedOf(options_.seed, bar.play_seq);
  job.cutoff = *CutoffOf(target_seq);
  assembler_.FillContext(origin, bar.play_seq, bar.end, timeline(),
                         job.context);
  FillTempos(job.context);
  planner_.Expect(target_seq, bar.play_seq, bar.bar_index, job.id,
                  target->length());
  const bool accepted = accompanist_->Post(*command_);
  observer_->OnJobPosted(job.id, accepted);
  if (!accepted) {
    return planner_.Fail(*planner_.PlanOf(job.id), Reason::kUnavailable);
  }
  sent_at_[job.id] = at;
  LogInfo("[enqueue] Generation job for bar ", bar.bar_index, " queued");
  LogInfo("job.queued job_id=", job.id, " play_seq=", bar.play_seq,
          " target=", target_seq, " notes=", job.context.note_count);
}

// Row 7: what the service says.
void Conductor::OnReply(const Reply& reply) {
  observer_->OnReply(reply);
  switch (reply.kind) {
    case Reply::Kind::kConnected:
      connected_ = true;
      return;
    case Reply::Kind::kDisconnected:
      connected_ = false;
      return;
    default:
      break;
  }
  Plan* plan = planner_.PlanOf(reply.job_id);
  if (plan == nullptr) {
    ++counters_.stale_replies;
    return;
  }
  if (reply.kind == Reply::Kind::kStarted) {
    started_at_[reply.job_id] = reply.at;
    LogInfo("[gen_worker] Starting generation for bar ", plan->answered_index);
  } else if (reply.kind == Reply::Kind::kRefused) {
    EndJob(reply.job_id);
    if (!plan->decided) planner_.Fail(*plan, Reason::kRefused);
  } else {
    OnChunk(*plan, reply);
  }
}

void Conductor::OnChunk(Plan& plan, const Reply& reply) {
  const size_t before = plan.notes.size();
  const bool lost = plan.decided && plan.outcome != Outcome::kAnswer;
  const auto bar = timeline().Bar(plan.play_seq);
  for (int i = 0; i < reply.note_count; ++i) {
    const Reply::AnswerNote& note = reply.notes[static_cast<size_t>(i)];
    // After the bar's cutoff each note has its own.
    const bool late =
        lost || !bar ||
        (plan.decided && reply.at > CutoffAt(bar->begin + note.note.tick));
    if (late) {
      ++counters_.late_notes;
      if (!plan.ready) plan.ready = reply.at;
    } else {
      planner_.AddNote(plan, note, reply.at);
    }
  }
  if (!lost) Schedule(plan, before);
  if (!reply.done) return;
  const auto started = started_at_.find(reply.job_id);
  if (started != started_at_.end()) {
    LogInfo(absl::StrFormat("[gen_worker] Bar %d generation done in %.2fs",
                            plan.answered_index,
                            absl::ToDoubleSeconds(reply.at - started->second)));
  }
  LogInfo("job.done job_id=", reply.job_id, " tokens=", reply.tokens,
          " notes=", plan.notes.size());
  planner_.Finish(plan, reply.end_reason, reply.at);
  EndJob(reply.job_id);
}

// Row 8: what sounds in the bar is settled, once.
void Conductor::OnCutoff(MonoTime at) {
  const PlaySeq seq = next_cutoff_++;
  cutoffs_[seq] = at;
  const Plan& plan = planner_.Decide(seq, connected_);
  if (plan.job == 0) return;
  const auto bar = timeline().Bar(seq);
  if (plan.outcome == Outcome::kAnswer) {
    LogInfo("[scheduler] Bar ", plan.answered_index,
            " ready! Scheduling for playback");
    if (bar) LogSchedule(plan, *bar);
  } else if (plan.outcome != Outcome::kRest) {
    LogInfo("[scheduler] Bar ", plan.answered_index, " not ready yet");
    if (sent_at_.contains(plan.job)) CancelJob(plan.job);
    Schedule(plan, 0);
  }
}

void Conductor::Schedule(const Plan& plan, size_t from) {
  for (size_t i = from; i < plan.notes.size(); ++i) {
    const Note& note = plan.notes[i];
    playback_->TryPush({.epoch = timeline().epoch(),
                        .play_seq = plan.play_seq,
                        .note = static_cast<uint32_t>(i),
                        .tick = note.tick,
                        .duration = note.duration,
                        .made_for = plan.made_for,
                        .channel = static_cast<uint8_t>(options_.channel),
                        .pitch = Transposed(note.pitch, options_.transpose),
                        .velocity = note.velocity});
  }
}

// Row 9: what was really sent.
void Conductor::OnTelemetry(const Telemetry& telemetry) {
  observer_->OnTelemetry(telemetry);
  // A note on the very line is sent before the line is handled.
  if (current_ && telemetry.play_seq > current_->play_seq) {
    if (early_.size() < kMaxPending) early_.push_back(telemetry);
    return;
  }
  CountTelemetry(telemetry);
}

void Conductor::CountTelemetry(const Telemetry& telemetry) {
  const auto found = records_.find(telemetry.play_seq);
  if (found == records_.end()) return;
  BarRecord& record = found->second;
  // A bar that a break kept from beginning has lent its number to this one.
  if (record.epoch != telemetry.epoch) return;
  if (telemetry.kind == Telemetry::Kind::kNoteOn) {
    if (record.sent++ == 0) {
      record.first_note_error_us =
          absl::ToDoubleMicroseconds(telemetry.sent - telemetry.due);
    }
  } else if (telemetry.kind == Telemetry::Kind::kLate) {
    ++record.late;
  }
}

// Row 10: the bar before the present one is told.
void Conductor::OnRecord() {
  record_due_.reset();
  while (!records_.empty() &&
         (!current_ || records_.begin()->first < current_->play_seq)) {
    EmitRecord(records_.begin()->first, false);
  }
}

void Conductor::EmitRecord(PlaySeq seq, bool cut_off) {
  BarRecord record = records_[seq];
  records_.erase(seq);
  if (const Plan* plan = planner_.PlanAt(seq)) {
    record.outcome = plan->outcome;
    record.reason = plan->reason;
    if (plan->job != 0) record.answers = plan->answers;
    record.notes = static_cast<int>(plan->notes.size());
    const auto cutoff = cutoffs_.find(seq);
    if (plan->job != 0 && plan->ready && cutoff != cutoffs_.end()) {
      record.slack_ms =
          absl::ToDoubleMilliseconds(cutoff->second - *plan->ready);
    }
    if (sent_at_.contains(plan->job)) CancelJob(plan->job);
  }
  if (cut_off) {
    record.outcome = Outcome::kRest;
    record.reason = Reason::kCancelled;
  }
  planner_.Forget(seq);
  cutoffs_.erase(cutoffs_.begin(), cutoffs_.upper_bound(seq));
  observer_->OnBar(record);
  Report(record);
}

void Conductor::Report(const BarRecord& record) {
  command_->kind = AccompanistCommand::Kind::kReport;
  command_->report = {
      .epoch = record.epoch,
      .play_seq = record.play_seq,
      .bar_index = record.bar_index,
      .outcome = record.outcome,
      .reason = record.reason,
      .has_slack = record.slack_ms.has_value(),
      .slack_us = static_cast<int64_t>(record.slack_ms.value_or(0) * 1000),
      .notes = static_cast<uint32_t>(record.notes),
      .sent = static_cast<uint32_t>(record.sent),
      .late = static_cast<uint32_t>(record.late)};
  accompanist_->Post(*command_);
}

// ---- Between the rows ----

void Conductor::BeginBar(const BarSpan& bar) {
  if (bar.play_seq >= options_.bars) return current_.reset();
  current_ = bar;
  follower_.OnBarBegun(bar.play_seq);
  published_->Publish(timeline());
  BarRecord& record = records_[bar.play_seq];
  record.play_seq = bar.play_seq;
  record.bar_index = bar.bar_index;
  record.epoch = timeline().epoch();
  record.lag = kLag;
  record.tempo = timeline().quarters_per_minute();
  observer_->OnBarBegin(bar, timeline().TimeAt(bar.begin), timeline().epoch());
  std::erase_if(early_, [&](const Telemetry& telemetry) {
    if (telemetry.play_seq > bar.play_seq) return false;
    CountTelemetry(telemetry);
    return true;
  });
}

// Nothing of the old epoch sounds, is asked for or may be repeated.
void Conductor::BreakEpoch() {
  record_due_.reset();
  while (!records_.empty()) {
    const PlaySeq seq = records_.begin()->first;
    EmitRecord(seq, current_ && seq == current_->play_seq);
  }
  for (const JobId job : planner_.Clear()) {
    if (sent_at_.contains(job)) CancelJob(job);
  }
  assembler_.Clear();
  early_.clear();
  tempos_.clear();
  cutoffs_.clear();
  sent_at_.clear();
  started_at_.clear();
  current_.reset();
}

void Conductor::Finish(MonoTime now) {
  AdvanceTo(now);
  BreakEpoch();
}

void Conductor::OnTimeout(MonoTime at) {
  for (auto it = sent_at_.begin(); it != sent_at_.end();) {
    const auto [job, sent] = *it++;
    if (sent + options_.job_timeout > at) continue;
    Plan* plan = planner_.PlanOf(job);
    if (plan != nullptr && !plan->decided) {
      planner_.Fail(*plan, Reason::kTimeout);
    }
    CancelJob(job);
  }
}

void Conductor::EndJob(JobId job) {
  sent_at_.erase(job);
  started_at_.erase(job);
}

void Conductor::CancelJob(JobId job) {
  command_->kind = AccompanistCommand::Kind::kCancel;
  command_->cancel = job;
  accompanist_->Post(*command_);
  EndJob(job);
}

void Conductor::FillTempos(Context& context) const {
  context.tempo_count = 0;
  for (int i = 0; i < context.bar_count; ++i) {
    const auto tempo = tempos_.find(context.origin + static_cast<PlaySeq>(i));
    if (tempo == tempos_.end()) continue;
    context.tempos[static_cast<size_t>(context.tempo_count++)] = {
        context.bars[static_cast<size_t>(i)].begin, tempo->second};
  }
}

void Conductor::LogSchedule(const Plan& plan, const BarSpan& bar) const {
  int64_t low = bar.end.Pulses();
  int64_t high = bar.begin.Pulses();
  const Ticks last = bar.end - Ticks::Of(1);
  for (const Note& note : plan.notes) {
    const Ticks on = bar.begin + note.tick;
    low = std::min(low, on.Pulses());
    high = std::max(high, std::min(on + note.duration, last).Pulses());
  }
  LogInfo("[schedule_bar] Bar ", plan.answered_index, ": ",
          2 * plan.notes.size(), " events in pulse [", bar.begin.Pulses(), "..",
          bar.end.Pulses(), "), min=", low, " max=", high);
}

// The origin stays while the context grows from W to 2W - 1 bars, then moves by
// W.
PlaySeq Conductor::OriginOf(PlaySeq bar) const {
  const PlaySeq first = follower_.first_bar();
  const PlaySeq steps = (bar - first + 1) / kContextBars;
  return first + kContextBars * (steps == 0 ? 0 : steps - 1);
}

std::optional<MonoTime> Conductor::CutoffOf(PlaySeq seq) const {
  const auto bar = timeline().Bar(seq);
  if (!bar) return std::nullopt;
  return CutoffAt(bar->begin);
}

// Of a bar's line or a note's onset.
MonoTime Conductor::CutoffAt(Ticks position) const {
  return timeline().TimeAt(position) - CutoffMargin() - options_.output_latency;
}

}  // namespace antiphon::edge
