// SPDX-License-Identifier: Apache-2.0
//
// For tests: one musician over real gRPC on loopback, blocking, with a limit of
// ten seconds on everything; and an answerer that a test holds up.
#ifndef ANTIPHON_INFERENCE_SERVICE_TEST_CLIENT_H_
#define ANTIPHON_INFERENCE_SERVICE_TEST_CLIENT_H_

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>

#include "antiphon/v1/accompanist.grpc.pb.h"
#include "inference/engine/job.h"

namespace antiphon::inference {

class TestClient {
 public:
  explicit TestClient(int port);
  ~TestClient();

  // Hello and the Welcome that follows; false where the stream ended instead.
  bool Open(const std::string& session_id, v1::Welcome* welcome = nullptr);
  void Send(const v1::EdgeMessage& message) { stream_->Write(message); }
  void SendHello(const std::string& session_id, uint32_t version,
                 const std::string& model);
  void SendJob(const v1::GenerationJob& job);
  void SendPing(uint64_t id);
  // The next message; message_case() is 0 where the stream has ended.
  v1::ServiceMessage Read();
  // The notes of a job, and its last chunk; fails the test on anything else.
  v1::BarChunk ReadAnswer(uint64_t job_id);
  // Reads to the end of the stream.
  grpc::Status Finish();
  void Disconnect() { context_.TryCancel(); }

 private:
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::Accompanist::Stub> stub_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReaderWriter<v1::EdgeMessage, v1::ServiceMessage>>
      stream_;
  bool finished_ = false;
};

// grpc.health.v1: 1 SERVING, 2 NOT_SERVING, −1 no answer.
int HealthOf(int port, const std::string& service);

// Answers when it is let go, or at once when the job is cancelled.
class HeldAnswerer : public Answerer {
 public:
  JobEnd Answer(const Job& job, AnswerSink& sink) override;

  // Waits until it is busy with a job.
  void AwaitJob();
  void LetGo();

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool busy_ = false;
  bool free_ = false;
};

}  // namespace antiphon::inference

#endif  // ANTIPHON_INFERENCE_SERVICE_TEST_CLIENT_H_
