// SPDX-License-Identifier: Apache-2.0
//
// One musician's stream (gRPC callback API): reads, checks, hands jobs to the
// engine, writes what comes back. Reactions convert, enqueue and return; one
// write is in flight at a time behind a bounded queue. The engine holds answers
// by shared pointer, so a stream that ends leaves nothing dangling.
#ifndef ANTIPHON_INFERENCE_SERVICE_MUSICIAN_H_
#define ANTIPHON_INFERENCE_SERVICE_MUSICIAN_H_

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "antiphon/v1/accompanist.grpc.pb.h"
#include "inference/engine/engine.h"
#include "inference/service/inference_metrics.h"

namespace antiphon::inference {

class Musician;

// What all streams share.
struct Stage {
  static constexpr size_t kMaxStreams = 1024;

  Engine* engine = nullptr;
  InferenceMetrics* metrics = nullptr;
  std::string model;
  std::string model_sha256;
  uint32_t context_tokens = 0;
  std::atomic<bool> draining{false};
  std::atomic<uint64_t> next_session{1};

  std::mutex mutex;
  std::map<std::string, Musician*> sessions;  // guarded by mutex
};

class Musician
    : public grpc::ServerBidiReactor<v1::EdgeMessage, v1::ServiceMessage> {
 public:
  static constexpr size_t kMaxQueuedWrites = 1024;
  static constexpr size_t kMaxOpenJobs = 16;

  explicit Musician(Stage* stage);

  // Any thread.
  void Write(v1::ServiceMessage message);
  void End(const grpc::Status& status);

 private:
  class Answer;

  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

  grpc::Status Handle(const v1::EdgeMessage& message);
  grpc::Status OnHello(const v1::Hello& hello);
  void OnJob(const v1::GenerationJob& job);
  void OnReport(const v1::BarReport& report);
  void Refuse(uint64_t job_id, v1::RefusalCode code, const std::string& reason);
  void CancelAll();

  Stage* const stage_;
  const uint64_t session_;
  v1::EdgeMessage incoming_;
  bool greeted_ = false;    // reactions only
  std::string session_id_;  // set once, before greeted_

  std::mutex mutex_;
  std::deque<v1::ServiceMessage> queue_;  // the front one is being written
  bool finished_ = false;
  std::map<uint64_t, std::shared_ptr<Answer>> answers_;  // by job_id
};

}  // namespace antiphon::inference

#endif  // ANTIPHON_INFERENCE_SERVICE_MUSICIAN_H_
