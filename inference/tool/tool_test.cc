// SPDX-License-Identifier: Apache-2.0
//
// Runs antiphon-model as people do: what it prints, its exit code, and that
// each bad input gives one line that names it.
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/str_join.h"
#include "common/midi/midi_file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;
using ::testing::EndsWith;
using ::testing::HasSubstr;

const fs::path kGolden = fs::path(ANTIPHON_SOURCE_DIR) / "tests/golden";
const fs::path kScratch = fs::path(ANTIPHON_BINARY_DIR) / "tool_test";

struct Result {
  int exit_code = -1;
  std::string out;
  std::string err;
};

std::string ReadFile(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

// Each test has a folder of its own: tests run side by side.
fs::path Scratch() {
  const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
  const fs::path folder = kScratch / test->name();
  fs::create_directories(folder);
  return folder;
}

// With `before` in front of the program; whatever waits for ever is ended.
Result RunTool(const std::string& arguments, const std::string& before = "") {
  const fs::path err = Scratch() / "stderr";
  const std::string command =
      before + " timeout 20 " + std::string(ANTIPHON_BINARY_DIR) +
      "/bin/antiphon-model " + arguments + " 2>'" + err.string() + "'";
  Result result;
  FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) return result;
  char buffer[1 << 16];
  for (size_t n; (n = fread(buffer, 1, sizeof buffer, pipe)) > 0;) {
    result.out.append(buffer, n);
  }
  const int status = pclose(pipe);
  result.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  result.err = ReadFile(err);
  return result;
}

std::string Quoted(const fs::path& path) { return "'" + path.string() + "'"; }

std::string Write(const std::string& name, const std::string& text) {
  const fs::path path = Scratch() / name;
  std::ofstream(path, std::ios::binary) << text;
  return path.string();
}

void ExpectRefused(const std::string& arguments, const std::string& message,
                   const std::string& before = "") {
  SCOPED_TRACE(arguments);
  const Result result = RunTool(arguments, before);
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_EQ(result.out, "");
  EXPECT_THAT(result.err, HasSubstr(message));
  EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1);
  EXPECT_THAT(result.err, EndsWith("\n"));
}

TEST(ToolTest, HelpTeachesAndVersionIsOneLine) {
  const Result help = RunTool("--help");
  EXPECT_EQ(help.exit_code, 0);
  for (const char* word : {"info", "init", "tokenize", "detokenize", "generate",
                           "logits", "--all", "bench", "evaluate", "train"}) {
    EXPECT_THAT(help.out, HasSubstr(word));
  }
  const Result version = RunTool("--version");
  EXPECT_EQ(version.exit_code, 0);
  EXPECT_THAT(version.out, HasSubstr("antiphon-model 0."));
  EXPECT_EQ(RunTool("tokenize --help").exit_code, 0);
}

TEST(ToolTest, WrongUsageIsRefused) {
  ExpectRefused("", "subcommand is missing");
  ExpectRefused("dance", "unknown subcommand dance");
  ExpectRefused("info --colour=red", "--colour");
  ExpectRefused("info", "info needs a folder or file");
  ExpectRefused("info a b", "unexpected argument b");
  ExpectRefused("init --out=x --dtype=bf16", "--dtype=bf16 is no flag of init");
  ExpectRefused("init", "--out is missing");
  ExpectRefused("init --out=x --config=huge", "--config=huge is unknown");
  ExpectRefused("init --out=x --vocab=mine", "--vocab=mine is unknown");
  ExpectRefused("init --out=x --seed=-1", "--seed=-1");
  ExpectRefused("tokenize x.mid --inference-prompt-ms=-5", "-5");
  ExpectRefused("tokenize x.mid --keep-silence --inference-prompt-ms=5",
                "contradicts");
  ExpectRefused("tokenize x.mid --cut-ms=0", "--cut-ms=0 is not above 0");
  ExpectRefused("tokenize x.mid --cut-ms=9 --keep-silence",
                "--keep-silence has no effect with --cut-ms");
}

