// SPDX-License-Identifier: Apache-2.0
#include "edge/black_box.h"

#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>

#include "absl/memory/memory.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "common/log.h"

namespace antiphon::edge {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kFormat = 1;
const absl::Duration kFlushEvery = absl::Seconds(1);

std::string Header(const RecordedSettings& settings) {
  Json meters = Json::array();
  for (const MeterMap::Change& change : settings.meters.changes()) {
    meters.push_back(
        {change.at.count(), change.meter.numerator, change.meter.denominator});
  }
  return Json({{"antiphon_recording", kFormat},
               {"flags", settings.flags},
               {"meters", meters},
               {"pickup", settings.meters.pickup().count()},
               {"bars", settings.bars}})
      .dump();
}

std::string Hex(const MidiMessage& message) {
  return absl::BytesToHexString(absl::string_view(
      reinterpret_cast<const char*>(message.data()), message.size()));
}

}  // namespace

absl::StatusOr<std::unique_ptr<BlackBox>> BlackBox::Create(
    const std::string& path, const RecordedSettings& settings) {
  std::FILE* file = std::fopen(path.c_str(), "w");
  if (file == nullptr) {
    return absl::PermissionDeniedError(
        absl::StrCat("cannot write --record=", path, ": ", std::strerror(errno),
                     "; name a file in a folder of yours"));
  }
  auto box = absl::WrapUnique(new BlackBox(path, file));
  box->Write(Header(settings));
  return box;
}

BlackBox::~BlackBox() {
  if (file_ != nullptr) std::fclose(file_);
}

void BlackBox::Finish(MonoTime played_until) {
  Write(absl::StrCat("[\"e\",", played_until.nanos(), ",", dues_, "]"));
  if (file_ != nullptr && std::fflush(file_) != 0) {
    LogError("--record=", path_, " is incomplete: ", std::strerror(errno));
  }
}

void BlackBox::OnHuman(const TimedMessage& m) {
  Write(absl::StrCat("[\"m\",", m.at.nanos(), ",", dues_, ",\"", Hex(m.message),
                     "\"]"));
  FlushNowAndThen(m.at);
}

void BlackBox::OnReply(const Reply& r) {
  std::string line = absl::StrCat(
      "[\"r\",", r.at.nanos(), ",", dues_, ",", static_cast<int>(r.kind), ",",
      r.job_id, ",", r.epoch, ",", r.play_seq, ",", r.bar_index, ",",
      r.done ? 1 : 0, ",", static_cast<int>(r.end_reason), ",", r.tokens, ",[");
  for (int i = 0; i < r.note_count; ++i) {
    const Reply::AnswerNote& n = r.notes[static_cast<size_t>(i)];
    absl::StrAppend(&line, i > 0 ? ",[" : "[", n.index, ",",
                    n.note.tick.count(), ",", n.note.duration.count(), ",",
                    n.note.pitch, ",", n.note.velocity, "]");
  }
  Write(line + "]]");
}

void BlackBox::OnJobPosted(JobId job, bool accepted) {
  if (!accepted) Write(absl::StrCat("[\"x\",", job, "]"));
}

void BlackBox::OnTelemetry(const Telemetry& t) {
  Write(absl::StrCat("[\"o\",", static_cast<int>(t.kind), ",", t.epoch, ",",
                     t.play_seq, ",", t.note, ",", t.pitch, ",", t.velocity,
                     ",", t.due.nanos(), "]"));
}

void BlackBox::Write(const std::string& line) {
  if (file_ == nullptr) return;
  if (std::fprintf(file_, "%s\n", line.c_str()) < 0) GiveUp();
}

void BlackBox::FlushNowAndThen(MonoTime at) {
  if (file_ == nullptr ||
      (flushed_ != MonoTime::Min() && at - flushed_ < kFlushEvery)) {
    return;
  }
  flushed_ = at;
  if (std::fflush(file_) != 0) GiveUp();
}

void BlackBox::GiveUp() {
  LogError("--record=", path_, " ends here: ", std::strerror(errno));
  std::fclose(file_);
  file_ = nullptr;
}

}  // namespace antiphon::edge
