// SPDX-License-Identifier: Apache-2.0
//
// Whole bars through everything that is real: a host with JACK's own API plays
// clock and notes, the edge takes them in through RtMidi, asks the mirror over
// gRPC and answers through RtMidi, and a listener with JACK's own API stamps
// what sounds. Each answer has to be the player's bar, two bars later, at the
// same position.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/metrics/metrics.h"
#include "common/rt/clock.h"
#include "edge/agent.h"
#include "edge/client/grpc_accompanist.h"
#include "edge/port/file_performer.h"
#include "edge/port/rtmidi_port.h"
#include "inference/engine/mirror.h"
#include "inference/service/server.h"
#include "tests/integration/jack_fixture.h"
#include "tests/integration/jack_listener.h"
#include "tests/integration/jack_sender.h"

namespace antiphon::edge {
namespace {

using testing::HeardEvent;
using testing::JackListener;
using testing::JackSender;

constexpr int kBars = 16;
constexpr int kAnswerBarsLater = Conductor::kLag + 1;
constexpr int kTicksPerBar = 4 * 480;

// Keeps what the conductor tells; read after it has ended.
class Told : public SessionObserver {
 public:
  void OnBar(const BarRecord& record) override { bars.push_back(record); }

  std::vector<BarRecord> bars;
};

struct Played {
  int64_t tick = 0;
  int pitch = 0;
};

// Eight notes a bar, off the sixteenth grid, no two of a pitch near each other.
std::vector<Played> Music() {
  std::vector<Played> music;
  for (int bar = 0; bar < kBars; ++bar) {
    for (int i = 0; i < 8; ++i) {
      const int64_t tick =
          kTicksPerBar * bar + 240 * i + (37 * i + 11 * bar) % 90;
      music.push_back({tick, 36 + (bar % 5) * 8 + i});
    }
  }
  return music;
}

MidiFile FileOf(const std::vector<Played>& music) {
  const auto event = [](int64_t tick, const MidiMessage& m) {
    MidiFileEvent out{.tick = tick, .size = static_cast<uint8_t>(m.size())};
    std::copy_n(m.data(), m.size(), out.bytes.begin());
    return out;
  };
  MidiFileTrack track;
  for (const Played& note : music) {
    track.events.push_back(
        event(note.tick, MidiMessage::NoteOn(0, note.pitch, 80)));
    track.events.push_back(
        event(note.tick + 120, MidiMessage::NoteOff(0, note.pitch)));
  }
  std::stable_sort(
      track.events.begin(), track.events.end(),
      [](const auto& a, const auto& b) { return a.tick < b.tick; });
  MidiFile file;
  file.tracks.push_back(std::move(track));
  return file;
}

class JackSessionTest : public testing::JackTest {
 protected:
  void SetUp() override {
    JackTest::SetUp();
    if (server_ == nullptr) return;
    inference::Server::Options options;
    options.model = "mirror";
    auto service = inference::Server::Create(options, &mirror_, &metrics_);
    ASSERT_TRUE(service.ok()) << service.status();
    service_ = *std::move(service);
    client_ = std::make_unique<GrpcAccompanist>(GrpcAccompanist::Options{
        .target = absl::StrCat("127.0.0.1:", service_->port()),
        .session_id = "jack-session",
        .client = "test"});
    auto input = RtMidiInput::Create(
        {.api = MidiApi::kJack, .own_name = "Antiphon In"}, &ring_);
    ASSERT_TRUE(input.ok()) << input.status();
    input_ = *std::move(input);
    auto output = RtMidiOutput::Create(
        {.api = MidiApi::kJack, .own_name = "Antiphon Out"});
    ASSERT_TRUE(output.ok()) << output.status();
    output_ = *std::move(output);
    host_ = JackSender::Create("host").value();
    ear_ = JackListener::Create("ear").value();
    ASSERT_TRUE(host_->PlayTo("Antiphon In:Antiphon In").ok());
    ASSERT_TRUE(ear_->Hear("Antiphon Out:Antiphon Out").ok());
    ASSERT_TRUE(Eventually([&] { return client_->stats().connected.load(); }));
  }

