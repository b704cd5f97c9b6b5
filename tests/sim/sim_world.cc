// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/sim_world.h"

#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <random>
#include <tuple>

#include "edge/agent.h"
#include "edge/client/grpc_accompanist.h"
#include "edge/client/service_link.h"
#include "tests/sim/fake_network.h"

namespace antiphon::sim {
namespace {

using edge::AccompanistCommand;
using edge::PlaybackCommand;
using edge::Reply;
using edge::Telemetry;

// The threads of the edge look at least this often.
const absl::Duration kClientPatience = absl::Milliseconds(10);
const absl::Duration kPlaybackPatience = absl::Milliseconds(1);
const absl::Duration kAfterwards = absl::Seconds(1);
// After a trouble: until the client is there again and has said the rest.
const absl::Duration kFarewell = absl::Seconds(1);

// The client without its thread: the real link over the fake network.
class SimAccompanist : public edge::Accompanist {
 public:
  SimAccompanist(FakeNetwork* network, Recording* recording)
      : recording_(recording),
        link_(
            {.target = "simulated", .session_id = "sim", .client = "sim"},
            [network](v1::EdgeMessage hello,
                      edge::MessageStream::OnMessage on_message) {
              return network->Connect(std::move(hello), std::move(on_message));
            },
            [this](const Reply& reply) { replies_.push_back(reply); },
            &stats_) {}

  bool Post(const AccompanistCommand& command) override {
    if (commands_.size() == edge::GrpcAccompanist::kMaxCommands) return false;
    Note(command);
    commands_.push_back(std::make_unique<AccompanistCommand>(command));
    return true;
  }
  bool Poll(Reply& reply) override {
    if (replies_.empty()) return false;
    reply = replies_.front();
    replies_.pop_front();
    return true;
  }

  // A turn of the client's thread; it wakes at once for a command.
  bool IsAwake() const { return !commands_.empty(); }
  void Run(MonoTime now) {
    link_.Tend(now);
    while (!commands_.empty()) {
      link_.Handle(*commands_.front(), now);
      commands_.pop_front();
    }
  }
  uint64_t malformed() const { return stats_.malformed.load(); }

 private:
  void Note(const AccompanistCommand& command) {
    if (command.kind == AccompanistCommand::Kind::kJob) {
      const edge::Job& job = command.job;
      recording_->asked.push_back({job.id, job.play_seq, job.epoch});
    } else if (command.kind == AccompanistCommand::Kind::kCancel) {
      recording_->called_off.push_back(command.cancel);
    }
  }

  Recording* const recording_;
  edge::ServiceLink::Stats stats_;
  std::deque<std::unique_ptr<AccompanistCommand>> commands_;
  std::deque<Reply> replies_;
  edge::ServiceLink link_;
};

class World : public edge::SessionObserver, public edge::MidiOutput {
 public:
  World(const HostScript& host, const NetworkScript& network,
        const WorldOptions& options)
      : options_(options),
        random_(options.seed),
        script_(network),
        network_(&script_, &now_),
        service_(&script_, &network_, &now_, options.fates),
        recording_{.host = host, .network = network},
        accompanist_(&network_, &recording_),
        playback_({}, &to_playback_, &timeline_, this, &from_playback_),
        conductor_({.meters = host.meters(),
                    .sampling = {},
                    .seed = options.seed,
                    .bars = options.bars},
                   &accompanist_, &from_conductor_, &timeline_, &to_conductor_,
                   this) {
    network_.set_listener(&service_);
  }

  Recording Run();

 private:
  void OnBarBegin(const BarSpan& bar, MonoTime line, Epoch epoch) override {
    recording_.begun.push_back({line, bar.play_seq, bar.bar_index, epoch});
  }
  void OnReply(const Reply& reply) override {
    recording_.replies.push_back(reply);
  }
  void OnBar(const edge::BarRecord& record) override {
    recording_.bars.push_back(record);
  }
  bool Send(const MidiMessage& message) noexcept override {
    recording_.sent.push_back({.at = now_, .message = message});
    return true;
  }

  using NoteId = std::tuple<Epoch, PlaySeq, uint32_t>;

  MonoTime NextEvent() const;
  void TurnNetwork();
  void TurnConductor();
  void TurnPlayback();
  void TakeTold();
  void Finish();
  void SayFarewell();

  const WorldOptions options_;
  std::mt19937_64 random_;
  MonoTime now_ = MonoTime::FromNanos(0);
  const NetworkScript script_;
  std::vector<TimedMessage> messages_;
  size_t next_message_ = 0;
  MonoTime next_client_;
  MonoTime next_conductor_;
  MonoTime next_playback_;

