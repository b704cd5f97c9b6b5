// SPDX-License-Identifier: Apache-2.0
#include "tests/integration/live_session.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"

namespace antiphon::testing {
namespace {

constexpr absl::Duration Patience() { return absl::Seconds(12); }
// For as much time without a stall as it takes to judge one run.
constexpr absl::Duration CalmPatience() { return absl::Seconds(30); }

std::string Program(const std::string& name) {
  return absl::StrCat(ANTIPHON_BINARY_DIR, "/bin/", name);
}

void Show(const std::string& name, const ChildProcess* process) {
  if (process == nullptr) return;
  const std::string log = process->Log();
  const size_t from = log.size() > 6000 ? log.size() - 6000 : 0;
  std::printf("--- %s\n%s\n", name.c_str(), log.substr(from).c_str());
}

}  // namespace

void LiveSession::SetUp() {
  JackTest::SetUp();
  if (server_ == nullptr) return;
  folder_ = std::filesystem::temp_directory_path() / (server_->name() + ".d");
  std::filesystem::create_directories(folder_);
  musician_ = JackMusician::Create("musician").value();
  ear_ = JackListener::Create("ear").value();
  StartService();
  StartEdge();
}

void LiveSession::TearDown() {
  if (HasFailure()) {
    Show("service", service_.get());
    Show("edge", edge_.get());
    Show("master", master_.get());
  }
  master_.reset();
  edge_.reset();
  service_.reset();
  transport_.reset();
  musician_.reset();
  ear_.reset();
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

std::unique_ptr<ChildProcess> LiveSession::Start(
    const std::string& name, std::vector<std::string> words) {
  return std::make_unique<ChildProcess>(std::move(words),
                                        folder_ / (name + ".log"));
}

void LiveSession::StartService() {
  service_.reset();
  service_ =
      Start("service",
            {Program("antiphon-inference"), "--model=mirror",
             absl::StrCat("--listen=127.0.0.1:", service_port_), "--metrics="});
  const std::string ready = "ready on 127.0.0.1:";
  size_t at = std::string::npos;
  ASSERT_TRUE(Eventually(
      [&] { return (at = service_->Log().find(ready)) != std::string::npos; }));
  service_port_ = std::atoi(service_->Log().c_str() + at + ready.size());
}

void LiveSession::StartEdge() {
  edge_.reset();
  std::vector<std::string> words = {
      Program("antiphon-edge"),
      "--source=clock",
      "--meter=2/4",
      "--midi-api=jack",
      absl::StrCat("--service=127.0.0.1:", service_port_),
      "--metrics=",
      absl::StrCat("--session-dir=", SessionFolder(++edges_).string())};
  words.insert(words.end(), edge_flags_.begin(), edge_flags_.end());
  edge_ = Start("edge", std::move(words));
  ASSERT_TRUE(Eventually([&] { return musician_->PlayTo(kEdgeIn).ok(); }));
  ASSERT_TRUE(
      Eventually([&] { return !connects_ear_ || ear_->Hear(kEdgeOut).ok(); }));
  if (!master_port_.empty()) {
    ASSERT_TRUE(ear_->Connect(master_port_, kEdgeIn).ok());
  }
  AwaitConnection(1);
}

std::filesystem::path LiveSession::SessionFolder(int nth) const {
  return folder_ / absl::StrCat("session", nth);
}

void LiveSession::AwaitConnection(int nth) {
  const std::string told = " connected, model";
  ASSERT_TRUE(Eventually(
      [&] {
        const std::string log = edge_->Log();
        int count = 0;
        for (size_t at = 0; (at = log.find(told, at)) != std::string::npos;
             at += told.size()) {
          ++count;
        }
        return count >= nth;
      },
      Patience()));
}

void LiveSession::ConnectMaster(const std::string& port) {
  ASSERT_TRUE(Eventually([&] { return musician_->Hear(port).ok(); })) << port;
  ASSERT_TRUE(ear_->Connect(port, kEdgeIn).ok()) << port;
  master_port_ = port;
}

void LiveSession::StartJackMidiClock(double tempo,
                                     std::vector<std::string> options) {
  tempo_ = tempo;
  transport_ = JackTransport::Create(tempo).value();
  options.insert(options.begin(), "jack_midi_clock");
  master_ = Start("master", std::move(options));
  ConnectMaster(kJackMidiClockOut);
  // It has a port before it works: then it answers a new position.
  const auto moved = [&](int64_t pulse) {
    const size_t before = musician_->transport().size();
    transport_->Locate(pulse);
    return Eventually([&] { return musician_->transport().size() > before; },
                      absl::Milliseconds(200));
  };
  int64_t bar = 0;
  ASSERT_TRUE(Eventually([&] { return moved(kPulsesPerBar * ++bar); }));
  ASSERT_TRUE(moved(0));
}

void LiveSession::AwaitAnswer(int64_t bar, int note) {
  const size_t before = NotesOf(ear_->Events()).size();
  const int pitch = PitchOf(bar, note);
  ASSERT_TRUE(Eventually(
      [&] {
        const std::vector<SoundedNote> notes = NotesOf(ear_->Events());
        return std::any_of(
            notes.begin() + static_cast<std::ptrdiff_t>(before), notes.end(),
            [pitch](const SoundedNote& n) { return n.pitch == pitch; });
      },
      Patience()))
      << "no answer to bar " << bar;
}

int64_t LiveSession::AwaitJudgeable(int64_t bar) {
  const MonoTime give_up = rt::Now() + CalmPatience();
  for (; !HasFailure(); ++bar) {
    AwaitAnswer(bar);
    AnswerJudge judge = Judge();
    judge.Listen();
    if (judge.HasJudged(LastPulse().run) || rt::Now() > give_up) break;
  }
  return bar;
}

MonoTime LiveSession::AwaitStop(const std::function<void()>& cause) {
  const size_t before = musician_->transport().size();
  MonoTime stop = MonoTime::Max();
  cause();
  EXPECT_TRUE(Eventually([&] {
    const auto said = musician_->transport().All();
    for (size_t i = before; i < said.size(); ++i) {
      if (said[i].status == kStop) stop = said[i].at;
    }
    return stop != MonoTime::Max();
  }));
  return stop;
}

MonoTime LiveSession::FreezeMaster(absl::Duration duration) {
  musician_->Freeze(master_->id());
  EXPECT_TRUE(Eventually([&] { return musician_->has_frozen(); }));
  const MonoTime last = LastPulse().at;
  Wait(duration);
  EXPECT_EQ(LastPulse().at, last) << "a frozen master plays on";
  master_->Signal(SIGCONT);
  return last;
}

void LiveSession::ExpectFreewheel(const AnswerJudge& judge,
                                  MonoTime lost) const {
  const double freewheel = std::max(250.0, 3 * PulseMs());
  const double carried_on = judge.MillisecondsToSilence(lost);
  std::printf("silent %.0f ms after the last pulse\n", carried_on);
  EXPECT_GE(carried_on, freewheel);
  EXPECT_LE(carried_on, PulseMs() + freewheel + kMsToSilence);
}

JackMusician::Pulse LiveSession::LastPulse() const {
  const auto pulses = musician_->pulses().All();
  return pulses.empty() ? JackMusician::Pulse{} : pulses.back();
}

AnswerJudge LiveSession::Judge() const {
  return AnswerJudge(TestimonyOf(*musician_, *ear_), PulseMs(),
                     by_transport_ ? transport_->frames_per_pulse() : 0);
}

void LiveSession::ExpectInTime(const AnswerJudge& judge) const {
  const double half_pulse = PulseMs() / 2;
  std::printf(
      "%s; %s; %d more after stalls; the master's own pulses within "
      "%.2f pulse\n",
      judge.notes().Text("notes").c_str(),
      judge.lines().Text("bar lines").c_str(), judge.after_stalls(),
      judge.master_error());
  EXPECT_LT(judge.master_error(), 0.5) << "the master itself has miscounted";
  EXPECT_TRUE(judge.HasJudgedAll())
      << "this machine halts JACK so often that of some run fewer than "
      << AnswerJudge::kLeastNotes << " notes or " << AnswerJudge::kLeastLines
      << " bar line can be judged; remedy: run the test on a quieter one";
  for (const Distances* distances : {&judge.notes(), &judge.lines()}) {
    EXPECT_LT(std::abs(distances->Median()), half_pulse / 2) << "ms";
    EXPECT_LT(distances->Quantile(0.9), half_pulse) << "ms";
  }
}

std::vector<int64_t> LiveSession::Bars(
    const std::vector<std::pair<int64_t, int64_t>>& runs) {
  std::vector<int64_t> bars;
  for (const auto& [first, last] : runs) {
    for (int64_t bar = first; bar <= last; ++bar) bars.push_back(bar);
  }
  return bars;
}

std::vector<ToldBar> LiveSession::Told() const {
  std::vector<ToldBar> bars;
  for (int i = 1; i <= edges_; ++i) {
    std::ifstream in(SessionFolder(i) / "bars.jsonl");
    for (std::string line; std::getline(in, line);) {
      const auto bar = nlohmann::json::parse(line);
      bars.push_back({bar["bar_index"], bar["outcome"]});
    }
  }
  return bars;
}

std::vector<int64_t> LiveSession::AnsweredBars() const {
  std::vector<int64_t> answered;
  for (const ToldBar& bar : Told()) {
    if (bar.outcome == "answer") answered.push_back(bar.bar_index);
  }
  return answered;
}

}  // namespace antiphon::testing
