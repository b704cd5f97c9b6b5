// SPDX-License-Identifier: Apache-2.0
//
// antiphon-edge as a program: what cannot be right is one line on stderr that
// names the value, and exit code 2; work that failed is exit code 1. Ports are
// tried in tests/integration.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/metrics/metrics.h"
#include "tests/execute.h"
#include "tests/system_calls.h"

namespace antiphon::edge {
namespace {

namespace fs = std::filesystem;
using ::antiphon::testing::Executed;
using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;
using Flags = std::vector<std::string>;

const std::string kProgram =
    std::string(ANTIPHON_BINARY_DIR) + "/bin/antiphon-edge";
const std::string kSong =
    std::string(ANTIPHON_SOURCE_DIR) + "/examples/evening_4_4.mid";

void ExpectWrong(const Flags& flags, const std::string& named) {
  testing::ExpectRefused(kProgram, flags, named);
}

// A rehearsal of two quick bars with nobody to answer, and these flags.
Flags Rehearsal(const Flags& more) {
  Flags flags = {"--source=file", "--performer=" + kSong,  "--tempo=999",
                 "--bars=2",      "--service=127.0.0.1:1", "--metrics="};
  flags.insert(flags.end(), more.begin(), more.end());
  return flags;
}

// An empty folder of this test's own.
fs::path Scratch() {
  const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
  const fs::path folder =
      fs::path(::testing::TempDir()) /
      absl::StrCat("antiphon_edge_main_test_", test->name());
  fs::remove_all(folder);
  fs::create_directories(folder);
  return folder;
}

std::string ReadFile(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(in), {});
}

fs::path Write(const fs::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
  return path;
}

TEST(EdgeProgram, HelpTeachesAndVersionIsOneLine) {
  const Executed help = testing::Execute(kProgram, {"--help"});
  EXPECT_EQ(help.status, 0);
  EXPECT_EQ(help.err, "");
  for (const char* taught :
       {"--source=clock", "--performer=FILE.mid", "--list-ports", "--monitor",
        "antiphon-edge doctor", "--in=A,B", "--transpose=N", "--in=NAME",
        "--session-dir=DIR", "scripts/demo.sh", "Exit code"}) {
    EXPECT_THAT(help.out, HasSubstr(taught));
  }
  const Executed version = testing::Execute(kProgram, {"--version"});
  EXPECT_EQ(version.status, 0);
  EXPECT_THAT(version.out, StartsWith("antiphon-edge 0."));
  EXPECT_EQ(version.err, "");
}

TEST(EdgeProgram, UnknownFlagsAndArgumentsAreNamed) {
  ExpectWrong({"--temop=120"}, "unknown flag --temop=120; --help");
  ExpectWrong({"-s"}, "unknown flag -s;");
  ExpectWrong({"--"}, "unknown flag --;");
  ExpectWrong({"waltz.mid"}, "unexpected argument waltz.mid");
  ExpectWrong({"--list-ports", "jack"}, "unexpected argument jack");
  ExpectWrong({"doctor", "who"}, "unexpected argument");
  ExpectWrong({"--performer"}, "--performer needs a value");
  ExpectWrong({"--nosource"}, "unknown flag --nosource");
  ExpectWrong({"--bars=2", "--bars", "3"}, "--bars=3 is given after --bars=2");
  ExpectWrong({"--in=a\nb", "--out=\n"}, "");  // still one line
}

TEST(EdgeProgram, ValuesOutOfRangeAreNamed) {
  ExpectWrong({"--source=radio"}, "--source=radio is not clock, internal");
  ExpectWrong({"--meter=3/5"}, "--meter=3/5 is not a meter such as");
  ExpectWrong({"--midi-api=oss"}, "--midi-api=oss is not auto, jack or alsa");
  const Flags usual = {"--source=internal"};
  const auto out_of = [&usual](const std::string& flag,
                               const std::string& range) {
    Flags flags = usual;
    flags.push_back(flag);
    ExpectWrong(flags, absl::StrCat(flag, " is not ", range));
  };
  for (const char* tempo : {"19.9", "999.5", "0", "-120", "nan", "inf"}) {
    out_of(absl::StrCat("--tempo=", tempo), "within 20 to 999");
  }
  for (const char* bars : {"0", "-1", "100001"}) {
    out_of(absl::StrCat("--bars=", bars), "within 1 to 100000");
  }
  for (const char* ms : {"500.1", "-501", "nan", "inf"}) {
    out_of(absl::StrCat("--clock-offset-ms=", ms), "within -500 to 500");
  }
  for (const char* channel : {"0", "17", "-2147483648"}) {
    out_of(absl::StrCat("--channel=", channel), "within 1 to 16");
  }
  for (const char* channel : {"-1", "17"}) {
    out_of(absl::StrCat("--in-channel=", channel), "within 0 to 16");
  }
  for (const char* semitones : {"-49", "49"}) {
    out_of(absl::StrCat("--transpose=", semitones), "within -48 to 48");
  }
  for (const char* temperature : {"-1", "2.1", "nan"}) {
    out_of(absl::StrCat("--temperature=", temperature), "within 0 to 2");
  }
  for (const char* top_p : {"0", "-1", "1.01", "nan"}) {
    out_of(absl::StrCat("--top-p=", top_p), "above 0 and up to 1");
  }
  for (const char* flag :
       {"--tempo=fast", "--tempo=", "--bars=2.5", "--bars=99999999999",
        "--seed=-1", "--seed=x", "--channel=one", "--list-ports=perhaps"}) {
    out_of(flag, "a value that it takes; want ");
  }
}

TEST(EdgeProgram, FlagsWithoutEffectAreRefused) {
  const Flags file = {"--source=file", "--performer=" + kSong};
  const auto not_with_file = [&file](const std::string& flag,
                                     const std::string& what) {
    Flags flags = file;
    flags.push_back(flag);
    ExpectWrong(flags, absl::StrCat(flag, " ", what));
  };
  ExpectWrong({"--source=file"}, "--source=file needs --performer=FILE.mid");
  ExpectWrong({"--performer=" + kSong}, "goes with --source=file");
  ExpectWrong({"--source=internal", "--performer=" + kSong}, "--source=file");
  ExpectWrong({"--tempo=120"}, "--tempo=120 goes with --source=internal");
  ExpectWrong({"--source=clock", "--tempo=120"}, "--tempo=120 goes with");
  ExpectWrong({"--source=internal", "--clock-offset-ms=5"},
              "--clock-offset-ms=5 goes with --source=clock");
  ExpectWrong({"--source=internal", "--clock=Live"},
              "--clock=Live goes with --source=clock");
  not_with_file("--clock=Live", "goes with --source=clock");
  not_with_file("--in=Keys", "goes with --source=clock or internal");
  not_with_file("--in-channel=2", "goes with --source=clock or internal");
  not_with_file("--meter=4/4", "goes with --source=clock or internal");
  not_with_file("--midi-api=jack", "goes with a MIDI port");
  for (const char* flag :
       {"--source=clock", "--bars=2", "--in=Keys", "--metrics=", "--seed=1",
        "--session-dir=here", "--service=127.0.0.1:1"}) {
    ExpectWrong({"--list-ports", flag},
                absl::StrCat(flag, " has no effect with --list-ports"));
  }
  for (const char* flag : {"--source=internal", "--out=Piano", "--bars=2",
                           "--service=127.0.0.1:1", "--replay=x"}) {
    ExpectWrong({"--monitor", flag},
                absl::StrCat(flag,
                             " has no effect with --monitor, which "
                             "takes --monitor, --in, --clock, --in-channel, "));
  }
  for (const char* flag :
       {"--tempo=120", "--monitor", "--list-ports", "--seed=1",
        "--metrics=", "--session-dir=here", "--record=x"}) {
    ExpectWrong({"doctor", flag},
                absl::StrCat(flag,
                             " has no effect with doctor, which takes "
                             "--source, --in, --clock, --in-channel, --out, "));
  }
  for (const char* flag : {"--in=", "--out=", "--clock=", "--session-dir="}) {
    ExpectWrong({flag}, absl::StrCat(flag, " names nothing"));
  }
  for (const char* flag : {"--in=,", "--in=Keys,", "--in=,Keys"}) {
    ExpectWrong({flag}, absl::StrCat(flag, " has a comma without a name"));
  }
  ExpectWrong({"--source=file", "--performer="}, "--performer= names nothing");
}

TEST(EdgeProgram, AFileHoldsSettingsAndAFlagWins) {
  const fs::path folder = Scratch();
  const fs::path config = Write(
      folder / "edge.toml",
      absl::StrCat("source = \"file\"\nperformer = \"", kSong,
                   "\"\ntempo = 400\nbars = 2\nservice = \"127.0.0.1:1\"\n",
                   "metrics = \"\"\nsession_dir = \"", folder.string(),
                   "/kept\"\n"));
  const std::string flag = "--config=" + config.string();
  const Executed played = testing::Execute(kProgram, {flag, "--tempo=999"});
  EXPECT_EQ(played.status, 0) << played.err;
  EXPECT_THAT(ReadFile(folder / "kept/bars.jsonl"),
              ContainsRegex("\"tempo\":99(8\\.99|9\\.00)"));
  // RtMidi leaks a buffer where there is no JACK server.
  const auto without_leaks = [] {
    setenv("ASAN_OPTIONS", "detect_leaks=0", 1);
  };
  const Executed listed = testing::Execute(kProgram, {flag, "--list-ports"},
                                           {.in_child = without_leaks});
  EXPECT_EQ(listed.status, 0) << listed.err;
}

TEST(EdgeProgram, FilesOfSettingsThatAreWrongAreNamed) {
  const fs::path path = Scratch() / "edge.toml";
  const auto wrong = [&path](const std::string& text, const std::string& what) {
    Write(path, text);
    ExpectWrong({"--config=" + path.string()}, path.string() + what);
  };
  wrong("temop = 90\n", ":1: temop = 90 is no setting; --help lists");
  wrong("config = \"more.toml\"\n", ":1: config = \"more.toml\" is no setting");
  wrong("help = true\n", ":1: help = true is no setting");
  wrong("bars = \"2\"\n", ":1: bars = \"2\" is of another kind; want a whole");
  wrong("bars = 2.5\n", ":1: bars = 2.5 is of another kind; want a whole");
  wrong("in = 5\n", ":1: in = 5 is of another kind; want text");
  wrong("\nseed = -1\n", ":2: seed = -1 is not a value that it takes");
  wrong("bars = 99999999999\n", ":1: bars = 99999999999 is not a value");
  wrong("top-p = 1\ntop_p = 1\n", ":2: top_p = 1 is given after ");
  wrong("tempo = 90\n", ":1: tempo = 90 goes with --source=internal");
  wrong("source = \"internal\"\ntempo = 5\n", ":2: tempo = 5 is not within");
  wrong("source = \"internal\"\ntempo = nan\n",
        ":2: tempo = nan is not within");
  wrong("in = \"Keys\n", ":1: ");
  ExpectWrong({"--config=" + path.string(), "--config=x"}, "is given after");
  ExpectWrong({"--config="}, "--config=: is no file");
  ExpectWrong({"--config=/dev/zero"}, "--config=/dev/zero: is no file");
}

TEST(EdgeProgram, AddressesThatAreNoneAreNamed) {
  for (const char* address :
       {"127.0.0.1", "127.0.0.1:", ":50051", "", "127.0.0.1:99999",
        "127.0.0.1:-1", "::1:50051", "http://127.0.0.1:50051"}) {
    ExpectWrong({absl::StrCat("--service=", address)},
                absl::StrCat("--service=", address, " is not HOST:PORT"));
  }
  ExpectWrong({"--service=127.0.0.1:0"}, "--service=127.0.0.1:0 has port 0");
  ExpectWrong({"--metrics=here"}, "--metrics=here is not HOST:PORT");
  ExpectWrong({"--metrics=127.0.0.1:65536"}, "--metrics=127.0.0.1:65536 is");
}

TEST(EdgeProgram, AnAddressInUseIsNamed) {
  Metrics metrics;
  const auto holder = Exporter::Create("127.0.0.1:0", &metrics);
  ASSERT_TRUE(holder.ok());
  const std::string address = absl::StrCat("127.0.0.1:", (*holder)->port());
  Flags flags = Rehearsal({});
  flags.back() = "--metrics=" + address;
  ExpectWrong(flags, "cannot serve metrics on " + address);
  flags.back() = "--metrics=192.0.2.1:9465";  // of no machine (RFC 5737)
  ExpectWrong(flags, "cannot serve metrics on 192.0.2.1:9465");
}

TEST(EdgeProgram, MidiFilesThatAreNoneAreNamed) {
  const fs::path folder = Scratch();
  const std::string whole = ReadFile(kSong);
  ASSERT_GT(whole.size(), 100u);
  const fs::path pipe = folder / "pipe.mid";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  for (const fs::path& path :
       {folder / "absent.mid", Write(folder / "empty.mid", ""),
        Write(folder / "cut.mid", whole.substr(0, whole.size() / 2)),
        Write(folder / "head.mid", whole.substr(0, 10)),
        Write(folder / "text.mid", "a melody"), folder, pipe,
        fs::path("/dev/zero")}) {
    ExpectWrong({"--source=file", "--performer=" + path.string(), "--metrics="},
                absl::StrCat("--performer=", path.string(), ": "));
  }
  // A whole file without a note.
  const std::string silent("MThd\0\0\0\6\0\0\0\1\0\x60MTrk\0\0\0\4\0\xFF\x2F\0",
                           26);
  const fs::path path = Write(folder / "silent.mid", silent);
  ExpectWrong({"--source=file", "--performer=" + path.string(), "--metrics="},
              path.string() + ": the MIDI file has no notes");
}

TEST(EdgeProgram, ASessionFolderThatCannotBeIsNamed) {
  const fs::path folder = Scratch();
  const std::string file = Write(folder / "file", "").string();
  ExpectWrong(Rehearsal({"--session-dir=" + file}), "--session-dir=" + file);
  ExpectWrong(Rehearsal({"--session-dir=" + file + "/below"}),
              "--session-dir=" + file + "/below");
  ExpectWrong(Rehearsal({"--session-dir=/proc/nothing"}), "/proc/nothing");
  fs::create_directories(folder / "taken/bars.jsonl");
  ExpectWrong(Rehearsal({"--session-dir=" + (folder / "taken").string()}),
              "taken/bars.jsonl: Is a directory");
}

// The folder's `name` cannot be written to.
Executed PlayOntoFullDisk(const fs::path& folder, const std::string& name) {
  fs::create_symlink("/dev/full", folder / name);
  return testing::Execute(kProgram,
                          Rehearsal({"--session-dir=" + folder.string()}));
}

TEST(EdgeProgram, ASessionThatCannotBeKeptIsAFailure) {
  const fs::path folder = Scratch();
  const Executed result = PlayOntoFullDisk(folder, "session.mid.draft");
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.err, HasSubstr("\nantiphon-edge: " + folder.string() +
                                    "/session.mid"));
  EXPECT_THAT(ReadFile(folder / "bars.jsonl"), StartsWith("{\"play_seq\":"));
}