  // Plays the file to its end through host, edge and service.
  void Perform(const FilePerformer& performer) {
    std::vector<TimedMessage> script;
    FilePerformer host = performer;
    while (auto m = host.Next()) script.push_back(*m);
    host_->Play(std::move(script));
    Agent agent({.meters = performer.meters(), .sampling = {}}, {&ring_},
                client_.get(), output_.get(), &told_);
    const MonoTime end = performer.end() + absl::Milliseconds(300);
    agent.Run([&] { return rt::Now() >= end; });
    EXPECT_TRUE(host_->done());
    EXPECT_EQ(ring_.dropped(), 0u);
    std::printf("late events %d, real-time priority %s\n",
                static_cast<int>(agent.conductor().counters().late_events),
                server_->real_time() ? "yes" : "no");
  }

  // Every note of `music` is heard once, two bars later, and ends; prints and
  // judges the distances from there, less their median.
  void Judge(const std::vector<Played>& music, const FilePerformer& performer,
             double tempo) {
    std::map<int, std::vector<MonoTime>> begun;  // by pitch
    std::map<int, int> sounding;
    for (const HeardEvent& e : ear_->Events()) {
      ASSERT_EQ(e.bytes.size(), 3u);
      const auto m = MidiMessage::FromBytes(e.bytes[0], e.bytes[1], e.bytes[2]);
      if (m.IsNoteOn()) begun[m.pitch()].push_back(e.at);
      if (m.IsNoteOn() || m.IsNoteOff()) {
        sounding[m.pitch()] += m.IsNoteOn() ? 1 : -1;
      }
    }
    for (const auto& [pitch, count] : sounding) {
      EXPECT_LE(count, 0) << "pitch " << pitch << " hangs";
    }
    const double ms_per_tick = 60'000 / tempo / 480;
    const MonoTime start = StartOf(performer);
    std::map<int, size_t> taken;
    std::vector<double> errors;
    for (const Played& note : music) {
      const size_t nth = taken[note.pitch]++;
      ASSERT_LT(nth, begun[note.pitch].size()) << "pitch " << note.pitch;
      const auto ideal =
          static_cast<double>(note.tick + kTicksPerBar * kAnswerBarsLater);
      errors.push_back(
          absl::ToDoubleMilliseconds(begun[note.pitch][nth] - start) -
          ideal * ms_per_tick);
    }
    for (const auto& [pitch, times] : begun) {
      EXPECT_EQ(times.size(), taken[pitch]) << "pitch " << pitch;
    }
    JudgeErrors(std::move(errors));
  }

  MonoTime StartOf(const FilePerformer& performer) const {
    FilePerformer copy = performer;
    return copy.Next()->at + Performer::StartLead();
  }

  void JudgeErrors(std::vector<double> errors) {
    std::sort(errors.begin(), errors.end());
    const double median = errors[errors.size() / 2];
    std::vector<double> distances;
    for (double e : errors) distances.push_back(std::abs(e - median));
    std::sort(distances.begin(), distances.end());
    const double p95 = distances[distances.size() * 95 / 100];
    std::printf("%zu notes: median offset %.2f ms, p95 %.2f ms, max %.2f ms\n",
                errors.size(), median, p95, distances.back());
    EXPECT_LE(p95, 3) << "ms from the ideal time, median removed";
    EXPECT_LT(std::abs(median), 10) << "ms";
  }

  void JudgeBars() {
    int answers = 0;
    for (size_t i = 0; i < told_.bars.size(); ++i) {
      EXPECT_EQ(told_.bars[i].play_seq, told_.bars[0].play_seq + i);
      if (told_.bars[i].outcome == Outcome::kAnswer) ++answers;
    }
    EXPECT_EQ(answers, kBars);
  }

  void PlayAndJudge(double tempo) {
    const std::vector<Played> music = Music();
    auto performer = FilePerformer::Create(
        FileOf(music), {.start = rt::Now() + absl::Seconds(1),
                        .tempo = tempo,
                        .tail_bars = kAnswerBarsLater});
    ASSERT_TRUE(performer.ok()) << performer.status();
    Perform(*performer);
    Judge(music, *performer, tempo);
    JudgeBars();
  }

  inference::Mirror mirror_;
  Metrics metrics_;
  MidiRing ring_{kMidiRingCapacity};
  Told told_;
  std::unique_ptr<inference::Server> service_;
  std::unique_ptr<GrpcAccompanist> client_;
  std::unique_ptr<RtMidiInput> input_;
  std::unique_ptr<RtMidiOutput> output_;
  std::unique_ptr<JackSender> host_;
  std::unique_ptr<JackListener> ear_;
};

TEST_F(JackSessionTest, SixteenBarsAt120) { PlayAndJudge(120); }

TEST_F(JackSessionTest, SixteenBarsAt240) { PlayAndJudge(240); }

}  // namespace
}  // namespace antiphon::edge