TEST(ToolTest, MidiFilesThatAreNoneAreRefused) {
  const std::string whole = ReadFile(kGolden / "tokenizer/midi/syn_bars.mid");
  ExpectRefused("tokenize " + Quoted(Scratch() / "absent.mid"), "absent.mid");
  ExpectRefused("tokenize " + Write("empty.mid", ""), "empty.mid");
  ExpectRefused("tokenize " + Write("text.mid", "a melody"), "text.mid");
  ExpectRefused(
      "tokenize " + Write("cut.mid", whole.substr(0, whole.size() / 2)),
      "cut.mid");
  ExpectRefused("tokenize " + Quoted(Scratch()), "MidiFilesThatAreNone");
}

TEST(ToolTest, TokensAreThoseOfTheReference) {
  for (const char* name :
       {"syn_bars", "syn_pedal", "syn_overlap", "syn_no_program"}) {
    const Json golden = Json::parse(ReadFile(
        kGolden / "tokenizer" / ("tok_" + std::string(name) + ".json")));
    const std::string midi =
        Quoted(kGolden / "tokenizer/midi" / (std::string(name) + ".mid"));
    for (const auto& [variant, flags] :
         {std::pair{"default", ""}, std::pair{"demo25", "--vocab=demo25"},
          std::pair{"demo26", "--vocab=demo26"},
          std::pair{"default+keep_silence", "--keep-silence"}}) {
      if (!golden["cases"].contains(variant)) continue;
      const Result result = RunTool("tokenize " + midi + " " + flags);
      ASSERT_EQ(result.exit_code, 0) << result.err;
      const Json printed = Json::parse(result.out);
      EXPECT_EQ(printed["ids"], golden["cases"][variant]["ids"]) << variant;
      const auto texts = printed["tokens"].get<std::vector<std::string>>();
      EXPECT_EQ(absl::StrJoin(texts, " "),
                golden["cases"][variant]["tokens"].get<std::string>());
    }
  }
}

TEST(ToolTest, APieceIsReadWhileItIsPlayed) {
  const std::string midi = Quoted(kGolden / "tokenizer/midi/syn_pedal.mid");
  const Result result = RunTool("tokenize " + midi + " --cut-ms=4350");
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const Json printed = Json::parse(result.out);
  // The pedal holds the last two beyond the cut.
  EXPECT_EQ(
      absl::StrJoin(printed["tokens"].get<std::vector<std::string>>(), " "),
      "prefix:instrument:piano <S> piano:60:60 onset:300 dur:700 "
      "piano:62:60 onset:1200 dur:300 piano:64:60 onset:2000 dur:300 "
      "piano:65:60 onset:4000 dur:350 piano:65:70 onset:4300 dur:50");
  EXPECT_EQ(printed["ids"].size(), 17u);
  EXPECT_EQ(printed["final"], 13);
  // When all is over all is final.
  const Json whole =
      Json::parse(RunTool("tokenize " + midi + " --cut-ms=9000").out);
  EXPECT_EQ(whole["final"], whole["ids"].size());
}

// What detokenize makes of `json`, read by tokenize.
Json BackAndForth(const std::string& json, const std::string& from_flags,
                  const std::string& to_flags) {
  const std::string midi = Quoted(Scratch() / "back.mid");
  const Result back = RunTool("detokenize " + Write("tokens.json", json) +
                              " --out=" + midi + " " + from_flags);
  EXPECT_EQ(back.exit_code, 0) << back.err;
  EXPECT_THAT(back.out, HasSubstr("back.mid: "));
  const Result forth = RunTool("tokenize " + midi + " " + to_flags);
  EXPECT_EQ(forth.exit_code, 0) << forth.err;
  return forth.exit_code == 0 ? Json::parse(forth.out) : Json();
}

