// SPDX-License-Identifier: Apache-2.0
//
// One musician's stream (gRPC callback API): reads, checks, hands jobs to the
// engine, writes what comes back. Reactions convert, enqueue and return; one
// read and one write are in flight at a time. Deletes itself in OnDone, after
// it has detached every answer that the engine still holds.
//
// Limits: kMaxQueuedWrites messages wait for a reader that is slow (more are
// dropped and counted; chunks of one job that wait become one), kMaxOpenJobs
// jobs are open (more are refused).
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
#include "inference/model/model.h"
#include "inference/service/inference_metrics.h"
#include "inference/service/stream_answer.h"

namespace antiphon::inference {

// What all streams share.
struct Stage {
  static constexpr size_t kMaxStreams = 1024;

  Engine* engine = nullptr;
  InferenceMetrics* metrics = nullptr;
  std::string model;
  std::string model_sha256;
  TimeBase time_base = TimeBase::kReal;
  uint32_t context_tokens = 0;
  std::atomic<bool> draining{false};
  std::atomic<uint64_t> next_session{1};

  std::mutex mutex;                           // taken before a Musician's own
  std::map<std::string, Musician*> sessions;  // guarded by mutex
};

class Musician
    : public grpc::ServerBidiReactor<v1::EdgeMessage, v1::ServiceMessage> {
 public:
  static constexpr size_t kMaxQueuedWrites = 1024;
  static constexpr size_t kMaxOpenJobs = 16;

  Musician(Stage* stage, grpc::CallbackServerContext* context);

  // Any thread.
  void Write(v1::ServiceMessage message);
  // Ends the stream once, after the write in flight; what waits behind it goes
  // out first only with `flush`.
  void End(const grpc::Status& status, bool flush = false);
  // The job is over.
  void Forget(uint64_t job_id);

 private:
  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

  grpc::Status Handle(const v1::EdgeMessage& message);
  grpc::Status OnHello(const v1::Hello& hello);
  // Enters the session; whoever had it before is ended.
  grpc::Status TakePlace(const std::string& session_id);
  void Welcome();
  void OnJob(const v1::GenerationJob& wire);
  void OnCancelJob(uint64_t job_id);
  void OnReport(const v1::BarReport& report);
  // Whether a chunk's notes could travel with those of the last one that waits.
  // Holding mutex_.
  bool JoinsTheLast(const v1::ServiceMessage& message);
  void Refuse(uint64_t job_id, v1::RefusalCode code, const std::string& reason);

  Stage* const stage_;
  grpc::CallbackServerContext* const context_;
  const uint64_t session_;
  v1::EdgeMessage incoming_;
  bool greeted_ = false;    // reactions to reads only
  std::string session_id_;  // set once, under Stage::mutex

  std::mutex mutex_;
  std::deque<v1::ServiceMessage> queue_;  // the front one is being written
  bool ending_ = false;                   // nothing is queued any more
  grpc::Status status_;
  std::map<uint64_t, std::shared_ptr<StreamAnswer>> answers_;  // by job_id
};

}  // namespace antiphon::inference

#endif  // ANTIPHON_INFERENCE_SERVICE_MUSICIAN_H_
