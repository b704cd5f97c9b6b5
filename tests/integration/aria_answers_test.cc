// SPDX-License-Identifier: Apache-2.0
//
// The real service with a random Aria checkpoint, over real gRPC, judged from
// outside. At temperature 0 its answers are recomputed: the logits come from
// the real antiphon-model, everything between the wire and the logits (tokens
// of the context, grammar, answer window, and back to notes) from AriaOracle,
// which shares no code with the service. Tokens do not cross the wire: the
// chain must give the answer's notes, tick for tick, and be as long as the
// answer says it is.
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/integration/aria_oracle.h"
#include "tests/integration/aria_service.h"

namespace antiphon {
namespace {

constexpr char kJobs[] = ANTIPHON_SOURCE_DIR "/tests/golden/jobs/";
constexpr char kSize[] = "tiny";
// Its greedy answers to the recorded jobs have some notes, and would be others
// if either edge of the answer window were elsewhere.
constexpr int kSeed = 5;
// Seven of its answers to two of the examples are complete and have four notes.
constexpr int kStreamingSeed = 4;
// Closer draws could fall differently where sums are rounded differently.
constexpr float kClearly = 1e-4f;

struct Recording {
  std::string example;
  std::optional<double> tempo;  // nothing: its own
  size_t bar;

  friend void PrintTo(const Recording& recording, std::ostream* out) {
    *out << recording.example;
  }
};

v1::GenerationJob JobOf(const Recording& recording) {
  const std::string path = kJobs + recording.example + ".txt";
  std::string text;
  if (std::getenv("ANTIPHON_RECORD_JOBS") != nullptr) {
    google::protobuf::TextFormat::PrintToString(
        JobsOfExample(recording.example + ".mid", recording.tempo)
            .at(recording.bar),
        &text);
    std::ofstream(path, std::ios::binary) << text;
  }
  std::ifstream file(path, std::ios::binary);
  text.assign(std::istreambuf_iterator<char>(file), {});
  v1::GenerationJob job;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &job))
      << path;
  return job;
}

// A row of logits for every token.
std::vector<std::vector<float>> LogitsAfter(const std::string& checkpoint,
                                            const std::vector<int>& tokens) {
  const std::string file = checkpoint + "/tokens.json";
  std::ofstream(file) << nlohmann::json{{"tokens", tokens}};
  return nlohmann::json::parse(
             RunModelTool(absl::StrCat("logits --all --model='", checkpoint,
                                       "' --tokens='", file, "'")))["logits"]
      .get<std::vector<std::vector<float>>>();
}

struct Chain {
  std::vector<int> tokens;
  bool ends = false;  // after these
  float closest = 0;  // margin of the closest draw
};

// The masked argmax chain up to `limit` tokens, and whether it ends there. What
// `guess` says of it saves calls of the tool, nothing else: a token counts only
// where the oracle takes it from the logits.
Chain Recompute(const std::string& checkpoint, const std::vector<int>& guess,
                size_t limit, AriaOracle& oracle) {
  Chain chain;
  std::vector<int> read = oracle.prompt();
  const size_t first = read.size() - 1;
  read.insert(read.end(), guess.begin(), guess.end());
  std::vector<std::vector<float>> logits;
  for (size_t row = first;; ++row) {
    if (row >= logits.size()) logits = LogitsAfter(checkpoint, read);
    AriaOracle next = oracle;
    const std::optional<int> token = next.Take(logits[row]);
    chain.closest = next.closest();
    chain.ends = !token;
    if (!token || chain.tokens.size() == limit) return chain;
    oracle = next;
    chain.tokens.push_back(*token);
    if (row + 1 < read.size() && read[row + 1] == *token) continue;
    read.resize(row + 1);
    read.push_back(*token);
    logits.resize(row + 1);
  }
}

void ExpectSameNotes(const v1::BarChunk& answer,
                     const std::vector<v1::Note>& notes) {
  ASSERT_EQ(answer.notes_size(), static_cast<int>(notes.size()));
  for (int i = 0; i < answer.notes_size(); ++i) {
    EXPECT_EQ(answer.notes(i).ShortDebugString(),
              notes[static_cast<size_t>(i)].ShortDebugString());
  }
}

void ExpectMaskedArgmaxChain(const AriaService& service, const AriaIds& ids,
                             const Recording& recording) {
  const v1::GenerationJob job = JobOf(recording);
  const v1::BarChunk answer = Musician(service.port()).Ask(job).whole;
  ASSERT_GE(answer.notes_size(), 4);

  AriaOracle oracle(job, ids);
  const std::vector<int> guess =
      oracle.TokensOf({answer.notes().begin(), answer.notes().end()});
  const Chain chain =
      Recompute(service.checkpoint(), guess, answer.tokens(), oracle);
  std::printf("%s: %d notes, %u tokens, closest draw %.5f\n",
              recording.example.c_str(), answer.notes_size(), answer.tokens(),
              chain.closest);
  EXPECT_GT(chain.closest, kClearly) << "another job tells more";

  EXPECT_EQ(chain.tokens.size(), answer.tokens());
  EXPECT_EQ(chain.ends, answer.end_reason() == v1::END_REASON_COMPLETE);
  ExpectSameNotes(answer, oracle.notes());
  const auto steps =
      std::find_if(oracle.prompt().rbegin(), oracle.prompt().rend(),
                   [](int token) { return token != 5; });
  EXPECT_EQ(oracle.prompt().rend() - steps, answer.prompt_tokens());
  EXPECT_EQ(answer.context_bars_used(),
            static_cast<uint32_t>(job.context().bar_lines_size()));
}

