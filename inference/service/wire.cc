// SPDX-License-Identifier: Apache-2.0
#include "inference/service/wire.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "absl/strings/str_cat.h"

namespace antiphon::inference {
namespace {

constexpr int64_t kMaxTick = int64_t{1} << 40;
constexpr int64_t kMaxBudgetUs = 60'000'000;

template <typename T>
absl::Status Bad(const std::string& field, const T& value, const char* want) {
  return absl::InvalidArgumentError(
      absl::StrCat(field, " is ", value, ", want ", want));
}

bool InRange(double value, double low, double high) {
  return std::isfinite(value) && value >= low && value <= high;
}

bool IsTick(int64_t tick) { return tick > -kMaxTick && tick < kMaxTick; }

absl::StatusOr<Meter> ToMeter(const v1::Meter& wire, const std::string& field) {
  const Meter meter{static_cast<int>(std::min(wire.numerator(), 1000u)),
                    static_cast<int>(std::min(wire.denominator(), 1000u))};
  if (meter.IsValid()) return meter;
  return Bad(field, absl::StrCat(wire.numerator(), "/", wire.denominator()),
             "1..64 over 1, 2, 4, 8, 16 or 32");
}

absl::Status CheckHead(const v1::GenerationJob& wire) {
  if (wire.job_id() == 0) return Bad("job_id", 0, "above 0");
  if (wire.bar_index() < 0) {
    return Bad("bar_index", wire.bar_index(), "0 or more");
  }
  if (wire.target_play_seq() <= wire.play_seq()) {
    return Bad("target_play_seq", wire.target_play_seq(), "after play_seq");
  }
  if (wire.budget_us() <= 0 || wire.budget_us() > kMaxBudgetUs) {
    return Bad("budget_us", wire.budget_us(), "1..60000000");
  }
  if (wire.context().notes_size() > kMaxJobNotes) {
    return Bad("context.notes", wire.context().notes_size(), "at most 4096");
  }
  if (wire.horizon_bars() < 1 || wire.horizon_bars() > kMaxHorizonBars) {
    return Bad("horizon_bars", wire.horizon_bars(), "1..16");
  }
  if (wire.target_meters_size() != static_cast<int>(wire.horizon_bars())) {
    return Bad("target_meters", wire.target_meters_size(),
               "horizon_bars of them");
  }
  if (!IsTick(wire.cut()) || wire.cut() < 0) {
    return Bad("cut", wire.cut(), "0 or more, less than 2^40");
  }
  return absl::OkStatus();
}

absl::Status ReadSampling(const v1::GenerationJob& wire, Job& job) {
  if (!wire.has_sampling()) return absl::OkStatus();
  const v1::Sampling& sampling = wire.sampling();
  Sampling out;
  out.temperature = sampling.temperature();
  if (!InRange(out.temperature, 0, 2)) {
    return Bad("sampling.temperature", out.temperature, "0..2");
  }
  if (sampling.has_top_p()) out.top_p = sampling.top_p();
  if (!InRange(out.top_p, 1e-9, 1)) {
    return Bad("sampling.top_p", out.top_p, "above 0, at most 1");
  }
  if (sampling.has_min_p()) out.min_p = sampling.min_p();
  if (out.min_p && !InRange(*out.min_p, 0, 1)) {
    return Bad("sampling.min_p", *out.min_p, "0..1");
  }
  job.sampling = out;
  return absl::OkStatus();
}

NoteSource FromProto(v1::Source source) {
  return source == v1::SOURCE_ANSWER ? NoteSource::kAnswer : NoteSource::kHuman;
}

HeldBy FromProto(v1::HeldBy held_by) {
  return held_by == v1::HELD_BY_KEY     ? HeldBy::kKey
         : held_by == v1::HELD_BY_PEDAL ? HeldBy::kPedal
                                        : HeldBy::kNone;
}

std::string Entry(const char* list, int index, const char* field = "") {
  return absl::StrCat("context.", list, "[", index, "]", field);
}

// A tick that is not before the one before it in its list.
absl::Status CheckTick(const char* list, int index, int64_t tick,
                       int64_t& last) {
  if (!IsTick(tick) || tick < last) {
    return Bad(Entry(list, index, ".tick"), tick,
               "by tick, less than 2^40 from the origin");
  }
  last = tick;
  return absl::OkStatus();
}

absl::Status ReadNotes(const v1::GenerationJob& wire, Job& job) {
  constexpr char kNotes[] = "notes";
  int64_t last = -kMaxTick;
  for (int i = 0; i < wire.context().notes_size(); ++i) {
    const v1::Note& note = wire.context().notes(i);
    absl::Status tick = CheckTick(kNotes, i, note.tick(), last);
    if (!tick.ok()) return tick;
    if (note.pitch() > 127) {
      return Bad(Entry(kNotes, i, ".pitch"), note.pitch(), "0..127");
    }
    if (note.velocity() < 1 || note.velocity() > 127) {
      return Bad(Entry(kNotes, i, ".velocity"), note.velocity(), "1..127");
    }
    if (note.duration() < 1 || !IsTick(note.duration())) {
      return Bad(Entry(kNotes, i, ".duration"), note.duration(),
                 "1 or more, less than 2^40");
    }
    if (note.source() == v1::SOURCE_HUMAN && note.tick() >= wire.cut()) {
      return Bad(Entry(kNotes, i, ".tick"), note.tick(),
                 "the player's notes before the cut");
    }
    job.notes.push_back({.tick = Ticks::Of(note.tick()),
                         .duration = Ticks::Of(note.duration()),
                         .pitch = static_cast<uint8_t>(note.pitch()),
                         .velocity = static_cast<uint8_t>(note.velocity()),
                         .source = FromProto(note.source()),
                         .held_by = FromProto(note.held_by())});
  }
  return absl::OkStatus();
}

// Whether a list says something for every tick of the context.
template <typename List>
absl::Status CheckList(const char* name, const List& list, int64_t first) {
  const std::string field = absl::StrCat("context.", name);
  if (list.empty() || list.size() > kMaxContextBars) {
    return Bad(field, list.size(), "1..256 of them");
  }
  if (first > 0) {
    return Bad(Entry(name, 0, ".tick"), first, "the first at or before 0");
  }
  return absl::OkStatus();
}

absl::Status ReadTempos(const v1::GenerationJob& wire, Job& job) {
  const auto& tempos = wire.context().tempo();
  absl::Status list =
      CheckList("tempo", tempos, tempos.empty() ? 0 : tempos.at(0).tick());
  if (!list.ok()) return list;
  int64_t last = -kMaxTick;
  for (int i = 0; i < tempos.size(); ++i) {
    const v1::TempoChange& tempo = tempos.at(i);
    absl::Status tick = CheckTick("tempo", i, tempo.tick(), last);
    if (!tick.ok()) return tick;
    if (tempo.tick() > wire.cut()) {
      return Bad(Entry("tempo", i, ".tick"), tempo.tick(),
                 "none after the cut");
    }
    if (!InRange(tempo.quarters_per_minute(), 1, 1000)) {
      return Bad(Entry("tempo", i, ".quarters_per_minute"),
                 tempo.quarters_per_minute(), "1..1000");
    }
    job.tempos.push_back(
        {Ticks::Of(tempo.tick()), tempo.quarters_per_minute()});
  }
  return absl::OkStatus();
}

absl::Status ReadPedals(const v1::GenerationJob& wire, Job& job) {
  const auto& pedals = wire.context().pedal();
  int64_t last = -kMaxTick;
  for (int i = 0; i < pedals.size(); ++i) {
    absl::Status tick = CheckTick("pedal", i, pedals.at(i).tick(), last);
    if (!tick.ok()) return tick;
    job.pedals.push_back({Ticks::Of(last), pedals.at(i).down()});
  }
  return absl::OkStatus();
}

absl::Status ReadBarLines(const v1::GenerationJob& wire, Job& job) {
  const auto& lines = wire.context().bar_lines();
  if (lines.empty() || lines.size() > kMaxContextBars) {
    return Bad("context.bar_lines", lines.size(), "1..256 of them");
  }
  if (lines.at(0) != 0) {
    return Bad(Entry("bar_lines", 0), lines.at(0), "0, the origin");
  }
  for (int i = 0; i < lines.size(); ++i) {
    const int64_t line = lines.at(i);
    if (i > 0 && (!IsTick(line) || line <= job.bar_lines.back().count())) {
      return Bad(Entry("bar_lines", i), line,
                 "growing, less than 2^40 from the origin");
    }
    job.bar_lines.push_back(Ticks::Of(line));
  }
  return absl::OkStatus();
}

// After the bar lines: the meter of a bar is the one at its line.
absl::Status ReadMeters(const v1::GenerationJob& wire, Job& job) {
  const auto& meters = wire.context().meter();
  absl::Status list =
      CheckList("meter", meters, meters.empty() ? 0 : meters.at(0).tick());
  if (!list.ok()) return list;
  int64_t last = -kMaxTick;
  for (int i = 0; i < meters.size(); ++i) {
    absl::Status tick = CheckTick("meter", i, meters.at(i).tick(), last);
    if (!tick.ok()) return tick;
    const auto meter = ToMeter(meters.at(i).meter(), Entry("meter", i));
    if (!meter.ok()) return meter.status();
    if (Ticks::Of(last) <= Ticks()) job.origin_meter = *meter;
    if (Ticks::Of(last) <= job.human_line()) job.human_meter = *meter;
  }
  const Ticks end = job.human_line() + job.human_meter.BarLength();
  if (job.cut <= job.human_line() || job.cut > end) {
    return Bad("cut", job.cut.count(), "inside the bar of the last bar line");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Job> ToJob(const v1::GenerationJob& wire, MonoTime now) {
  if (absl::Status head = CheckHead(wire); !head.ok()) return head;
  Job job;
  job.job_id = wire.job_id();
  job.epoch = wire.epoch();
  job.play_seq = wire.play_seq();
  job.bar_index = wire.bar_index();
  job.cut = Ticks::Of(wire.cut());
  job.seed = wire.seed();
  job.arrived = now;
  job.deadline = now + absl::Microseconds(wire.budget_us());
  for (const v1::Meter& wire_meter : wire.target_meters()) {
    const auto meter = ToMeter(wire_meter, "target_meters");
    if (!meter.ok()) return meter.status();
  }
  job.target_meter = *ToMeter(wire.target_meters(0), "target_meters");
  if (absl::Status read = ReadSampling(wire, job); !read.ok()) return read;
  for (const auto& reader :
       {ReadBarLines, ReadMeters, ReadTempos, ReadNotes, ReadPedals}) {
    if (absl::Status read = reader(wire, job); !read.ok()) return read;
  }
  return job;
}

v1::ServiceMessage ChunkOf(const Job& job) {
  v1::ServiceMessage message;
  v1::BarChunk& chunk = *message.mutable_bar_chunk();
  chunk.set_job_id(job.job_id);
  chunk.set_epoch(job.epoch);
  chunk.set_play_seq(job.play_seq);
  chunk.set_bar_index(job.bar_index);
  return message;
}

void AddNote(uint32_t index, const Note& note, v1::BarChunk& chunk) {
  v1::Note& out = *chunk.add_notes();
  out.set_index(index);
  out.set_tick(note.tick.count());
  out.set_duration(note.duration.count());
  out.set_pitch(note.pitch);
  out.set_velocity(note.velocity);
  out.set_source(v1::SOURCE_ANSWER);
}

void SetEnd(const JobEnd& end, MonoTime arrived, MonoTime now,
            v1::BarChunk& chunk) {
  chunk.set_done(true);
  // The wire's enumerators stand in the order of ours, after UNSPECIFIED.
  chunk.set_end_reason(
      static_cast<v1::EndReason>(static_cast<int>(end.reason) + 1));
  chunk.set_context_bars_used(end.context_bars);
  chunk.set_prompt_tokens(end.prompt_tokens);
  chunk.set_tokens(end.tokens);
  v1::Timings& timings = *chunk.mutable_timings();
  timings.set_queue_us(absl::ToInt64Microseconds(end.queue));
  timings.set_prefill_us(absl::ToInt64Microseconds(end.prefill));
  timings.set_decode_us(absl::ToInt64Microseconds(end.decode));
  timings.set_total_us(absl::ToInt64Microseconds(now - arrived));
}

}  // namespace antiphon::inference
