// SPDX-License-Identifier: Apache-2.0
//
// The service over real gRPC on loopback, in this process.
#include "inference/service/server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/rt/clock.h"
#include "inference/engine/mirror.h"
#include "inference/service/test_client.h"
#include "inference/service/test_jobs.h"
#include "inference/service/wire.h"

namespace antiphon::inference {
namespace {

using ::testing::HasSubstr;

class ServerTest : public ::testing::Test {
 protected:
  void Start(Answerer* answerer) {
    Server::Options options;
    options.model = "mirror";
    options.version = "1.2.3";
    auto server = Server::Create(options, answerer, &metrics_);
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }
  void SetUp() override { Start(&mirror_); }
  // The stream lives: it answers a Ping.
  static void ExpectAlive(TestClient& client) {
    client.SendPing(77);
    EXPECT_EQ(client.Read().pong().id(), 77u);
  }
  static v1::GenerationJob LargestJob(uint64_t id) {
    v1::GenerationJob job = GoodJob(id);
    while (job.context().notes_size() < kMaxJobNotes) {
      *job.mutable_context()->add_notes() = job.context().notes(1);
    }
    return job;
  }
  // Waits until the metrics say so.
  void AwaitMetric(const std::string& line) {
    const MonoTime until = rt::Now() + absl::Seconds(10);
    while (!absl::StrContains(metrics_.Text(), line)) {
      ASSERT_LT(rt::Now(), until) << line;
      std::this_thread::yield();
    }
  }
  int port() const { return server_->port(); }

  Metrics metrics_;
  Mirror mirror_;
  HeldAnswerer held_;
  std::unique_ptr<Server> server_;
};

// The same, with an answerer that waits.
class HeldServerTest : public ServerTest {
 protected:
  void SetUp() override { Start(&held_); }
  void TearDown() override { held_.LetGo(); }
  // Counts the refusals that stand before the Pong.
  static void ExpectAliveAfterRefusals(TestClient& client, size_t& refused) {
    client.SendPing(1);
    v1::ServiceMessage message = client.Read();
    for (; message.has_job_refused(); message = client.Read()) {
      EXPECT_EQ(message.job_refused().code(), v1::REFUSAL_CODE_OVERLOADED);
      EXPECT_THAT(message.job_refused().reason(), HasSubstr("queue holds 64"));
      ++refused;
    }
    EXPECT_TRUE(message.has_pong()) << message.ShortDebugString();
  }
};

TEST_F(ServerTest, TheMirrorGivesTheBarBack) {
  TestClient client(port());
  v1::Welcome welcome;
  ASSERT_TRUE(client.Open("a", &welcome));
  EXPECT_EQ(welcome.protocol_version(), 1u);
  EXPECT_EQ(welcome.model(), "mirror");
  EXPECT_EQ(welcome.time_base(), v1::TIME_BASE_REAL);
  EXPECT_EQ(welcome.limits().notes_per_job(), 4096u);
  EXPECT_EQ(welcome.limits().message_bytes(), 262144u);
  for (uint64_t id = 1; id <= 20; ++id) {
    client.SendJob(GoodJob(id));
    const v1::BarChunk answer = client.ReadAnswer(id);
    EXPECT_EQ(answer.end_reason(), v1::END_REASON_COMPLETE);
    EXPECT_EQ(answer.bar_index(), 4);
    EXPECT_EQ(answer.play_seq(), 10u);
    EXPECT_EQ(answer.epoch(), 3u);
    EXPECT_EQ(answer.context_bars_used(), 2u);
    EXPECT_GT(answer.timings().total_us(), 0);
    ASSERT_EQ(answer.notes_size(), 1);
    EXPECT_EQ(answer.notes(0).index(), 0u);
    EXPECT_EQ(answer.notes(0).tick(), 480);
    EXPECT_EQ(answer.notes(0).duration(), 240);
    EXPECT_EQ(answer.notes(0).pitch(), 61u);
  }
}

TEST_F(ServerTest, NoNoteIsLostOfTheLargestAnswer) {
  TestClient client(port());
  ASSERT_TRUE(client.Open("a"));
  client.SendJob(LargestJob(1));
  const v1::BarChunk answer = client.ReadAnswer(1);
  EXPECT_EQ(answer.end_reason(), v1::END_REASON_COMPLETE);
  ASSERT_EQ(answer.notes_size(), kMaxJobNotes - 1);
  for (int i = 0; i < answer.notes_size(); ++i) {
    EXPECT_EQ(answer.notes(i).index(), static_cast<uint32_t>(i));
  }
  EXPECT_THAT(metrics_.Text(),
              HasSubstr("antiphon_inference_dropped_messages_total 0"));
}

TEST_F(ServerTest, PingsComeBackAndPromptUpdatesAreTaken) {
  TestClient client(port());
  ASSERT_TRUE(client.Open("a"));
  v1::EdgeMessage update;
  update.mutable_prompt_update()->set_origin_play_seq(3);
  client.Send(update);
  ExpectAlive(client);
}

TEST_F(ServerTest, AMessageBeforeHelloEndsTheStream) {
  TestClient client(port());
  client.SendJob(GoodJob(1));
  const grpc::Status status = client.Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), HasSubstr("first message must be Hello"));
}