  FakeNetwork network_;
  SimService service_;
  Recording recording_;
  SimAccompanist accompanist_;
  // Each ring in two halves, with a look at what passes between them.
  SpscRing<PlaybackCommand> from_conductor_{edge::Agent::kMaxPlaybackCommands};
  SpscRing<PlaybackCommand> to_playback_{edge::Agent::kMaxPlaybackCommands};
  SpscRing<Telemetry> from_playback_{edge::Agent::kMaxTelemetry};
  SpscRing<Telemetry> to_conductor_{edge::Agent::kMaxTelemetry};
  LatestValue<Timeline> timeline_;
  edge::Playback playback_;
  edge::Conductor conductor_;
  size_t attributed_ = 0;          // of recording_.sent
  std::map<NoteId, Ticks> ticks_;  // of what was planned
};

MonoTime World::NextEvent() const {
  MonoTime next = std::min({next_client_, next_conductor_, next_playback_,
                            network_.NextEvent(), service_.NextEvent()});
  if (next_message_ < messages_.size()) {
    next = std::min(next, messages_[next_message_].at);
  }
  return next;
}

Recording World::Run() {
  messages_ = recording_.host.Messages();
  const MonoTime end = recording_.host.now() + kAfterwards;
  while (now_ < end) {
    now_ = std::max(now_, NextEvent());
    for (; next_message_ < messages_.size() &&
           messages_[next_message_].at <= now_;
         ++next_message_) {
      conductor_.Push(messages_[next_message_]);
    }
    TurnNetwork();
    if (now_ >= next_conductor_) TurnConductor();
    if (now_ >= next_playback_) TurnPlayback();
  }
  Finish();
  return std::move(recording_);
}

void World::TurnNetwork() {
  network_.Run();
  service_.Run();
  if (now_ < next_client_ && !accompanist_.IsAwake()) return;
  accompanist_.Run(now_);
  next_client_ = now_ + kClientPatience;
}

void World::TurnConductor() {
  conductor_.AdvanceTo(now_);
  PlaybackCommand command;
  while (from_conductor_.TryPop(command)) {
    recording_.planned.push_back({now_, command});
    ticks_.try_emplace({command.epoch, command.play_seq, command.note},
                       command.tick);
    to_playback_.TryPush(command);
  }
  const bool stalls =
      options_.stall > 0 &&
      static_cast<double>(random_() >> 11) * 0x1p-53 < options_.stall;
  next_conductor_ = now_ + options_.poll +
                    (stalls ? options_.stall_time : absl::ZeroDuration());
  if (accompanist_.IsAwake()) next_client_ = now_;
}

void World::TurnPlayback() {
  const MonoTime next = playback_.Tick(now_);
  next_playback_ = std::min(next, now_ + kPlaybackPatience);
  TakeTold();
}

// What playback says of each message it sent, in the order it sent them.
void World::TakeTold() {
  Telemetry told;
  while (from_playback_.TryPop(told)) {
    recording_.told.push_back(told);
    to_conductor_.TryPush(told);
    if (told.kind != Telemetry::Kind::kNoteOn &&
        told.kind != Telemetry::Kind::kNoteOff) {
      continue;
    }
    while (recording_.sent[attributed_].message.IsControlChange()) {
      ++attributed_;
    }
    Sent& sent = recording_.sent[attributed_++];
    sent.epoch = told.epoch;
    sent.play_seq = told.play_seq;
    sent.note = told.note;
    sent.due = told.due;
    const auto bar = conductor_.timeline().Bar(told.play_seq);
    if (!bar) continue;
    sent.length = bar->length();
    const auto tick = ticks_.find({told.epoch, told.play_seq, told.note});
    if (tick != ticks_.end() && told.epoch == conductor_.timeline().epoch()) {
      sent.placed = conductor_.timeline().TimeAt(bar->begin + tick->second);
    }
  }
}

void World::Finish() {
  playback_.Silence(now_);
  TakeTold();
  now_ = now_ + absl::Milliseconds(2);
  conductor_.Finish(now_);
  recording_.counters = conductor_.counters();
  SayFarewell();
  recording_.left_open = service_.OpenJobs();
  recording_.jobs = service_.jobs;
  recording_.reports = service_.reports;
  recording_.cancels = service_.cancels;
  recording_.complaints = service_.complaints;
  if (accompanist_.malformed() > 0) {
    recording_.complaints.push_back("the edge took a chunk for malformed");
  }
  for (const Trouble& trouble : service_.fated) {
    recording_.network.troubles.push_back(trouble);
  }
  recording_.network_hash = network_.hash();
  recording_.packets = network_.delivered();
}

// The session is over, the client's thread still says what it was told.
void World::SayFarewell() {
  MonoTime end = now_;
  for (const Trouble& trouble : script_.troubles) {
    if (trouble.from <= now_ && trouble.to < MonoTime::Max()) {
      end = std::max(end, trouble.to);
    }
  }
  end = end + kFarewell;
  while (now_ < end) {
    TurnNetwork();
    now_ = std::max(now_, std::min({next_client_, network_.NextEvent(),
                                    service_.NextEvent()}));
  }
}

}  // namespace

Recording Play(const HostScript& host, const NetworkScript& network,
               const WorldOptions& options) {
  return std::make_unique<World>(host, network, options)->Run();
}

}  // namespace antiphon::sim