TEST(ToolTest, DetokenizeIsTheWayBack) {
  const std::string midi = Quoted(kGolden / "tokenizer/midi/syn_bars.mid");
  for (const std::string vocab : {"default", "demo26"}) {
    SCOPED_TRACE(vocab);
    const std::string flag = "--vocab=" + vocab;
    const std::string printed = RunTool("tokenize " + midi + " " + flag).out;
    const Json whole = Json::parse(printed);
    // The vocabulary is that of the texts; ids alone need it named.
    EXPECT_EQ(BackAndForth(printed, "", flag), whole);
    if (vocab == "default") continue;
    const Json texts = {{"tokens", whole["tokens"]}};
    EXPECT_EQ(BackAndForth(texts.dump(), "", flag), whole);
    const Json ids = {{"tokens", whole["ids"]}};
    EXPECT_EQ(BackAndForth(ids.dump(), flag, flag), whole);
  }
}

TEST(ToolTest, DetokenizeSkipsWhatIsIrregular) {
  const Json irregular = {{"tokens",
                           {"prefix:instrument:piano", "<S>", "piano:60:60",
                            "<T>", "onset:0", "dur:100", "drum:36", "onset:0",
                            "piano:61:60", "onset:50", "dur:100", "<E>"}}};
  EXPECT_EQ(BackAndForth(irregular.dump(), "", "--keep-silence")["tokens"],
            Json({"prefix:instrument:piano", "<S>", "<T>", "piano:61:60",
                  "onset:50", "dur:100", "<E>"}));
  const Result empty =
      RunTool("detokenize " + Write("empty.json", R"({"ids":[6,0,1]})") +
              " --out=" + Quoted(Scratch() / "empty.mid"));
  EXPECT_EQ(empty.exit_code, 0) << empty.err;
  EXPECT_THAT(empty.out, HasSubstr("0 notes"));
}

TEST(ToolTest, TokensThatAreNoneAreNamed) {
  const fs::path out = Scratch() / "never.mid";
  const auto refused = [&out](const std::string& json, const std::string& flags,
                              const std::string& message) {
    ExpectRefused("detokenize " + Write("t.json", json) +
                      " --out=" + Quoted(out) + " " + flags,
                  message);
    EXPECT_FALSE(fs::exists(out));
  };
  ExpectRefused("detokenize", "detokenize needs a file of tokens");
  ExpectRefused("detokenize x.json", "--out is missing");
  ExpectRefused("detokenize absent.json --out=x.mid", "absent.json");
  refused("no json", "", "no JSON object");
  refused("{}", "", "no list of token ids");
  refused(R"({"ids":[]})", "", "no list of token ids");
  refused(R"({"ids":[6,0,17727]})", "", "token 2 is id 17727");
  refused(R"({"ids":[6,0,2675]})", "--vocab=demo26", "demo26 has 0 to 2674");
  refused(R"({"ids":[6,-1]})", "", "holds -1 at index 1");
  refused(R"({"ids":[6,0.5]})", "", "holds 0.5 at index 1");
  refused(R"({"ids":[6,1e99]})", "", "no token id");
  // Ids of 0 and 6 to whoever keeps 32 bits, or 64 with a sign.
  refused(R"({"ids":[6,4294967296]})", "", "holds 4294967296 at index 1");
  refused(R"({"ids":[6,18446744073709551615]})", "", "no token id");
  refused(R"({"tokens":["<S>",5]})", "", "holds number at index 1");
  refused(R"({"tokens":["<S>","piano:200:60"]})", "",
          "the text of token 1 is none of the vocabulary");
  refused(R"({"tokens":["<S>","<T>"],"ids":[0]})", "", "2 tokens but 1 ids");
  refused(R"({"tokens":["<S>","<X>","<T>"],"ids":[0,2674,99999]})", "",
          "token 2 is id 99999, but by its text, <T>, id 5 of the vocabulary "
          "demo26");
  refused(R"({"tokens":["<S>","onset:10"],"ids":[0,17228]})", "--vocab=demo26",
          "id 2173 of the vocabulary demo26");
  refused(R"({"ids":[0,825,17227,16736,1]})", "--vocab=demo25",
          "exactly one, prefix:instrument:piano");
  refused(R"({"ids":[6,0]})", "--vocab=mine", "--vocab=mine is unknown");
  const Result nowhere =
      RunTool("detokenize " + Write("good.json", R"({"ids":[6,0]})") +
              " --out=" + Quoted(Scratch() / "no/folder.mid"));
  EXPECT_EQ(nowhere.exit_code, 1);
  EXPECT_THAT(nowhere.err, HasSubstr("no/folder.mid"));
}

