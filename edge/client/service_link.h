// SPDX-License-Identifier: Apache-2.0
//
// What the client says to the service, and when: Hello, jobs with the budget
// left to them, cancels, reports, a ping twice a second. A stream that ends is
// opened again after a pause that grows, and every job that is still open and
// before its cutoff goes out again with the same id and seed.
//
// Logic without a thread or a clock: Tend() and Handle() on the client's
// thread; what a stream brings comes on the stream's own thread and touches
// only what is shared. Limits: kMaxOpenJobs, the oldest is forgotten first.
#ifndef ANTIPHON_EDGE_CLIENT_SERVICE_LINK_H_
#define ANTIPHON_EDGE_CLIENT_SERVICE_LINK_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "edge/client/accompanist.h"
#include "edge/client/link_state.h"
#include "edge/client/message_stream.h"
#include "edge/client/round_trip.h"

namespace antiphon::edge {

class ServiceLink {
 public:
  static constexpr size_t kMaxOpenJobs = 8;

  using Options = LinkOptions;
  using Stats = LinkStats;
  using Open = std::function<std::shared_ptr<MessageStream>(
      v1::EdgeMessage hello, MessageStream::OnMessage)>;
  // From the client's thread and the stream's.
  using Give = std::function<void(const Reply&)>;

  // `stats` outlives the link, and the link every stream that is not done.
  ServiceLink(Options options, Open open, Give give, Stats* stats);

  // What time demands: opening, giving up, pinging. At least every 10 ms.
  void Tend(MonoTime now);
  void Handle(const AccompanistCommand& command, MonoTime now);
  // Ends the stream. True when it is over.
  bool Close();

  // Of the service, after the first Welcome; "" before. Any thread.
  std::string model() const;

 private:
  struct Arrivals;

  void OpenStream(MonoTime now);
  void Welcomed(MonoTime now);
  void Lost(MonoTime now);
  void TendPing(MonoTime now);
  void ForgetDoneJobs();
  void SendJob(const Job& job, MonoTime now);
  void Write(v1::EdgeMessage message);
  // On the stream's thread.
  void OnMessage(Arrivals& arrivals, const v1::ServiceMessage& m, MonoTime at);

  const Options options_;
  const Open open_stream_;
  const Give give_;
  Stats* const stats_;

  // The client's thread.
  std::shared_ptr<Arrivals> arrivals_;
  std::shared_ptr<MessageStream> stream_;
  std::map<JobId, std::unique_ptr<Job>> open_;
  RoundTrip round_trip_;
  bool welcomed_ = false;
  bool told_ = false;  // that the service cannot be reached
  uint64_t ping_id_ = 0;
  absl::Duration pause_;
  MonoTime opened_;
  MonoTime next_attempt_ = MonoTime::Min();
  MonoTime last_ping_;
  MonoTime last_heard_;

  mutable std::mutex mutex_;
  std::string model_;  // guarded by mutex_
};

}  // namespace antiphon::edge

#endif  // ANTIPHON_EDGE_CLIENT_SERVICE_LINK_H_