TEST(EdgeProgram, BarsThatCannotBeKeptAreAFailureToldAtOnce) {
  const fs::path folder = Scratch();
  const Executed result = PlayOntoFullDisk(folder, "bars.jsonl");
  EXPECT_EQ(result.status, 1);
  const std::string told =
      folder.string() + "/bars.jsonl: cannot be written from bar 0 on: ";
  EXPECT_THAT(result.err, AllOf(HasSubstr(" ERROR " + told),
                                HasSubstr("\nantiphon-edge: " + told)));
  EXPECT_THAT(ReadFile(folder / "session.mid"), StartsWith("MThd"));
}

TEST(EdgeProgram, PlaysAFileToItsEndWithoutAService) {
  const fs::path folder = Scratch();
  const Executed result = testing::Execute(
      kProgram, Rehearsal({"--session-dir=" + (folder / "new").string()}));
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(result.out, StartsWith("bar   0  "));
  EXPECT_THAT(result.err, Not(HasSubstr("antiphon-edge: ")));
  EXPECT_TRUE(fs::exists(folder / "new/session.mid"));
  EXPECT_TRUE(fs::exists(folder / "new/bars.jsonl"));
}

TEST(EdgeProgram, WhatIsNoRecordingIsNamed) {
  const fs::path folder = Scratch();
  ExpectWrong(Rehearsal({"--record=/no/such/folder/x"}),
              "cannot write --record=/no/such/folder/x");
  ExpectWrong({"--replay=/no/such/file"}, "--replay=/no/such/file, line 0");
  ExpectWrong({"--replay=x", "--record=y"}, "--record=y has no effect with");
  ExpectWrong({"--take-cc=20"}, "--take-cc=20 goes with --session-dir=DIR");
  ExpectWrong({"--pickup=1920"}, "--pickup=1920 is not a multiple of 20 ticks");
  ExpectWrong({"--pickup=30"}, "below a bar of 1920");
  ExpectWrong({"--late-grace-ms=nan"}, "--late-grace-ms=nan is not within 0");
  ExpectWrong({"--output-latency-ms=soon"}, "--output-latency-ms=soon is nei");
  const std::string head =
      R"({"antiphon_recording":1,"flags":{},"meters":[[0,4,4]],"pickup":0,"bars":0})";
  for (const auto& [text, what] :
       {std::pair<std::string, std::string>{"", "line 1: is empty"},
        {"[]\n", "line 1: is no recording's head"},
        {head + "\n[\"m\"]\n", "line 2: is none of a recording's"},
        {head + "\nnoise\n[]\n", "line 2: is none of a recording's"}}) {
    const fs::path path = Write(folder / "recording", text);
    ExpectWrong({"--replay=" + path.string()}, what);
  }
}