TEST(ToolTest, RandomCheckpointIsDescribed) {
  const fs::path folder = Scratch() / "noise";
  fs::remove_all(folder);
  const Result init = RunTool(
      "init --config=tiny --vocab=demo26 --seed=7 --out=" + Quoted(folder));
  ASSERT_EQ(init.exit_code, 0) << init.err;
  EXPECT_THAT(init.out, HasSubstr("random weights"));
  const Result info = RunTool("info " + Quoted(folder));
  ASSERT_EQ(info.exit_code, 0) << info.err;
  for (const char* text : {"random weights (tiny, seed 7)", "2675 rows, demo26",
                           "2 layers of width 128", "stored as F32"}) {
    EXPECT_THAT(info.out, HasSubstr(text));
  }
  ExpectRefused("init --config=tiny --out=" + Quoted(folder), "there already");
  // A checkpoint that differs from its card.
  {
    std::fstream file(folder / "model.safetensors",
                      std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(-1, std::ios::end);
    file.put('\x01');
  }
  ExpectRefused("info " + Quoted(folder), "says sha256");
}

TEST(ToolTest, CheckpointsThatAreNoneAreRefused) {
  const fs::path damaged = kGolden / "model/robustness";
  ExpectRefused("info " + Quoted(Scratch() / "nowhere"), "nowhere");
  ExpectRefused("info " + Quoted(damaged / "empty_file.safetensors"),
                "empty_file");
  ExpectRefused("info " + Quoted(damaged / "truncated_data.safetensors"),
                "truncated_data");
  ExpectRefused("info " + Quoted(damaged / "header_not_json.safetensors"),
                "not JSON");
  ExpectRefused("info " + Quoted(damaged / "nan_weight.safetensors"), "NaN");
  const Result fine = RunTool("info " + Quoted(kGolden / "model/tiny"));
  EXPECT_EQ(fine.exit_code, 0) << fine.err;
  EXPECT_THAT(fine.out, HasSubstr("512 rows, none of Aria's"));
}

std::string Pipe(const fs::path& path) {
  fs::remove(path);
  EXPECT_EQ(mkfifo(path.c_str(), 0600), 0);
  return path.string();
}

// `file` in a folder of its own beside a good checkpoint's other half.
fs::path FolderWithPipe(const std::string& file) {
  const fs::path folder = Scratch() / ("with_" + file);
  fs::remove_all(folder);
  fs::create_directories(folder);
  fs::copy(kGolden / "model/tiny/model.safetensors", folder);
  Pipe(folder / file);
  return folder;
}

// Pipes would be waited for, devices have no end, folders no bytes.
TEST(ToolTest, WhatIsNoFileIsNamedAndNotWaitedFor) {
  const std::string pipe = Pipe(Scratch() / "a.pipe");
  const std::string logits =
      "logits --model=" + Quoted(kGolden / "model/tiny") + " --tokens=";
  for (const std::string& path :
       {pipe, std::string("/dev/zero"), std::string("/dev/null")}) {
    ExpectRefused("tokenize " + path, path + ": is no regular file");
    ExpectRefused("info " + path, "'" + path + "' is no regular file");
#if ANTIPHON_HAS_TORCH
    ExpectRefused(logits + path, "--tokens=" + path + ": is no regular file");
    ExpectRefused("logits --tokens=" + Write("t.json", R"({"tokens":[1]})") +
                      " --model=" + path,
                  "'" + path + "' is no regular file");
#endif
  }
  const fs::path empty = Scratch() / "empty";
  fs::create_directories(empty);
  ExpectRefused("info " + Quoted(empty), "has no model.safetensors");
  for (const char* file : {"model.safetensors", "model.json", "config.json"}) {
    const fs::path folder = FolderWithPipe(file);
    ExpectRefused("info " + Quoted(folder), (folder / file).string());
  }
}

// Root may read everything, unless it gives that up.
TEST(ToolTest, UnreadableFilesAreNamed) {
  const std::string without_power =
      geteuid() == 0 ? "setpriv --bounding-set=-dac_override,-dac_read_search"
                     : "";
  const std::string path = Write("closed.mid", "MThd");
  fs::permissions(path, fs::perms::none);
  ExpectRefused("tokenize " + path, path + ": cannot be opened (Permission",
                without_power);
  ExpectRefused("info " + path, "cannot open '" + path + "': Permission",
                without_power);
#if ANTIPHON_HAS_TORCH
  ExpectRefused("logits --model=x --tokens=" + path,
                "--tokens=" + path + ": cannot be opened (Permission",
                without_power);
#endif
}

#if ANTIPHON_HAS_TORCH

// A random checkpoint and an example, in the words of the command line.
std::string Generate(const std::string& flags) {
  const fs::path folder = Scratch() / "noise";
  if (!fs::exists(folder)) {
    const Result init =
        RunTool("init --config=tiny --seed=5 --out=" + Quoted(folder));
    EXPECT_EQ(init.exit_code, 0) << init.err;
  }
  const fs::path example =
      fs::path(ANTIPHON_SOURCE_DIR) / "examples/waltz_3_4.mid";
  return "generate --model=" + Quoted(folder) + " --prompt=" + Quoted(example) +
         " " + flags;
}

TEST(ToolTest, GeneratePlaysOnFromTheLastBar) {
  const fs::path out = Scratch() / "out.mid";
  const Result result = RunTool(Generate("--bars=6 --out=" + Quoted(out)));
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const auto before = antiphon::ReadMidiFile(std::string(ANTIPHON_SOURCE_DIR) +
                                             "/examples/waltz_3_4.mid");
  const auto after = antiphon::ReadMidiFile(out.string());
  ASSERT_TRUE(before.ok() && after.ok()) << after.status();
  EXPECT_EQ(after->tempos, before->tempos);
  EXPECT_EQ(after->meters, before->meters);
  ASSERT_EQ(after->tracks.size(), 3u);  // tempos, human, answer
  EXPECT_EQ(after->tracks[2].name, "answer");
  // Six bars of 3/4 behind the one that holds the last onset.
  int64_t last_onset = 0;
  for (const auto& event : after->tracks[1].events) {
    if (event.bytes[0] == 0x90) last_onset = event.tick;
  }
  const int64_t line = (last_onset / 1440 + 1) * 1440;
  int onsets = 0;
  for (const auto& event : after->tracks[2].events) {
    if (event.bytes[0] != 0x90) continue;
    EXPECT_GE(event.tick, line);
    EXPECT_LT(event.tick, line + 6 * 1440);
    ++onsets;
  }
  EXPECT_GT(onsets, 6);
  EXPECT_THAT(result.out, HasSubstr("bar " + std::to_string(line / 1440)));
  EXPECT_THAT(result.out, HasSubstr("8 bars of context"));
}

TEST(ToolTest, GenerateGivesTheSameFileForTheSameSeed) {
  const auto file = [](const std::string& flags) {
    const fs::path out = Scratch() / "out.mid";
    const Result result =
        RunTool(Generate("--bars=2 " + flags + " --out=" + Quoted(out)));
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return ReadFile(out);
  };
  const std::string first = file("--seed=1");
  EXPECT_EQ(file("--seed=1"), first);
  EXPECT_NE(file("--seed=2"), first);
  EXPECT_NE(file("--seed=1 --temperature=1.5"), first);
  EXPECT_NE(file("--seed=1 --top-p=0.01"), first);
  // The likeliest token at each draw, whatever the seed.
  EXPECT_EQ(file("--seed=1 --temperature=0"), file("--seed=2 --temperature=0"));
}

TEST(ToolTest, GenerateTakesTheCardsTimeBase) {
  fs::remove_all(Scratch() / "noise");  // its card of an earlier run
  const std::string out = Quoted(Scratch() / "out.mid");
  const std::string command = Generate("--bars=2 --out=" + out);
  const fs::path card = Scratch() / "noise/model.json";
  ASSERT_EQ(RunTool(command).exit_code, 0);
  const std::string real = ReadFile(Scratch() / "out.mid");
  Json json = Json::parse(ReadFile(card));
  json["time_base"] = "bar";
  json.erase("segment_ms");
  fs::permissions(card, fs::perms::owner_write, fs::perm_options::add);
  std::ofstream(card) << json;
  EXPECT_THAT(RunTool("info " + Quoted(card.parent_path())).out,
              HasSubstr("bar, segments of 4800 ms"));
  const Result bar = RunTool(command);
  ASSERT_EQ(bar.exit_code, 0) << bar.err;
  EXPECT_TRUE(ReadFile(Scratch() / "out.mid") != real);
}

TEST(ToolTest, WhatCannotBeGeneratedIsRefused) {
  ExpectRefused("generate --prompt=x --out=y", "--model is missing");
  ExpectRefused("generate --model=x --out=y", "--prompt is missing");
  ExpectRefused("generate --model=x --prompt=y", "--out is missing");
  const std::string all = "generate --model=x --prompt=y --out=z ";
  ExpectRefused(all + "--bars=0", "--bars=0 is not within 1 to 1024");
  ExpectRefused(all + "--temperature=2.1", "--temperature=2.1 is not within");
  ExpectRefused(all + "--temperature=nan", "--temperature=nan is not within");
  ExpectRefused(all + "--top-p=0", "--top-p=0 is not above 0");
  ExpectRefused(all, "y");
  ExpectRefused("generate --model=x --out=z --prompt=" +
                    Quoted(kGolden / "tokenizer/midi/syn_bars.mid"),
                "x");
}

TEST(ToolTest, WhatCannotBeLearntFromIsRefused) {
  ExpectRefused("train --out=x", "--midi is missing");
  ExpectRefused("train --midi=x", "--out is missing");
  const std::string all = "train --midi=/no/such/folder --out=x ";
  ExpectRefused(all + "--million-tokens=0", "--million-tokens=0 is not within");
  ExpectRefused(all + "--sequences=0", "--sequences=0 is not within");
  ExpectRefused(all + "--rate=0", "--rate=0 is not above 0");
  ExpectRefused(all + "--dropout=1", "--dropout=1 is not within");
  ExpectRefused(all + "--threads=0", "--threads=0 is not within");
  if (!ANTIPHON_HAS_TORCH) return;
  ExpectRefused(all + "--config=huge", "--config=huge is unknown");
  ExpectRefused(all, "--midi=/no/such/folder");
  ExpectRefused("train --out=x --midi=" + Quoted(kGolden / "model/tiny"),
                "has no .mid or .midi file");
}

TEST(ToolTest, LogitsAreThoseOfTheReference) {
  const Json golden =
      Json::parse(ReadFile(kGolden / "model/tiny/vectors.json"))["prompts"][2];
  const std::string tokens =
      Write("tokens.json", Json{{"tokens", golden["ids"]}}.dump());
  const std::string flags = "logits --model=" + Quoted(kGolden / "model/tiny") +
                            " --tokens=" + tokens;
  const Result result = RunTool(flags);
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const Json printed = Json::parse(result.out);
  EXPECT_EQ(printed["argmax"], golden["argmax"]);
  const Json& wanted = golden["logits"].back()["values"];
  ASSERT_EQ(printed["last_logits"].size(), wanted.size());
  for (size_t i = 0; i < wanted.size(); ++i) {
    EXPECT_NEAR(printed["last_logits"][i].get<float>(), wanted[i].get<float>(),
                5e-5f);
  }
  const Json all = Json::parse(RunTool(flags + " --all").out);
  ASSERT_EQ(all["logits"].size(), golden["ids"].size());
  EXPECT_EQ(all["logits"].back(), printed["last_logits"]);
  EXPECT_EQ(all["argmax"], printed["argmax"]);
  const Json rounded = Json::parse(RunTool(flags + " --dtype=bf16").out);
  EXPECT_NE(rounded["last_logits"], printed["last_logits"]);
  EXPECT_NEAR(rounded["last_logits"][0].get<float>(),
              printed["last_logits"][0].get<float>(), 0.3f);
}

// A model reads whatever it is given; the grammar is for what it says.
TEST(ToolTest, LogitsOfTokensAgainstTheGrammarAreFinite) {
  const std::string tokens =
      Write("t.json", R"({"tokens":[1,1,511,0,2,0,1,300,300,5]})");
  const Result result =
      RunTool("logits --all --model=" + Quoted(kGolden / "model/tiny") +
              " --tokens=" + tokens);
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const Json printed = Json::parse(result.out);
  ASSERT_EQ(printed["logits"].size(), 10u);
  for (const Json& row : printed["logits"]) {
    for (const Json& value : row) ASSERT_TRUE(value.is_number());
  }
}

TEST(ToolTest, BenchShowsRatesBesideTheFloor) {
  const std::string bench = "bench --model=" + Quoted(kGolden / "model/tiny");
  for (const std::string type : {"fp32", "bf16"}) {
    const Result result = RunTool(bench + " --dtype=" + type);
    ASSERT_EQ(result.exit_code, 0) << result.err;
    EXPECT_THAT(result.out, HasSubstr(type + ", one thread\nweights  "));
    for (const char* row :
         {"prefill    16 tokens", "prefill    64 tokens",
          "decode      1 at once", "decode      8 at once", " GB/s: floor "}) {
      EXPECT_THAT(result.out, HasSubstr(row));
    }
  }
  ExpectRefused("bench", "--model is missing");
  ExpectRefused(bench + " --dtype=int3", "--dtype=int3 is unknown");
  ExpectRefused(bench + " --device=abacus", "--device=abacus is unknown");
  ExpectRefused(bench + " --all", "--all is no flag of bench");
}

TEST(ToolTest, TokenFilesThatAreNoneAreRefused) {
  const std::string logits =
      "logits --model=" + Quoted(kGolden / "model/tiny") + " --tokens=";
  ExpectRefused("logits --tokens=x.json", "--model is missing");
  ExpectRefused("logits --model=x", "--tokens is missing");
  ExpectRefused(logits + "absent.json", "absent.json");
  ExpectRefused(logits + Write("a.json", "no json"), "no JSON object");
  ExpectRefused(logits + Write("b.json", "{}"), "no list of token ids");
  ExpectRefused(logits + Write("c.json", R"({"tokens":["<S>"]})"),
                "no token id");
  ExpectRefused(logits + Write("d.json", R"({"tokens":[512]})"),
                "holds id 512");
  ExpectRefused(logits + Write("e.json", R"({"tokens":[-1]})"), "-1");
  ExpectRefused(logits + Write("k.json", R"({"tokens":[4294967297]})"),
                "holds 4294967297 at index 0");
  ExpectRefused(
      logits + Write("f.json", Json{{"tokens", std::vector<int>(257)}}.dump()),
      "at most 256");
  ExpectRefused(logits + Write("h.json", R"({"tokens":[3,[]]})"),
                "holds array at index 1");
  const std::string deep(2'000'000, '[');
  ExpectRefused(logits + Write("i.json", deep), "no JSON object");
  const std::string shut(deep.size(), ']');
  ExpectRefused(logits + Write("j.json", "{\"tokens\":" + deep + shut + "}"),
                "holds array at index 0");
  const std::string good = Write("g.json", R"({"tokens":[1,2]})");
  ExpectRefused(logits + good + " --dtype=int3", "--dtype=int3 is unknown");
  ExpectRefused("logits --tokens=" + good + " --model=" +
                    Quoted(kGolden / "model/robustness/nan_weight.safetensors"),
                "NaN");
}

#endif

}  // namespace
