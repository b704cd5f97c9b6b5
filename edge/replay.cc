// SPDX-License-Identifier: Apache-2.0
#include "edge/replay.h"

#include <algorithm>
#include <fstream>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <tuple>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "edge/agent.h"
#include "edge/audience.h"
#include "edge/port/no_output.h"

namespace antiphon::edge {
namespace {

using Json = nlohmann::json;

constexpr size_t kMaxLine = 64 << 10;

MonoTime TimeOf(const Json& nanos) {
  return MonoTime::FromNanos(nanos.get<int64_t>());
}

RecordedSettings SettingsOf(const Json& header) {
  RecordedSettings settings;
  settings.flags = header.at("flags").get<std::map<std::string, std::string>>();
  std::vector<MeterMap::Change> changes;
  for (const Json& m : header.at("meters")) {
    changes.push_back({Ticks::Of(m.at(0)), {m.at(1), m.at(2)}});
  }
  settings.meters =
      MeterMap(std::move(changes), Ticks::Of(header.at("pickup")));
  settings.bars = header.at("bars");
  return settings;
}

TimedMessage MessageOf(const Json& line) {
  const std::string bytes =
      absl::HexStringToBytes(line.at(3).get<std::string>());
  std::array<uint8_t, 3> padded{};
  std::copy_n(bytes.begin(), std::min(bytes.size(), padded.size()),
              padded.begin());
  return {TimeOf(line.at(1)),
          MidiMessage::FromBytes(padded[0], padded[1], padded[2])};
}

Reply ReplyOf(const Json& line) {
  Reply reply;
  reply.at = TimeOf(line.at(1));
  reply.kind = static_cast<Reply::Kind>(line.at(3).get<int>());
  reply.job_id = line.at(4);
  reply.epoch = line.at(5);
  reply.play_seq = line.at(6);
  reply.bar_index = line.at(7);
  reply.done = line.at(8) != 0;
  reply.end_reason = static_cast<EndReason>(line.at(9).get<int>());
  reply.tokens = line.at(10);
  for (const Json& n : line.at(11)) {
    if (reply.note_count == kMaxChunkNotes) break;
    Reply::AnswerNote& note =
        reply.notes[static_cast<size_t>(reply.note_count++)];
    note.index = n.at(0);
    note.note.tick = Ticks::Of(n.at(1));
    note.note.duration = Ticks::Of(n.at(2));
    note.note.pitch = n.at(3);
    note.note.velocity = n.at(4);
    note.note.source = NoteSource::kAnswer;
  }
  return reply;
}

Telemetry TelemetryOf(const Json& line) {
  Telemetry t;
  t.kind = static_cast<Telemetry::Kind>(line.at(1).get<int>());
  t.epoch = line.at(2);
  t.play_seq = line.at(3);
  t.note = line.at(4);
  t.pitch = line.at(5);
  t.velocity = line.at(6);
  t.due = TimeOf(line.at(7));
  return t;
}

// Throws what Json throws where the line is not one of a recording.
void Take(const Json& line, Recording& recording) {
  const std::string kind = line.at(0);
  if (kind == "m") {
    recording.inputs.push_back({line.at(2), MessageOf(line)});
  } else if (kind == "r") {
    recording.inputs.push_back({line.at(2), ReplyOf(line)});
  } else if (kind == "x") {
    recording.refused.push_back(line.at(1));
  } else if (kind == "o") {
    recording.sent.push_back(TelemetryOf(line));
  } else if (kind == "e") {
    recording.end = TimeOf(line.at(1));
    recording.dues = line.at(2);
    recording.whole = true;
  }
}

// Takes jobs as they were taken on stage; answers come from the recording.
class RecordedAccompanist : public Accompanist {
 public:
  explicit RecordedAccompanist(const std::vector<JobId>& refused)
      : refused_(refused) {}

  bool Post(const AccompanistCommand& command) override {
    return command.kind != AccompanistCommand::Kind::kJob ||
           !std::binary_search(refused_.begin(), refused_.end(),
                               command.job.id);
  }
  bool Poll(Reply&) override { return false; }

 private:
  const std::vector<JobId>& refused_;
};

// The stage: conductor and playback, moved by hand.
class Stage : public SessionObserver {
 public:
  Stage(const Recording& recording, const Conductor::Options& options,
        const Playback::Options& playback, SessionObserver* observer)
      : recording_(recording),
        accompanist_(recording.refused),
        playback_(std::make_unique<Playback>(playback, &commands_, &timeline_,
                                             &port_, &telemetry_)),
        conductor_(options, &accompanist_, &commands_, &timeline_, &telemetry_,
                   &audience_) {
    audience_.Add(this);
    audience_.Add(observer);
  }

  void Run() {
    for (const Recording::Input& input : recording_.inputs) {
      HandleDues(input.dues);
      std::visit(
          [this](const auto& what) {
            PlayUntil(what.at);
            conductor_.Replay(what);
          },
          input.what);
    }
    if (recording_.whole) {
      HandleDues(recording_.dues);
      PlayUntil(recording_.end);
    }
    playback_->Silence(now_);
    conductor_.Finish(now_);
  }

  const std::vector<Telemetry>& told() const { return told_; }

