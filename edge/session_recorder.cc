// SPDX-License-Identifier: Apache-2.0
#include "edge/session_recorder.h"

#include <cstdio>
#include <filesystem>
#include <system_error>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "common/log.h"

namespace antiphon::edge {
namespace {

constexpr size_t kMaxStarted = 32;
constexpr int kMaxTakes = 999;
constexpr int kPressed = 64;  // value of a controller

}  // namespace

absl::StatusOr<std::unique_ptr<SessionRecorder>> SessionRecorder::Create(
    const std::string& directory, EdgeMetrics* metrics,
    std::function<std::string()> model, bool print_bars) {
  auto recorder = absl::WrapUnique(
      new SessionRecorder(directory, metrics, std::move(model), print_bars));
  if (directory.empty()) return recorder;
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (error) {
    return absl::PermissionDeniedError(
        absl::StrCat("cannot make --session-dir=", directory, ": ",
                     error.message(), "; choose another folder"));
  }
  auto log = BarLog::Create(directory + "/bars.jsonl");
  if (!log.ok()) return log.status();
  recorder->log_ = *std::move(log);
  return recorder;
}

absl::Status SessionRecorder::Finish() {
  if (directory_.empty()) return absl::OkStatus();
  absl::Status status = writer_.Write(directory_ + "/session.mid");
  status.Update(log_->status());
  return status;
}

void SessionRecorder::OnHuman(const TimedMessage& message) {
  if (!directory_.empty()) writer_.OnHuman(message);
  const MidiMessage& m = message.message;
  if (take_controller_ && m.IsControlChange() &&
      m.controller() == *take_controller_ && m.value() >= kPressed) {
    SaveTake(message.at);
  }
}

// Takes of earlier sessions stay.
void SessionRecorder::SaveTake(MonoTime now) {
  std::string path;
  for (int n = 1; path.empty() || std::filesystem::exists(path); ++n) {
    if (n > kMaxTakes)
      return LogError("take: ", kMaxTakes, " are there already");
    path = absl::StrCat(directory_, "/take-", n, ".mid");
  }
  const absl::Status saved = writer_.Since(now - TakeLength()).Write(path);
  if (saved.ok()) return LogInfo("take: the last minutes are in ", path);
  LogError("take: ", saved.message());
}

void SessionRecorder::OnBarBegin(const BarSpan& bar, MonoTime line,
                                 Epoch epoch) {
  if (!directory_.empty()) writer_.OnBar(line, bar, epoch);
}

void SessionRecorder::OnBarEnd(MonoTime line) {
  if (!directory_.empty()) writer_.OnBarEnd(line);
}

void SessionRecorder::OnTelemetry(const Telemetry& t) {
  switch (t.kind) {
    case Telemetry::Kind::kNoteOn:
      metrics_->notes_sent->Increment();
      metrics_->emission_error->Observe(absl::ToDoubleSeconds(t.sent - t.due));
      break;
    case Telemetry::Kind::kNoteOff:
      break;
    case Telemetry::Kind::kLate:
      return metrics_->notes_late->Increment();
    case Telemetry::Kind::kDropped:
      return metrics_->notes_dropped->Increment();
    case Telemetry::Kind::kSendError:
      return metrics_->send_errors->Increment();
  }
  if (directory_.empty()) return;
  const MidiMessage message =
      t.kind == Telemetry::Kind::kNoteOn
          ? MidiMessage::NoteOn(t.channel, t.pitch, t.velocity)
          : MidiMessage::NoteOff(t.channel, t.pitch);
  writer_.OnAnswer({t.sent, message});
}

void SessionRecorder::OnReply(const Reply& reply) {
  if (reply.kind == Reply::Kind::kStarted) {
    if (started_.size() == kMaxStarted) started_.erase(started_.begin());
    started_[reply.job_id] = reply.at;
  }
  if (reply.kind != Reply::Kind::kChunk) return;
  const auto started = started_.find(reply.job_id);
  if (started == started_.end()) return;
  const double seconds = absl::ToDoubleSeconds(reply.at - started->second);
  if (first_seen_.size() > kMaxStarted) first_seen_.clear();
  if (first_seen_.try_emplace(reply.job_id, true).second) {
    metrics_->first_chunk->Observe(seconds);
  }
  if (!reply.done) return;
  metrics_->last_chunk->Observe(seconds);
  metrics_->tokens->Increment(reply.tokens);
  started_.erase(started);
  first_seen_.erase(reply.job_id);
}

void SessionRecorder::OnBar(const BarRecord& record) {
  ++bars_;
  metrics_->CountBar(record.outcome, record.reason);
  const bool missed =
      record.reason == Reason::kLate || record.reason == Reason::kTimeout ||
      record.reason == Reason::kUnavailable || record.reason == Reason::kLost;
  if (missed) metrics_->deadline_misses->Increment();
  if (record.slack_ms) metrics_->slack->Observe(*record.slack_ms / 1000);
  if (log_ && log_->status().ok()) {
    const absl::Status written = log_->Write(record, model_());
    if (!written.ok()) LogError(written.message());
  }
  if (print_bars_) {
    std::printf("%s\n", FormatForPeople(record).c_str());
    std::fflush(stdout);
  }
}

}  // namespace antiphon::edge
