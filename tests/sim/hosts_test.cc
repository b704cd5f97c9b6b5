// SPDX-License-Identifier: Apache-2.0
//
// Every host that somebody has told of, every jitter that somebody has
// measured, and hosts that are hostile in one way: a row each, judged by the
// invariants and by liveness. The tables below are the lists to check against.
#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tests/sim/checkers.h"
#include "tests/sim/dialects.h"
#include "tests/sim/hostile_hosts.h"
#include "tests/sim/liveness.h"
#include "tests/sim/sim_world.h"

namespace antiphon::sim {
namespace {

// ---- The tables ----

// What each host sends, as its manual or its users tell; "clock" is told where
// it comes while the host stands.
struct DialectRow {
  const char* host;
  const char* from_start;
  const char* from_elsewhere;
  const char* stop;
  const char* loop;
  const char* while_stopped;
};
constexpr DialectRow kDialects[] = {
    {"Ableton Live", "START", "SPP CONTINUE", "STOP", "SPP", ""},
    {"Reaper", "CC START", "CC SPP CONTINUE", "STOP SPP", "", ""},
    {"Cubase", "START", "SPP CONTINUE", "STOP", "", ""},
    {"Cubase, MIDI clock follows project position", "START", "SPP CONTINUE",
     "STOP", "STOP SPP CONTINUE", ""},
    {"Cubase, always send start", "START", "START", "STOP", "", "clock"},
    {"Logic (iPad)", "START", "SPP CONTINUE", "STOP", "SPP", ""},
    {"Logic (iPad), restart at pattern", "START", "START", "STOP", "START", ""},
    {"Studio One", "START", "SPP CONTINUE", "STOP", "", ""},
    {"Studio One, starts with CONTINUE", "CONTINUE", "SPP CONTINUE", "STOP", "",
     ""},
    {"Renoise", "START", "SPP CONTINUE", "STOP", "SPP", "clock"},
    {"Zynthian (till 2025-09)", "START CONTINUE", "SPP CONTINUE", "STOP",
     "CONTINUE", ""},
    {"norns", "CONTINUE", "SPP CONTINUE", "STOP", "", ""},
    {"hardware sequencers", "START", "START", "STOP", "", "clock"},
};

constexpr const char* kJitters[] = {
    "none",
    "Live's manual, 36 set-ups",
    "MOTU/Mac interface, Machinedrum clock",
    "Sonar against MC-500, USB",
    "JACK, 64 frames at 48 kHz",
    "audio buffer of 512 frames",
    "audio buffer of 1024 frames",
};

constexpr const char* kHostile[] = {
    "jitters",
    "drifts",
    "delivers clocks in bursts",
    "drops clocks",
    "steps its tempo",
    "ramps its tempo",
    "storms of song positions",
    "stops and starts at every pulse of a bar",
    "changes its meter at every bar",
};

template <typename Names, typename Rows>
void ExpectNames(const Names& names, const Rows& rows) {
  ASSERT_EQ(std::size(names), rows.size());
  for (size_t i = 0; i < rows.size(); ++i) EXPECT_STREQ(names[i], rows[i].name);
}

// ---- What the rows send ----

std::string Word(const MidiMessage& message) {
  if (message.IsClock()) return "clock";
  if (message.IsStart()) return "START";
  if (message.IsContinue()) return "CONTINUE";
  if (message.IsStop()) return "STOP";
  return message.IsSongPosition() ? "SPP" : "CC";
}

// The words since `from`, those in a row said once.
std::string Words(const HostScript& host, size_t from) {
  std::vector<std::string> words;
  const std::vector<TimedMessage> all = host.Messages();
  for (size_t i = from; i < all.size(); ++i) {
    const std::string word = Word(all[i].message);
    if (words.empty() || words.back() != word) words.push_back(word);
  }
  return absl::StrJoin(words, " ");
}

template <typename Gesture>
std::string Said(HostScript& host, const Gesture& gesture) {
  const size_t before = host.Messages().size();
  gesture();
  return Words(host, before);
}

TEST(Dialects, SayWhatTheirHostsAreToldToSay) {
  ASSERT_EQ(std::size(kDialects), Dialects().size());
  for (size_t i = 0; i < Dialects().size(); ++i) {
    const Dialect& dialect = Dialects()[i];
    const DialectRow& row = kDialects[i];
    SCOPED_TRACE(row.host);
    EXPECT_STREQ(dialect.name, row.host);
    HostScript host({});
    EXPECT_EQ(Said(host, [&] { PlayFromStart(dialect, host); }),
              row.from_start);
    host.PlayBars(2, 0);
    EXPECT_EQ(Said(host, [&] { LoopTo(dialect, 0, host); }), row.loop);
    host.PlayBars(1, 0);
    EXPECT_EQ(Said(host, [&] { Stop(dialect, host); }), row.stop);
    EXPECT_EQ(
        Said(host, [&] { StandStill(dialect, absl::Milliseconds(100), host); }),
        row.while_stopped);
    EXPECT_EQ(Said(host, [&] { PlayFrom(dialect, 32, host); }),
              row.from_elsewhere);
  }
}

// 1001 ticks of a Machinedrum through a MOTU interface: 80 % came after 21 ms,
// 19 % after 22, 1 % after 20.
TEST(Jitters, QuantiseToMillisecondsAsAnInterfaceDoes) {
  HostScript host({.quarters_per_minute = 60 / (24 * 21.18e-3),
                   .jitter = JitterRows()[2].jitter});
  host.Start();
  host.Clocks(10'001);
  std::map<int64_t, double> share;
  for (size_t i = 1; i < host.pulses().size(); ++i) {
    share[absl::ToInt64Milliseconds(host.pulses()[i].at -
                                    host.pulses()[i - 1].at)] += 1e-4;
  }
  EXPECT_NEAR(share[21], 0.80, 0.02);
  EXPECT_NEAR(share[22], 0.19, 0.02);
  EXPECT_NEAR(share[20], 0.01, 0.005);
}

// Most events within 1 ms, maxima of 8 to 11.
TEST(Jitters, HaveTheTailsThatLivesManualTellsOf) {
  const Jitter jitter = JitterRows()[1].jitter;
  std::mt19937_64 random(1);
  int near = 0;
  absl::Duration furthest;
  for (int i = 0; i < 10'000; ++i) {
    const absl::Duration off = absl::AbsDuration(
        jitter.Draw(MonoTime::FromNanos(0), random) - jitter.Mean());
    if (off <= absl::Milliseconds(1)) ++near;
    furthest = std::max(furthest, off);
  }
  EXPECT_NEAR(near, 9200, 200);
  EXPECT_GT(furthest, absl::Milliseconds(8));
  EXPECT_LE(furthest, absl::Milliseconds(11));
}

TEST(Jitters, OfBuffersBringClocksInBurstsOrNone) {
  for (const size_t row : {5u, 6u}) {
    HostScript host({.jitter = JitterRows()[row].jitter});
    host.Start();
    host.Clocks(500);
    std::map<int64_t, int> in_buffer;
    const absl::Duration grid = host.jitter().grid;
    for (const HostPulse& pulse : host.pulses()) {
      ++in_buffer[(pulse.at - MonoTime()) / grid];
    }
    const int64_t buffers =
        in_buffer.rbegin()->first - in_buffer.begin()->first + 1;
    const bool shared = std::any_of(in_buffer.begin(), in_buffer.end(),
                                    [](auto& of) { return of.second > 1; });
    EXPECT_TRUE(shared || buffers > static_cast<int64_t>(in_buffer.size()));
  }
}

// ---- How the edge plays with them ----

// Nothing may be wrong, and so many answers must have been judged.
void ExpectWhole(const HostScript& host, int judged) {
  const Recording recording = Play(host, {});
  const Truth truth(host);
  EXPECT_EQ(CheckInvariants(recording, truth), "");
  const Liveness live = CheckLiveness(recording, truth);
  EXPECT_EQ(live.problem, "");
  EXPECT_GE(live.judged, judged);
}

// Every gesture of a user, with bars between them.
void UseEveryGesture(const Dialect& dialect, HostScript& host) {
  PlayFromStart(dialect, host);
  host.PlayBars(5, 6);
  LoopTo(dialect, 0, host);
  host.PlayBars(4, 6);
  host.Play(40, 3);
  StopFor(dialect, absl::Milliseconds(400), host);
  host.PlayBar(3);
  host.PlayBars(4, 6);
  Stop(dialect, host);
  StandStill(dialect, absl::Milliseconds(300), host);
  PlayFrom(dialect, 64, host);
  host.PlayBars(5, 6);
  host.Play(30, 3);
  Stop(dialect, host);
  StandStill(dialect, absl::Milliseconds(300), host);
  PlayFromStart(dialect, host);
  host.PlayBars(5, 6);
  Stop(dialect, host);
}

TEST(Dialects, AreAllPlayedWith) {
  for (const Dialect& dialect : Dialects()) {
    for (const double tempo : {120.0, 173.0}) {
      SCOPED_TRACE(absl::StrCat(dialect.name, " at ", tempo));
      HostScript host({.seed = 11, .quarters_per_minute = tempo});
      UseEveryGesture(dialect, host);
      ExpectWhole(host, 11);
    }
  }
}

TEST(Jitters, AreAllPlayedWith) {
  ExpectNames(kJitters, JitterRows());
  for (const JitterRow& row : JitterRows()) {
    for (const double tempo : {60.0, 97.0, 120.0, 200.0, 300.0}) {
      SCOPED_TRACE(absl::StrCat(row.name, " at ", tempo));
      HostScript host(
          {.seed = 12, .quarters_per_minute = tempo, .jitter = row.jitter});
      UseEveryGesture(Dialects()[0], host);
      ExpectWhole(host, 11);
    }
  }
}

TEST(HostileHosts, AreAllPlayedWith) {
  ExpectNames(kHostile, HostileHosts());
  for (const HostileHost& hostile : HostileHosts()) {
    for (const uint64_t seed : {1u, 2u, 3u}) {
      SCOPED_TRACE(absl::StrCat(hostile.name, ", seed ", seed));
      ExpectWhole(hostile.play(seed), hostile.judged);
    }
  }
}

}  // namespace
}  // namespace antiphon::sim