TEST(EdgeProgram, ARecordingPlaysAgainAsOnStage) {
  const fs::path folder = Scratch();
  const std::string recording = (folder / "recording").string();
  const Executed stage = testing::Execute(
      kProgram, Rehearsal({"--session-dir=" + (folder / "stage").string(),
                           "--record=" + recording}));
  ASSERT_EQ(stage.status, 0) << stage.err;
  const Executed again = testing::Execute(
      kProgram, {"--replay=" + recording,
                 "--session-dir=" + (folder / "again").string()});
  EXPECT_EQ(again.status, 0) << again.err;
  EXPECT_THAT(again.out,
              HasSubstr("replay: 0 messages as on stage, 0 missing"));
  EXPECT_EQ(ReadFile(folder / "stage/session.mid"),
            ReadFile(folder / "again/session.mid"));
}

TEST(EdgeProgram, SigtermEndsItWithZeroAndTheSessionWritten) {
  const fs::path folder = Scratch();
  const Executed result = testing::Execute(
      kProgram,
      {"--source=file", "--performer=" + kSong, "--service=127.0.0.1:1",
       "--metrics=", "--session-dir=" + folder.string()},
      {.stop_at = "epoch=1 starts"});
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(ReadFile(folder / "session.mid"), StartsWith("MThd"));
}

