// SPDX-License-Identifier: Apache-2.0
//
// antiphon-inference as a program: wrong usage is one line on stderr that names
// the value, and exit status 2; SIGTERM ends it with 0.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/metrics/metrics.h"
#include "inference/model/random_checkpoint.h"
#include "tests/execute.h"
#include "tests/giant_checkpoint.h"

namespace antiphon::inference {
namespace {

using ::antiphon::testing::Executed;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using Flags = std::vector<std::string>;

const std::string kProgram =
    std::string(ANTIPHON_BINARY_DIR) + "/bin/antiphon-inference";

// A program that gets ready is sent SIGTERM.
Executed Start(const Flags& flags) {
  return testing::Execute(kProgram, flags, {.stop_at = "ready on 127."});
}

void ExpectWrong(const Flags& flags, const std::string& named) {
  testing::ExpectRefused(kProgram, flags, named);
}

// With the mirror on a free port, without metrics, but for what `flag` says.
void ExpectWrongBesides(const std::string& flag, const std::string& named) {
  Flags flags;
  for (const char* usual :
       {"--model=mirror", "--listen=127.0.0.1:0", "--metrics="}) {
    const std::string name(usual, std::string(usual).find('=') + 1);
    if (!flag.starts_with(name)) flags.push_back(usual);
  }
  flags.push_back(flag);
  ExpectWrong(flags, named);
}

TEST(Program, HelpTeachesAndVersionIsOneLine) {
  const Executed help = Start({"--help"});
  EXPECT_EQ(help.status, 0);
  EXPECT_EQ(help.err, "");
  EXPECT_THAT(help.out, AllOf(HasSubstr("--model=mirror"),
                              HasSubstr("--listen=127.0.0.1:50051")));
  const Executed version = Start({"--version"});
  EXPECT_EQ(version.status, 0);
  EXPECT_THAT(version.out, StartsWith("antiphon-inference "));
}

TEST(Program, WrongFlagsAreNamed) {
  ExpectWrong({"--model=mirror", "--model=DIR"}, "after --model=mirror");
  ExpectWrongBesides("--lisen=1", "--lisen=1");
  ExpectWrongBesides("piano", "piano");
  ExpectWrongBesides("--device=abacus", "--device=abacus");
  ExpectWrongBesides("--threads=0", "--threads=0");
  ExpectWrongBesides("--context-tokens=7", "--context-tokens=7");
  ExpectWrongBesides("--context-tokens=many", "many");
  ExpectWrongBesides("--threads=2", "--threads=2 has no effect");
  ExpectWrongBesides("--context-tokens=512", "--context-tokens=512 has no");
  ExpectWrongBesides("--device=cuda", "--device=cuda has no effect");
  ExpectWrongBesides("--dtype=bf16", "--dtype=bf16 has no effect");
  ExpectWrongBesides("--first-note-candidates=0", "candidates=0");
  ExpectWrongBesides("--first-note-candidates=9", "within 1 to 8");
  ExpectWrongBesides("--first-note-candidates=3", "=3 has no effect with");
  ExpectWrongBesides("--dtype=int3", "--dtype=int3 is unknown");
  ExpectWrongBesides("--listen=127.0.0.1", "--listen=127.0.0.1 ");
  ExpectWrongBesides("--listen=127.0.0.1:99999", "99999");
  ExpectWrongBesides("--listen=0.0.0.0:0", "--insecure");
  ExpectWrongBesides("--metrics=here", "--metrics=here");
}

// Below the repository the program finds the starter model, elsewhere none.
TEST(Program, WithoutAModelTheStarterModelPlays) {
  namespace fs = std::filesystem;
  if (ANTIPHON_HAS_TORCH) {
    const Executed served = Start(
        {"--listen=127.0.0.1:0", "--metrics=", "--first-note-candidates=3"});
    EXPECT_EQ(served.status, 0) << served.err;
    EXPECT_THAT(served.err, HasSubstr("model=starter"));
  }
  const fs::path elsewhere = fs::temp_directory_path() /
                             ("antiphon-elsewhere-" + std::to_string(getpid()));
  fs::create_directories(elsewhere);
  const fs::path lonely = elsewhere / "antiphon-inference";
  fs::copy_file(kProgram, lonely);
  testing::ExpectRefused(lonely, {}, "--model is missing");
  fs::remove_all(elsewhere);
}

TEST(Program, AFileHoldsSettingsAndAFlagWins) {
  const std::string path = ::testing::TempDir() + "antiphon_inference.toml";
  std::ofstream(path) << "model = \"mirror\"\nlisten = \"127.0.0.1:0\"\n"
                      << "metrics = \"here\"\n";
  ExpectWrong({"--config=" + path}, "--metrics=here");
  const Executed served = Start({"--config=" + path, "--metrics="});
  EXPECT_EQ(served.status, 0) << served.err;
  std::ofstream(path) << "threads = \"two\"\n";
  ExpectWrong({"--config=" + path},
              path + ":1: threads = \"two\" is of another");
}

TEST(Program, AddressesInUseAreNamed) {
  Metrics metrics;
  const auto holder = Exporter::Create("127.0.0.1:0", &metrics);
  ASSERT_TRUE(holder.ok());
  const std::string address = absl::StrCat("127.0.0.1:", (*holder)->port());
  ExpectWrongBesides("--listen=" + address, address);
  ExpectWrongBesides("--metrics=" + address, address);
}

TEST(Program, CheckpointsThatCannotServeAreNamed) {
  const std::string golden =
      std::string(ANTIPHON_SOURCE_DIR) + "/tests/golden/model/robustness/";
  for (const char* file :
       {"nothing_here.safetensors", "empty_file.safetensors",
        "truncated_data.safetensors", "truncated_header.safetensors",
        "header_not_json.safetensors", "missing_tensor.safetensors"}) {
    ExpectWrongBesides(absl::StrCat("--model=", golden, file), file);
  }
#if ANTIPHON_HAS_TORCH
  ExpectWrongBesides("--model=" + golden + "nan_weight.safetensors",
                     "holds NaN or infinity");
  // What would be waited for, or has no end.
  const std::string pipe = ::testing::TempDir() + "antiphon_main_test.pipe";
  unlink(pipe.c_str());
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  for (const std::string& path : {pipe, std::string("/dev/zero")}) {
    ExpectWrongBesides("--model=" + path, "'" + path + "' is no regular file");
  }
  unlink(pipe.c_str());
#endif
}

#if ANTIPHON_HAS_TORCH
TEST(Program, WhatCannotFitTheMachineIsRefusedBeforeLoading) {
  const std::string giant =
      ::testing::TempDir() + "antiphon_main_test.giant.safetensors";
  testing::WriteGiantCheckpoint(giant);
  ExpectWrongBesides("--model=" + giant,
                     "needs 4406.5 GB of memory (weights 4400.9 GB, ");
  std::filesystem::remove(giant);
}

// The plugin is linked to an empty libtorch_cuda.so. Where it finds that again,
// there is no GPU on any machine.
TEST(Program, WithoutAGpuCudaIsRefused) {
  const std::string stub = std::string(ANTIPHON_BINARY_DIR) + "/libtorch_stub";
  setenv("LD_LIBRARY_PATH", stub.c_str(), 1);
  ExpectWrong({"--model=" + std::string(ANTIPHON_SOURCE_DIR) +
                   "/tests/golden/model/tiny",
               "--device=cuda", "--listen=127.0.0.1:0", "--metrics="},
              "--device=cuda: no GPU with a driver was found");
  unsetenv("LD_LIBRARY_PATH");
}

TEST(Program, AnAdapterThatIsNotUsedIsTold) {
  for (const bool adapter : {true, false}) {
    const std::string folder = ::testing::TempDir() + "antiphon_main_demo25";
    std::filesystem::remove_all(folder);
    ASSERT_TRUE(WriteRandomCheckpoint({.size = "tiny",
                                       .vocabulary = VocabularyKind::kDemo25,
                                       .conditioned = adapter,
                                       .folder = folder})
                    .ok());
    const Executed served =
        Start({"--model=" + folder, "--listen=127.0.0.1:0", "--metrics="});
    EXPECT_EQ(served.status, 0) << served.err;
    EXPECT_EQ(served.err.find("embedding_adapter.weight") != std::string::npos,
              adapter)
        << served.err;
    std::filesystem::remove_all(folder);
  }
}

// OpenMP says how it waits when it is loaded, if it is asked to.
TEST(Program, WaitingThreadsSleep) {
  setenv("OMP_DISPLAY_ENV", "verbose", 1);
  const Executed two =
      testing::Execute(kProgram, {"--model=absent", "--threads=2"}, {});
  const Executed one = testing::Execute(kProgram, {"--model=absent"}, {});
  unsetenv("OMP_DISPLAY_ENV");
  EXPECT_EQ(two.status, 2);
  EXPECT_THAT(two.err,
              AllOf(HasSubstr("GOMP_SPINCOUNT = '0'"), HasSubstr("absent")));
  EXPECT_THAT(one.err, ::testing::Not(HasSubstr("GOMP_SPINCOUNT = '0'")));
}
#endif

TEST(Program, SaysReadyAndEndsWithZeroOnSigterm) {
  const Executed result = Start(
      {"--model=mirror", "--listen=127.0.0.1:0", "--metrics=127.0.0.1:0"});
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(result.err,
              AllOf(HasSubstr("ready on 127.0.0.1:"), HasSubstr("draining")));
}

}  // namespace
}  // namespace antiphon::inference