 private:
  void HandleDues(uint64_t wanted) {
    while (dues_ < wanted && conductor_.next_due() != MonoTime::Max()) {
      PlayUntil(conductor_.next_due());
      conductor_.ReplayDue();
    }
  }
  void PlayUntil(MonoTime until) {
    while (true) {
      const MonoTime next = playback_->Tick(now_);
      if (next > until) break;
      now_ = std::max(now_, next);
    }
    now_ = std::max(now_, until);
  }

  void OnDue() override { ++dues_; }
  void OnTelemetry(const Telemetry& telemetry) override {
    told_.push_back(telemetry);
  }

  const Recording& recording_;
  Audience audience_;
  RecordedAccompanist accompanist_;
  NoOutput port_;
  SpscRing<PlaybackCommand> commands_{Agent::kMaxPlaybackCommands};
  SpscRing<Telemetry> telemetry_{Agent::kMaxTelemetry};
  LatestValue<Timeline> timeline_;
  const std::unique_ptr<Playback> playback_;
  Conductor conductor_;
  uint64_t dues_ = 0;
  MonoTime now_ = MonoTime::Min();
  std::vector<Telemetry> told_;
};

bool WasSent(const Telemetry& t) {
  return t.kind == Telemetry::Kind::kNoteOn ||
         t.kind == Telemetry::Kind::kNoteOff;
}

// Which note, whatever became of it.
auto NoteOf(const Telemetry& t) {
  return std::tuple(t.epoch, t.play_seq, t.note);
}

auto KeyOf(const Telemetry& t) {
  const bool off = t.kind == Telemetry::Kind::kNoteOff;
  return std::tuple(t.epoch, t.play_seq, t.note, off, t.pitch, t.velocity);
}

}  // namespace

absl::StatusOr<Recording> ReadRecording(const std::string& path) {
  const auto bad = [&path](size_t line, const std::string& what) {
    return absl::InvalidArgumentError(
        absl::StrCat("--replay=", path, ", line ", line, ": ", what,
                     "; give a file that --record wrote"));
  };
  std::ifstream file(path, std::ios::binary);
  if (!file) return bad(0, "cannot be opened");
  Recording recording;
  std::string text;
  for (size_t number = 1; std::getline(file, text); ++number) {
    if (text.size() > kMaxLine) return bad(number, "is too long");
    const Json line = Json::parse(text, nullptr, false);
    if (line.is_discarded() && file.eof()) break;  // cut off by a crash
    try {
      if (number > 1) {
        Take(line, recording);
      } else if (!line.is_object() ||
                 line.value("antiphon_recording", 0) != 1) {
        return bad(number, "is no recording's head");
      } else {
        recording.settings = SettingsOf(line);
      }
    } catch (const Json::exception&) {
      return bad(number, "is none of a recording's");
    }
  }
  if (text.empty() && recording.inputs.empty()) return bad(1, "is empty");
  std::sort(recording.refused.begin(), recording.refused.end());
  return recording;
}

std::string ToLine(const ReplayResult& r) {
  std::string line = absl::StrFormat(
      "%d messages as on stage, %d missing, %d extra; due times within %.1f us",
      r.matched, r.missing, r.extra,
      absl::ToDoubleMicroseconds(r.largest_due_difference));
  if (r.unheard > 0) {
    absl::StrAppendFormat(&line, "; %d notes were late or refused on stage",
                          r.unheard);
  }
  return line;
}

ReplayResult Replay(const Recording& recording,
                    const Conductor::Options& options,
                    const Playback::Options& playback,
                    SessionObserver* observer) {
  const auto stage =
      std::make_unique<Stage>(recording, options, playback, observer);
  stage->Run();
  ReplayResult result;
  std::multimap<decltype(KeyOf(Telemetry())), MonoTime> then;
  std::set<decltype(NoteOf(Telemetry()))> unheard;
  MonoTime last_told = MonoTime::Min();
  for (const Telemetry& t : recording.sent) {
    last_told = std::max(last_told, t.due);
    if (WasSent(t)) then.emplace(KeyOf(t), t.due);
    if (t.kind != Telemetry::Kind::kLate &&
        t.kind != Telemetry::Kind::kSendError) {
      continue;
    }
    ++result.unheard;
    unheard.insert(NoteOf(t));
  }
  for (const Telemetry& t : stage->told()) {
    if (!WasSent(t)) continue;
    result.messages.push_back(
        {t.due, t.kind == Telemetry::Kind::kNoteOff
                    ? MidiMessage::NoteOff(t.channel, t.pitch)
                    : MidiMessage::NoteOn(t.channel, t.pitch, t.velocity)});
    const auto found = then.find(KeyOf(t));
    if (found == then.end()) {
      // The tail of a recording that was cut off knows inputs but not yet what
      // came of them.
      const bool unknown = !recording.whole && t.due >= last_told;
      result.extra += !unknown && !unheard.contains(NoteOf(t));
      continue;
    }
    ++result.matched;
    result.largest_due_difference =
        std::max(result.largest_due_difference,
                 absl::AbsDuration(t.due - found->second));
    then.erase(found);
  }
  result.missing = static_cast<int>(then.size());
  return result;
}

}  // namespace antiphon::edge
