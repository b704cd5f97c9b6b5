// SPDX-License-Identifier: Apache-2.0
#include "tests/integration/aria_service.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "common/rt/clock.h"
#include "edge/client/wire.h"
#include "edge/conductor.h"
#include "edge/port/file_performer.h"

namespace antiphon {
namespace {

namespace fs = std::filesystem;

const absl::Duration kLimit = absl::Seconds(60);

std::string Program(const char* name) {
  return absl::StrCat(ANTIPHON_BINARY_DIR, "/bin/", name);
}

std::string ReadAll(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

class JobRecorder : public edge::Accompanist {
 public:
  bool Post(const edge::AccompanistCommand& command) override {
    if (command.kind == edge::AccompanistCommand::Kind::kJob) {
      jobs.push_back(edge::JobMessage(command.job, kLimit).job());
    }
    return true;
  }
  bool Poll(edge::Reply&) override { return false; }

  std::vector<v1::GenerationJob> jobs;
};

}  // namespace

std::string RunModelTool(const std::string& arguments) {
  const std::string command =
      absl::StrCat(Program("antiphon-model"), " ", arguments);
  std::string out;
  FILE* pipe = popen(command.c_str(), "r");
  std::vector<char> buffer(size_t{1} << 16);
  for (size_t n; (n = fread(buffer.data(), 1, buffer.size(), pipe)) > 0;) {
    out.append(buffer.data(), n);
  }
  EXPECT_EQ(pclose(pipe), 0) << command;
  return out;
}

AriaService::AriaService(const std::string& size, int seed,
                         const std::string& vocabulary) {
  const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
  const fs::path folder =
      fs::path(ANTIPHON_BINARY_DIR) / "aria_service" / test->name();
  fs::remove_all(folder);
  fs::create_directories(folder);
  checkpoint_ = folder / "model";
  RunModelTool(absl::StrCat("init --config=", size, " --seed=", seed,
                            " --vocab=", vocabulary, " --out='", checkpoint_,
                            "'"));
  Start(folder / "log");
}

AriaService::AriaService(const std::string& checkpoint)
    : checkpoint_(checkpoint) {
  Start(checkpoint + "/log");
}

void AriaService::Start(const std::string& log) {
  const std::string model = "--model=" + checkpoint_;
  child_ = fork();
  if (child_ == 0) {
    const int file = open(log.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    dup2(file, STDERR_FILENO);
    alarm(300);
    execl(Program("antiphon-inference").c_str(), "antiphon-inference",
          model.c_str(), "--listen=127.0.0.1:0", "--metrics=", nullptr);
    _exit(127);
  }
  constexpr char kReady[] = "ready on 127.0.0.1:";
  const MonoTime until = rt::Now() + kLimit;
  size_t found = std::string::npos;
  std::string text;
  while (found == std::string::npos && rt::Now() < until) {
    rt::SleepUntil(rt::Now() + absl::Milliseconds(5));
    text = ReadAll(log);
    found = text.find(kReady);
  }
  ASSERT_NE(found, std::string::npos) << text;
  port_ = std::stoi(text.substr(found + sizeof(kReady) - 1));
}

AriaService::~AriaService() {
  kill(child_, SIGTERM);
  int status = -1;
  waitpid(child_, &status, 0);
  EXPECT_EQ(status, 0);
}

Musician::Musician(int port)
    : stub_(v1::Accompanist::NewStub(
          grpc::CreateChannel(absl::StrCat("127.0.0.1:", port),
                              grpc::InsecureChannelCredentials()))) {
  context_.set_deadline(std::chrono::system_clock::now() +
                        absl::ToChronoSeconds(kLimit));
  stream_ = stub_->Accompany(&context_);
  stream_->Write(edge::HelloMessage("test", "test"));
  EXPECT_TRUE(Read().has_welcome());
}

Musician::~Musician() {
  stream_->WritesDone();
  v1::ServiceMessage rest;
  while (stream_->Read(&rest)) {
  }
  EXPECT_TRUE(stream_->Finish().ok());
}

v1::ServiceMessage Musician::Read() {
  v1::ServiceMessage message;
  EXPECT_TRUE(stream_->Read(&message)) << "the stream ended";
  return message;
}

Musician::Answer Musician::Ask(const v1::GenerationJob& job) {
  Answer answer;
  v1::EdgeMessage message;
  *message.mutable_job() = job;
  answer.sent = rt::Now();
  stream_->Write(message);
  while (!answer.whole.done()) {
    const v1::ServiceMessage reply = Read();
    if (!reply.has_bar_chunk()) {
      ADD_FAILURE() << reply.ShortDebugString();
      break;
    }
    answer.done = rt::Now();
    if (answer.first == MonoTime()) answer.first = answer.done;
    answer.whole.MergeFrom(reply.bar_chunk());
  }
  return answer;
}

std::vector<v1::GenerationJob> JobsOfExample(const std::string& name,
                                             std::optional<double> tempo) {
  const auto file =
      ReadMidiFile(absl::StrCat(ANTIPHON_SOURCE_DIR, "/examples/", name));
  EXPECT_TRUE(file.ok()) << file.status();
  auto performer = edge::FilePerformer::Create(
      *file, {.start = MonoTime() + absl::Seconds(1), .tempo = tempo});
  EXPECT_TRUE(performer.ok()) << performer.status();
  SpscRing<edge::PlaybackCommand> plans(4096);
  SpscRing<edge::Telemetry> told(16);
  LatestValue<Timeline> timeline;
  edge::SessionObserver nobody;
  JobRecorder recorder;
  edge::Conductor::Options options;
  options.meters = performer->meters();
  options.sampling = {.from_card = false, .temperature = 0, .top_p = 1};
  edge::Conductor conductor(options, &recorder, &plans, &timeline, &told,
                            &nobody);
  while (const auto message = performer->Next()) {
    conductor.Push(*message);
    conductor.AdvanceTo(message->at);
  }
  conductor.Finish(performer->end() + absl::Seconds(1));
  return recorder.jobs;
}

}  // namespace antiphon
