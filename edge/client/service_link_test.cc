// SPDX-License-Identifier: Apache-2.0
#include "edge/client/service_link.h"

#include <gtest/gtest.h>

#include <utility>
#include <vector>

namespace antiphon::edge {
namespace {

// A stream that the test breaks and feeds.
class ScriptedStream : public MessageStream {
 public:
  bool Write(v1::EdgeMessage message) override {
    written.push_back(std::move(message));
    return true;
  }
  void Cancel() override { broken = true; }
  bool done() const override { return broken; }
  std::string error() const override { return "broken by the test"; }

  std::vector<v1::EdgeMessage> written;
  OnMessage on_message;
  bool broken = false;
};

class ServiceLinkTest : public ::testing::Test {
 protected:
  void Pass(absl::Duration duration) {
    for (const MonoTime end = now_ + duration; now_ < end;) {
      now_ = now_ + absl::Milliseconds(10);
      link_.Tend(now_);
    }
  }
  void Welcome() {
    v1::ServiceMessage message;
    message.mutable_welcome()->set_model("mirror");
    Stream().on_message(message, now_);
    Pass(absl::Milliseconds(10));
  }
  void Pong() {
    v1::ServiceMessage message;
    message.mutable_pong()->set_id(Stream().written.back().ping().id());
    Stream().on_message(message, now_);
  }
  void Post(JobId id, absl::Duration until_cutoff) {
    AccompanistCommand command;
    command.job.id = id;
    command.job.seed = 1000 + id;
    command.job.cutoff = now_ + until_cutoff;
    link_.Handle(command, now_);
  }
  void Cancel(JobId id) {
    AccompanistCommand command;
    command.kind = AccompanistCommand::Kind::kCancel;
    command.cancel = id;
    link_.Handle(command, now_);
  }
  void End(JobId id) {
    v1::ServiceMessage message;
    message.mutable_bar_chunk()->set_job_id(id);
    message.mutable_bar_chunk()->set_done(true);
    Stream().on_message(message, now_);
  }
  void Break() {
    Stream().broken = true;
    Pass(absl::Milliseconds(10));
  }
  ScriptedStream& Stream() { return *streams_.back(); }
  std::vector<v1::GenerationJob> Jobs() {
    std::vector<v1::GenerationJob> jobs;
    for (const v1::EdgeMessage& message : Stream().written) {
      if (message.has_job()) jobs.push_back(message.job());
    }
    return jobs;
  }

  MonoTime now_ = MonoTime::FromNanos(1'000'000'000);
  std::vector<std::shared_ptr<ScriptedStream>> streams_;
  std::vector<v1::EdgeMessage> hellos_;
  std::vector<Reply> given_;
  ServiceLink::Stats stats_;
  ServiceLink link_{{.target = "here", .session_id = "s", .client = "test"},
                    [this](v1::EdgeMessage hello, auto on_message) {
                      streams_.push_back(std::make_shared<ScriptedStream>());
                      Stream().on_message = std::move(on_message);
                      hellos_.push_back(std::move(hello));
                      return streams_.back();
                    },
                    [this](const Reply& reply) { given_.push_back(reply); },
                    &stats_};
};

TEST_F(ServiceLinkTest, SaysHelloAndIsConnectedByTheWelcome) {
  Pass(absl::Milliseconds(10));
  ASSERT_EQ(hellos_.size(), 1u);
  EXPECT_EQ(hellos_[0].hello().session_id(), "s");
  EXPECT_FALSE(stats_.connected.load());
  Welcome();
  EXPECT_TRUE(stats_.connected.load());
  EXPECT_EQ(link_.model(), "mirror");
  ASSERT_EQ(given_.size(), 1u);
  EXPECT_EQ(given_[0].kind, Reply::Kind::kConnected);
}

TEST_F(ServiceLinkTest, AnOpenJobGoesOutAgainWithItsSeedAndWhatIsLeft) {
  Pass(absl::Milliseconds(10));
  Welcome();
  Post(7, absl::Seconds(2));
  const v1::GenerationJob first = Jobs().at(0);
  EXPECT_EQ(first.budget_us(), 2'000'000);
  Break();
  EXPECT_EQ(given_.back().kind, Reply::Kind::kDisconnected);
  Pass(absl::Milliseconds(200));
  ASSERT_EQ(streams_.size(), 2u);
  Welcome();
  const v1::GenerationJob again = Jobs().at(0);
  EXPECT_EQ(again.job_id(), 7u);
  EXPECT_EQ(again.seed(), first.seed());
  EXPECT_LE(again.budget_us(), 1'800'000);
}

TEST_F(ServiceLinkTest, NeitherDoneNorCancelledNorExpiredJobsGoOutAgain) {
  Pass(absl::Milliseconds(10));
  Welcome();
  Post(1, absl::Seconds(2));
  Post(2, absl::Seconds(2));
  Post(3, absl::Milliseconds(15));
  Post(4, absl::Seconds(2));
  Cancel(2);
  Pass(absl::Milliseconds(20));
  End(1);  // and the stream breaks before anybody looks
  Break();
  Pass(absl::Milliseconds(200));
  Welcome();
  ASSERT_EQ(Jobs().size(), 1u);
  EXPECT_EQ(Jobs()[0].job_id(), 4u);
}

TEST_F(ServiceLinkTest, AJobWithoutTimeLeftIsRefusedAtHome) {
  Pass(absl::Milliseconds(10));
  Welcome();
  Post(1, absl::ZeroDuration());
  EXPECT_TRUE(Jobs().empty());
  EXPECT_EQ(given_.back().kind, Reply::Kind::kRefused);
}

TEST_F(ServiceLinkTest, PausesDoubleUpToFiveSecondsAndStartAnewOnceWelcomed) {
  std::vector<MonoTime> opened;
  for (int i = 0; i < 9; ++i) {
    const size_t before = streams_.size();
    while (streams_.size() == before) Pass(absl::Milliseconds(10));
    opened.push_back(now_);
    Break();
  }
  for (size_t i = 1; i < opened.size(); ++i) {
    const double want = std::min(100.0 * (1 << (i - 1)), 5000.0);
    EXPECT_NEAR(absl::ToDoubleMilliseconds(opened[i] - opened[i - 1]), want, 20)
        << i;
  }
  Pass(absl::Seconds(6));
  Welcome();
  Break();
  const size_t before = streams_.size();
  Pass(absl::Milliseconds(120));
  EXPECT_EQ(streams_.size(), before + 1);
}

TEST_F(ServiceLinkTest, AServiceThatDoesNotAnswerPingsIsGivenUp) {
  Pass(absl::Milliseconds(10));
  Welcome();
  for (int i = 0; i < 10; ++i) {
    Pass(absl::Milliseconds(510));
    Pong();
  }
  EXPECT_EQ(streams_.size(), 1u);
  Pass(absl::Seconds(3));
  EXPECT_TRUE(streams_[0]->broken);
}

TEST_F(ServiceLinkTest, AStreamWithoutAWelcomeIsGivenUp) {
  Pass(absl::Milliseconds(1900));
  EXPECT_FALSE(streams_[0]->broken);
  Pass(absl::Milliseconds(300));
  EXPECT_TRUE(streams_[0]->broken);
}

}  // namespace
}  // namespace antiphon::edge