class RecordedJobs : public ::testing::TestWithParam<Recording> {};

TEST_P(RecordedJobs, AreAnsweredByTheMaskedArgmaxChain) {
  const AriaService service(kSize, kSeed);
  ExpectMaskedArgmaxChain(service, kDefaultIds, GetParam());
}

// With the conditioning vector in front and <X> behind the context.
TEST(RecordedJob, IsAnsweredByTheDemoOf2026Too) {
  const AriaService service(kSize, kSeed, "demo26");
  ExpectMaskedArgmaxChain(service, kDemo26Ids, {"jig_6_8", std::nullopt, 7});
}

// All weights are finite, what comes of the last ones is not.
TEST(BrokenWeights, EndEachJobAsInvalidAndTheSessionLives) {
  const std::string folder = ANTIPHON_BINARY_DIR "/aria_service/broken";
  std::filesystem::remove_all(folder);
  RunModelTool(absl::StrCat("init --config=", kSize, " --out='", folder, "'"));
  std::filesystem::remove(folder + "/model.json");  // it states a sha256
  std::fstream file(folder + "/model.safetensors",
                    std::ios::in | std::ios::out | std::ios::binary);
  constexpr std::streamoff kHead = 17727 * 128;
  file.seekp(-kHead * static_cast<std::streamoff>(sizeof(float)),
             std::ios::end);
  const std::vector<float> huge(static_cast<size_t>(kHead), 3e38f);
  file.write(reinterpret_cast<const char*>(huge.data()),
             static_cast<std::streamsize>(huge.size() * sizeof(float)));
  file.close();
  const AriaService service(folder);
  Musician musician(service.port());
  v1::GenerationJob job = JobOf({"jig_6_8", std::nullopt, 7});
  for (int i = 0; i < 3; ++i) {
    const v1::BarChunk answer = musician.Ask(job).whole;
    EXPECT_EQ(answer.end_reason(), v1::END_REASON_INVALID);
    EXPECT_EQ(answer.job_id(), job.job_id());
    job.set_job_id(job.job_id() + 1);
  }
}

// Of the bars with at least four notes, how many had their first chunk before
// half of the time of decoding, which ends the answer.
void ExpectFirstChunksEarly(const char* what, size_t at_least,
                            const std::vector<Musician::Answer>& answers) {
  std::vector<double> shares;
  for (const Musician::Answer& answer : answers) {
    if (answer.whole.notes_size() < 4) continue;
    const absl::Duration decode =
        absl::Microseconds(answer.whole.timings().decode_us());
    shares.push_back(1 -
                     absl::FDivDuration(answer.done - answer.first, decode));
  }
  ASSERT_GE(shares.size(), at_least) << what << ": another seed tells more";
  std::sort(shares.begin(), shares.end());
  const auto early = std::count_if(shares.begin(), shares.end(),
                                   [](double share) { return share < 0.5; });
  std::printf(
      "%s: first chunk before half of decoding in %ld of %zu bars, "
      "median share %.3f\n",
      what, static_cast<long>(early), shares.size(), shares[shares.size() / 2]);
  EXPECT_GE(2 * static_cast<size_t>(early), shares.size()) << what;
}

TEST(Streaming, NotesLeaveWhileTheRestIsDecoded) {
  const AriaService service(kSize, kStreamingSeed);
  Musician musician(service.port());
  std::vector<Musician::Answer> all, complete;
  for (const char* name : {"evening_4_4.mid", "jig_6_8.mid"}) {
    for (const v1::GenerationJob& job : JobsOfExample(name)) {
      all.push_back(musician.Ask(job));
      EXPECT_NE(all.back().whole.end_reason(), v1::END_REASON_INVALID);
      const int notes = all.back().whole.notes_size();
      EXPECT_EQ(all.back().whole.end_reason() == v1::END_REASON_EMPTY,
                notes == 0);
    }
  }
  std::copy_if(all.begin(), all.end(), std::back_inserter(complete),
               [](const Musician::Answer& answer) {
                 return answer.whole.end_reason() == v1::END_REASON_COMPLETE;
               });
  ExpectFirstChunksEarly("all bars", 12, all);
  // Without the long ones, which end where the slot does.
  ExpectFirstChunksEarly("complete bars", 1, complete);
}

INSTANTIATE_TEST_SUITE_P(
    Bars, RecordedJobs,
    ::testing::Values(Recording{"waltz_3_4", 72, 7},
                      Recording{"jig_6_8", std::nullopt, 7},
                      Recording{"hurry_tempo_changes", std::nullopt, 16}));

}  // namespace
}  // namespace antiphon