TEST(EdgeProgram, GoesOnWhenNobodyReadsItsBars) {
  const fs::path folder = Scratch();
  const Executed result = testing::Execute(
      kProgram, Rehearsal({"--session-dir=" + folder.string()}),
      {.in_child = [] {
        int ends[2];
        if (pipe(ends) == 0) dup2(ends[1], STDOUT_FILENO);
        close(ends[0]);
      }});
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.err, HasSubstr("cannot write to standard output"));
  EXPECT_THAT(ReadFile(folder / "session.mid"), StartsWith("MThd"));
}

TEST(EdgeProgram, RightsThatAreRefusedAreToldOnceWithTheRemedy) {
  if (!testing::HasSystemCallFilters()) {
    GTEST_SKIP() << "this system has no filters on system calls (seccomp)";
  }
  const Executed result = testing::Execute(
      kProgram, Rehearsal({}), {.in_child = [] {
        testing::DenySystemCalls({SYS_sched_setscheduler, SYS_mlock});
      }});
  EXPECT_EQ(result.status, 0) << result.err;
  const auto told = [&result](const std::string& what) {
    int count = 0;
    for (size_t at = 0; (at = result.err.find(what, at)) != std::string::npos;
         at += what.size()) {
      ++count;
    }
    return count;
  };
  EXPECT_EQ(told(" WARN playback: real-time priority 60 refused ("), 1);
  EXPECT_EQ(told("Remedy: put \"@audio - rtprio 70\""), 1);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  // (Those make locking a call without effect.)
  EXPECT_EQ(told(" WARN playback: cannot lock "), 1);
  EXPECT_EQ(told("Remedy: put \"@audio - memlock 65536\""), 1);
#endif
}

}  // namespace
}  // namespace antiphon::edge
