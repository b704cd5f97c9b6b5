// SPDX-License-Identifier: Apache-2.0
//
// The service in virtual time: the real wire code, the real queue and the real
// mirror of inference/, without its threads and gRPC. Bytes in, bytes out; the
// notes of an answer leave one by one, as the engine's do. Jobs are answered
// one at a time, earliest deadline first.
#ifndef ANTIPHON_TESTS_SIM_SIM_SERVICE_H_
#define ANTIPHON_TESTS_SIM_SIM_SERVICE_H_

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "antiphon/v1/accompanist.pb.h"
#include "inference/engine/engine.h"
#include "tests/sim/fake_network.h"

namespace antiphon::sim {

// What a test does to one job.
struct Fate {
  absl::Duration delay = absl::ZeroDuration();  // more than the usual
  bool lost = false;                            // never answered
  bool refused = false;
  bool stubborn = false;  // goes on when cancelled, and after its deadline
  bool twice = false;     // every chunk is sent twice
  bool breaks = false;    // the stream breaks in the middle of the answer
};

// A job as it arrived.
struct JobSeen {
  MonoTime at;
  v1::GenerationJob job;
  bool refused = false;
};

class SimService : public FakeNetwork::Listener {
 public:
  using Fates = std::function<std::optional<Fate>(const inference::Job&)>;

  SimService(const NetworkScript* script, FakeNetwork* network,
             const MonoTime* now, Fates fates);

  void OnBytes(FakeNetwork::StreamId stream, const std::string& bytes) override;
  void OnBroken(FakeNetwork::StreamId stream) override;

  MonoTime NextEvent() const { return Due(); }
  // Works until now.
  void Run();

  // Jobs that have neither ended nor been cancelled, nor lost their stream.
  std::vector<uint64_t> OpenJobs() const;

  // ---- What it saw ----
  std::vector<JobSeen> jobs;
  std::vector<v1::BarReport> reports;
  std::vector<uint64_t> cancels;        // job_ids
  std::vector<Trouble> fated;           // when a test's fate met a job
  std::vector<std::string> complaints;  // about what the edge sent

 private:
  class Answer;

  using Jobs = std::map<uint64_t, std::shared_ptr<Answer>>;  // by job_id

  void Handle(FakeNetwork::StreamId stream, const v1::EdgeMessage& message);
  void OnHello(FakeNetwork::StreamId stream);
  void OnJob(FakeNetwork::StreamId stream, const v1::GenerationJob& wire);
  Fate FateOf(const inference::Job& job);
  MonoTime Due() const;
  void Step();
  void Finish(const inference::JobEnd& end);
  void Send(FakeNetwork::StreamId stream, const v1::ServiceMessage& message);
  void SendChunk(const v1::ServiceMessage& chunk);
  void Refuse(FakeNetwork::StreamId stream, v1::RefusalCode code,
              const std::string& reason);

  const NetworkScript* const script_;
  FakeNetwork* const network_;
  const MonoTime* const now_;
  const Fates fates_;
  inference::JobQueue queue_{inference::Engine::kMaxQueued};
  std::multimap<MonoTime, inference::JobQueue::Entry> held_;  // by a fate
  std::map<FakeNetwork::StreamId, Jobs> streams_;             // that said Hello
  std::shared_ptr<Answer> current_;  // what the engine is at
  MonoTime next_ = MonoTime::Max();  // of its notes, or its end
};

}  // namespace antiphon::sim

#endif  // ANTIPHON_TESTS_SIM_SIM_SERVICE_H_
