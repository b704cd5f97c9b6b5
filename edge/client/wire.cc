// SPDX-License-Identifier: Apache-2.0
#include "edge/client/wire.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace antiphon::edge {
namespace {

constexpr int64_t kMaxAnswerTicks = int64_t{1} << 24;

void ToProto(const Note& note, int index, v1::Note& out) {
  out.set_index(static_cast<uint32_t>(index));
  out.set_tick(note.tick.count());
  out.set_duration(note.duration.count());
  out.set_pitch(note.pitch);
  out.set_velocity(note.velocity);
  out.set_source(note.source == NoteSource::kHuman ? v1::SOURCE_HUMAN
                                                   : v1::SOURCE_ANSWER);
  out.set_held_by(note.held_by == HeldBy::kKey     ? v1::HELD_BY_KEY
                  : note.held_by == HeldBy::kPedal ? v1::HELD_BY_PEDAL
                                                   : v1::HELD_BY_NONE);
}

void ToProto(const Meter& meter, v1::Meter& out) {
  out.set_numerator(static_cast<uint32_t>(meter.numerator));
  out.set_denominator(static_cast<uint32_t>(meter.denominator));
}

void ToProto(const Context& context, v1::Context& out) {
  out.set_origin_play_seq(context.origin);
  for (int i = 0; i < context.note_count; ++i) {
    ToProto(context.notes[static_cast<size_t>(i)], i, *out.add_notes());
  }
  for (int i = 0; i < context.pedal_count; ++i) {
    const PedalChange& pedal = context.pedals[static_cast<size_t>(i)];
    v1::PedalChange& change = *out.add_pedal();
    change.set_tick(pedal.tick.count());
    change.set_down(pedal.down);
  }
  for (int i = 0; i < context.tempo_count; ++i) {
    const TempoChange& tempo = context.tempos[static_cast<size_t>(i)];
    v1::TempoChange& change = *out.add_tempo();
    change.set_tick(tempo.tick.count());
    change.set_quarters_per_minute(tempo.quarters_per_minute);
  }
  for (int i = 0; i < context.bar_count; ++i) {
    const Context::Bar& bar = context.bars[static_cast<size_t>(i)];
    out.add_bar_lines(bar.begin.count());
    v1::MeterChange& change = *out.add_meter();
    change.set_tick(bar.begin.count());
    ToProto(bar.meter, *change.mutable_meter());
  }
}

EndReason FromProto(v1::EndReason reason) {
  switch (reason) {
    case v1::END_REASON_COMPLETE:
      return EndReason::kComplete;
    case v1::END_REASON_EMPTY:
      return EndReason::kEmpty;
    case v1::END_REASON_SHORTENED:
      return EndReason::kShortened;
    case v1::END_REASON_CANCELLED:
      return EndReason::kCancelled;
    default:
      return EndReason::kInvalid;
  }
}

bool IsPlayable(const v1::Note& note) {
  return note.pitch() <= 127 && note.velocity() >= 1 &&
         note.velocity() <= 127 && note.tick() >= 0 &&
         note.tick() < kMaxAnswerTicks && note.duration() >= 1 &&
         note.duration() < kMaxAnswerTicks;
}

}  // namespace

v1::EdgeMessage HelloMessage(const std::string& session_id,
                             const std::string& client) {
  v1::EdgeMessage message;
  message.mutable_hello()->set_protocol_version(kProtocolVersion);
  message.mutable_hello()->set_session_id(session_id);
  message.mutable_hello()->set_client(client);
  return message;
}

v1::EdgeMessage JobMessage(const Job& job, absl::Duration budget) {
  v1::EdgeMessage message;
  v1::GenerationJob& out = *message.mutable_job();
  out.set_job_id(job.id);
  out.set_epoch(job.epoch);
  out.set_play_seq(job.play_seq);
  out.set_bar_index(job.bar_index);
  out.set_target_play_seq(job.target_play_seq);
  out.set_target_bar_index(job.target_bar_index);
  ToProto(job.context, *out.mutable_context());
  out.set_cut(job.cut.count());
  ToProto(job.target_meter, *out.add_target_meters());
  out.set_horizon_bars(1);
  if (!job.sampling.from_card) {
    out.mutable_sampling()->set_temperature(job.sampling.temperature);
    out.mutable_sampling()->set_top_p(job.sampling.top_p);
  }
  out.set_seed(job.seed);
  out.set_budget_us(absl::ToInt64Microseconds(budget));
  return message;
}

v1::EdgeMessage CancelMessage(JobId job) {
  v1::EdgeMessage message;
  message.mutable_cancel()->set_job_id(job);
  return message;
}

v1::EdgeMessage ReportMessage(const BarReport& report) {
  v1::EdgeMessage message;
  v1::BarReport& out = *message.mutable_bar_report();
  out.set_epoch(report.epoch);
  out.set_play_seq(report.play_seq);
  out.set_bar_index(report.bar_index);
  // The wire's enumerators stand in the order of ours, after UNSPECIFIED.
  out.set_outcome(
      static_cast<v1::Outcome>(static_cast<int>(report.outcome) + 1));
  out.set_reason(static_cast<v1::Reason>(static_cast<int>(report.reason) + 1));
  if (report.has_slack) out.set_slack_us(report.slack_us);
  out.set_notes(report.notes);
  out.set_sent(report.sent);
  out.set_late(report.late);
  return message;
}

absl::StatusOr<std::vector<Reply>> ToReplies(const v1::BarChunk& chunk,
                                             MonoTime at) {
  std::vector<Reply> replies(1);
  const auto fill = [&](Reply& reply) {
    reply.kind = Reply::Kind::kChunk;
    reply.at = at;
    reply.job_id = chunk.job_id();
    reply.epoch = chunk.epoch();
    reply.play_seq = chunk.play_seq();
    reply.bar_index = chunk.bar_index();
  };
  fill(replies.back());
  for (const v1::Note& note : chunk.notes()) {
    if (!IsPlayable(note)) {
      return absl::InvalidArgumentError(
          absl::StrCat("chunk of job ", chunk.job_id(), ": note ", note.index(),
                       " cannot be played: ", note.ShortDebugString()));
    }
    if (replies.back().note_count == kMaxChunkNotes) {
      fill(replies.emplace_back());
    }
    Reply& reply = replies.back();
    reply.notes[static_cast<size_t>(reply.note_count++)] = {
        note.index(),
        {.tick = Ticks::Of(note.tick()),
         .duration = Ticks::Of(note.duration()),
         .pitch = static_cast<uint8_t>(note.pitch()),
         .velocity = static_cast<uint8_t>(note.velocity()),
         .source = NoteSource::kAnswer}};
  }
  replies.back().done = chunk.done();
  if (chunk.done()) {
    replies.back().end_reason = FromProto(chunk.end_reason());
    replies.back().tokens = chunk.tokens();
  }
  return replies;
}

}  // namespace antiphon::edge