TEST_F(ServerTest, ASecondHelloEndsTheStream) {
  TestClient client(port());
  ASSERT_TRUE(client.Open("a"));
  client.SendHello("a", 1, "");
  EXPECT_EQ(client.Finish().error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(ServerTest, AnEmptyMessageEndsTheStream) {
  TestClient client(port());
  ASSERT_TRUE(client.Open("a"));
  client.Send(v1::EdgeMessage());
  EXPECT_EQ(client.Finish().error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(ServerTest, AnUnknownVersionIsRefusedByName) {
  TestClient client(port());
  client.SendHello("a", 7, "");
  const grpc::Status status = client.Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_THAT(status.error_message(), HasSubstr("protocol_version 7"));
}

TEST_F(ServerTest, AnotherModelIsRefusedByName) {
  TestClient client(port());
  client.SendHello("a", 1, "grand");
  const grpc::Status status = client.Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_THAT(status.error_message(), HasSubstr("\"grand\" is not served"));
  TestClient other(port());
  other.SendHello("a", 1, "mirror");
  EXPECT_TRUE(other.Read().has_welcome());
}

TEST_F(ServerTest, ASessionIdHasOneTo64Characters) {
  for (const size_t size : {size_t{0}, size_t{65}}) {
    TestClient client(port());
    client.SendHello(std::string(size, 'x'), 1, "");
    const grpc::Status status = client.Finish();
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
    EXPECT_THAT(status.error_message(), HasSubstr(absl::StrCat(size)));
  }
  TestClient client(port());
  EXPECT_TRUE(client.Open(std::string(64, 'x')));
}

TEST_F(ServerTest, AMessageOverTheLimitEndsTheStream) {
  TestClient client(port());
  ASSERT_TRUE(client.Open("a"));
  v1::EdgeMessage message;
  message.mutable_hello()->set_client(std::string(kMaxMessageBytes, 'x'));
  client.Send(message);
  EXPECT_FALSE(client.Finish().ok());
  TestClient next(port());
  EXPECT_TRUE(next.Open("a"));
}

TEST_F(ServerTest, BadJobsAreRefusedByFieldAndTheStreamLives) {
  TestClient client(port());
  ASSERT_TRUE(client.Open("a"));
  for (const BadJob& bad : BadJobs()) {
    v1::GenerationJob job = GoodJob(5);
    bad.spoil(job);
    client.SendJob(job);
    const v1::ServiceMessage message = client.Read();
    ASSERT_TRUE(message.has_job_refused()) << bad.field << " " << bad.value;
    EXPECT_EQ(message.job_refused().code(), v1::REFUSAL_CODE_INVALID);
    EXPECT_EQ(message.job_refused().job_id(), job.job_id());
    EXPECT_THAT(message.job_refused().reason(), HasSubstr(bad.field));
    EXPECT_THAT(message.job_refused().reason(), HasSubstr(bad.value));
  }
  client.SendJob(GoodJob(5));
  EXPECT_EQ(client.ReadAnswer(5).notes_size(), 1);
  EXPECT_THAT(metrics_.Text(),
              HasSubstr(absl::StrCat(
                  "antiphon_inference_refusals_total{code=\"invalid\"} ",
                  BadJobs().size())));
}

TEST_F(ServerTest, TheSameSessionTakesOver) {
  TestClient first(port());
  ASSERT_TRUE(first.Open("a"));
  TestClient second(port());
  ASSERT_TRUE(second.Open("a"));
  EXPECT_EQ(first.Finish().error_code(), grpc::StatusCode::ABORTED);
  second.SendJob(GoodJob(1));
  EXPECT_EQ(second.ReadAnswer(1).notes_size(), 1);
  TestClient other(port());
  EXPECT_TRUE(other.Open("b"));
  ExpectAlive(second);
}

// It is ended but still there: its reader does not read, so that its last
// write stays on its way.
TEST_F(ServerTest, AStreamThatLostItsSessionStartsNoJob) {
  TestClient first(port());
  ASSERT_TRUE(first.Open("a"));
  for (uint64_t id = 1; id <= 64; ++id) {
    first.SendJob(LargestJob(id));
    AwaitMetric(
        absl::StrCat("antiphon_inference_jobs_total{end=\"complete\"} ", id));
  }
  TestClient second(port());
  ASSERT_TRUE(second.Open("a"));
  first.SendJob(GoodJob(65));
  v1::EdgeMessage report;
  report.mutable_bar_report()->set_outcome(v1::OUTCOME_REPEAT);
  report.mutable_bar_report()->set_reason(v1::REASON_LATE);
  first.Send(report);
  AwaitMetric("bars_total{outcome=\"repeat\",reason=\"late\"} 1");
  second.SendJob(GoodJob(1));
  EXPECT_TRUE(second.ReadAnswer(1).done());
  AwaitMetric("antiphon_inference_jobs_total{end=\"complete\"} 65");
  EXPECT_EQ(first.Finish().error_code(), grpc::StatusCode::ABORTED);
}

TEST_F(ServerTest, HealthIsServing) {
  EXPECT_EQ(HealthOf(port(), ""), 1);
  EXPECT_EQ(HealthOf(port(), "antiphon.v1.Accompanist"), 1);
}

TEST_F(ServerTest, EverySeriesIsThereAtZeroFromTheStart) {
  const std::string text = metrics_.Text();
  for (const char* series :
       {"jobs_total{end=\"complete\"} 0", "jobs_total{end=\"invalid\"} 0",
        "refusals_total{code=\"too_late\"} 0",
        "bars_total{outcome=\"repeat\",reason=\"late\"} 0",
        "deadline_misses_total 0", "bar_slack_seconds_count 0",
        "phase_seconds_count{phase=\"prefill\"} 0", "tokens_total 0",
        "queue_depth 0", "streams 0", "build_info{version=\"1.2.3\"} 1"}) {
    EXPECT_THAT(text, HasSubstr(absl::StrCat("\nantiphon_inference_", series)));
  }
}

TEST_F(ServerTest, ReportsOfBarsAreCounted) {
  TestClient client(port());
  ASSERT_TRUE(client.Open("a"));
  v1::EdgeMessage message;
  v1::BarReport& report = *message.mutable_bar_report();
  report.set_outcome(v1::OUTCOME_REPEAT);
  report.set_reason(v1::REASON_LATE);
  report.set_slack_us(-1'500'000);
  client.Send(message);
  report.set_outcome(static_cast<v1::Outcome>(99));
  client.Send(message);  // of a newer edge: ignored
  report.set_outcome(
      static_cast<v1::Outcome>(std::numeric_limits<int32_t>::min()));
  client.Send(message);
  ExpectAlive(client);
  EXPECT_THAT(metrics_.Text(),
              HasSubstr("antiphon_inference_bars_total{outcome=\"repeat\","
                        "reason=\"late\"} 1"));
  EXPECT_THAT(
      metrics_.Text(),
      HasSubstr("antiphon_inference_bar_slack_seconds_bucket{le=\"-1\"} 1"));
}

TEST_F(ServerTest, TheWelcomeTellsTheModelsTimeBase) {
  Metrics metrics;
  Server::Options options;
  options.time_base = TimeBase::kBar;
  const auto warped = Server::Create(options, &mirror_, &metrics);
  ASSERT_TRUE(warped.ok()) << warped.status();
  TestClient client((*warped)->port());
  v1::Welcome welcome;
  ASSERT_TRUE(client.Open("a", &welcome));
  EXPECT_EQ(welcome.time_base(), v1::TIME_BASE_BAR);
}

TEST_F(ServerTest, AnAddressInUseIsAnErrorThatNamesIt) {
  Metrics metrics;
  Server::Options options;
  options.listen = absl::StrCat("127.0.0.1:", port());
  const auto second = Server::Create(options, &mirror_, &metrics);
  ASSERT_FALSE(second.ok());
  EXPECT_THAT(std::string(second.status().message()),
              HasSubstr(options.listen));
}

TEST_F(HeldServerTest, CancelEndsTheJobThatRunsAndTheOneThatWaits) {
  TestClient client(port());
  ASSERT_TRUE(client.Open("a"));
  client.SendJob(GoodJob(1));
  held_.AwaitJob();
  client.SendJob(GoodJob(2));
  v1::EdgeMessage cancel;
  cancel.mutable_cancel()->set_job_id(2);
  client.Send(cancel);
  cancel.mutable_cancel()->set_job_id(1);
  client.Send(cancel);
  EXPECT_EQ(client.ReadAnswer(1).end_reason(), v1::END_REASON_CANCELLED);
  EXPECT_EQ(client.ReadAnswer(2).end_reason(), v1::END_REASON_CANCELLED);
  cancel.mutable_cancel()->set_job_id(99);
  client.Send(cancel);  // unknown: nothing happens
  ExpectAlive(client);
}

TEST_F(HeldServerTest, AJobThatWaitedPastItsDeadlineIsShortened) {
  TestClient client(port());
  ASSERT_TRUE(client.Open("a"));
  client.SendJob(GoodJob(1));
  held_.AwaitJob();
  v1::GenerationJob late = GoodJob(2);
  late.set_budget_us(1);
  client.SendJob(late);
  ExpectAlive(client);
  held_.LetGo();
  EXPECT_EQ(client.ReadAnswer(1).end_reason(), v1::END_REASON_COMPLETE);
  const v1::BarChunk answer = client.ReadAnswer(2);
  EXPECT_EQ(answer.end_reason(), v1::END_REASON_SHORTENED);
  EXPECT_EQ(answer.notes_size(), 0);
  EXPECT_THAT(metrics_.Text(),
              HasSubstr("antiphon_inference_deadline_misses_total 1"));
}

TEST_F(HeldServerTest, OneJobIdIsOpenOnceAndJobsPerSessionAreLimited) {
  TestClient client(port());
  v1::Welcome welcome;
  ASSERT_TRUE(client.Open("a", &welcome));
  const uint64_t limit = welcome.limits().jobs_per_session();
  for (uint64_t id = 1; id <= limit; ++id) client.SendJob(GoodJob(id));
  client.SendJob(GoodJob(2));
  const v1::JobRefused twice = client.Read().job_refused();
  EXPECT_EQ(twice.code(), v1::REFUSAL_CODE_INVALID);
  EXPECT_THAT(twice.reason(), HasSubstr("job_id 2 is already open"));
  client.SendJob(GoodJob(limit + 1));
  const v1::JobRefused full = client.Read().job_refused();
  EXPECT_EQ(full.code(), v1::REFUSAL_CODE_OVERLOADED);
  EXPECT_GT(full.retry_after_us(), 0);
  held_.LetGo();
  for (uint64_t id = 1; id <= limit; ++id) {
    EXPECT_TRUE(client.ReadAnswer(id).done());
  }
  client.SendJob(GoodJob(2));  // over: free again
  EXPECT_TRUE(client.ReadAnswer(2).done());
}

TEST_F(HeldServerTest, AFullQueueRefusesAndSaysWhy) {
  std::vector<std::unique_ptr<TestClient>> clients;
  size_t refused = 0;
  const size_t sessions = Engine::kMaxQueued / 16 + 1;
  for (size_t i = 0; i < sessions; ++i) {
    clients.push_back(std::make_unique<TestClient>(port()));
    ASSERT_TRUE(clients.back()->Open(absl::StrCat("s", i)));
    for (uint64_t id = 1; id <= 16; ++id) clients.back()->SendJob(GoodJob(id));
    ExpectAliveAfterRefusals(*clients.back(), refused);
    if (i == 0) held_.AwaitJob();
  }
  // One runs, kMaxQueued wait.
  EXPECT_EQ(refused, sessions * 16 - Engine::kMaxQueued - 1);
}

TEST_F(HeldServerTest, AStreamThatDropsTakesItsJobsAlong) {
  {
    TestClient client(port());
    ASSERT_TRUE(client.Open("a"));
    for (uint64_t id = 1; id <= 5; ++id) client.SendJob(GoodJob(id));
    held_.AwaitJob();
  }  // cancelled here: the answerer is let go by that alone
  TestClient next(port());
  ASSERT_TRUE(next.Open("a"));
  next.SendJob(GoodJob(1));
  held_.LetGo();
  EXPECT_EQ(next.ReadAnswer(1).end_reason(), v1::END_REASON_COMPLETE);
}

TEST_F(HeldServerTest, DrainingTellsEdgesAndFinishesWhatRuns) {
  TestClient client(port());
  ASSERT_TRUE(client.Open("a"));
  client.SendJob(GoodJob(1));
  held_.AwaitJob();
  std::thread drain([this] { server_->Drain(absl::Seconds(5)); });
  const v1::ServiceMessage notice = client.Read();
  EXPECT_EQ(notice.server_notice().kind(), v1::ServerNotice::KIND_DRAINING);
  EXPECT_EQ(HealthOf(port(), ""), 2);
  EXPECT_EQ(HealthOf(port(), "antiphon.v1.Accompanist"), 2);
  client.SendJob(GoodJob(2));
  EXPECT_EQ(client.Read().job_refused().code(), v1::REFUSAL_CODE_DRAINING);
  held_.LetGo();
  EXPECT_EQ(client.ReadAnswer(1).end_reason(), v1::END_REASON_COMPLETE);
  EXPECT_EQ(client.Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
  drain.join();
}

TEST_F(HeldServerTest, DrainingEndsInTimeWhateverRuns) {
  TestClient client(port());
  ASSERT_TRUE(client.Open("a"));
  client.SendJob(GoodJob(1));
  held_.AwaitJob();
  const MonoTime begin = rt::Now();
  server_->Drain(absl::Milliseconds(50));
  EXPECT_LT(rt::Now() - begin, absl::Seconds(5));
}

}  // namespace
}  // namespace antiphon::inference
