// SPDX-License-Identifier: Apache-2.0
//
// One attempt at the bidirectional stream (gRPC callback API): a bounded write
// queue with one write in flight, a read at all times. Write() from the client
// thread, reactions on gRPC's threads, which convert, hand on and return. Keeps
// itself alive until gRPC is done with it.
#ifndef ANTIPHON_EDGE_CLIENT_STREAM_H_
#define ANTIPHON_EDGE_CLIENT_STREAM_H_

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <deque>
#include <memory>
#include <mutex>
#include <string>

#include "antiphon/v1/accompanist.grpc.pb.h"
#include "edge/client/message_stream.h"

namespace antiphon::edge {

class Stream
    : public MessageStream,
      public grpc::ClientBidiReactor<v1::EdgeMessage, v1::ServiceMessage> {
 public:
  static constexpr size_t kMaxQueued = 64;

  // `on_message` may be called until done() is true.
  static std::shared_ptr<Stream> Open(v1::Accompanist::Stub* stub,
                                      v1::EdgeMessage hello,
                                      OnMessage on_message);

  bool Write(v1::EdgeMessage message) override;
  void Cancel() override { context_.TryCancel(); }
  bool done() const override { return done_.load(); }
  std::string error() const override;

 private:
  explicit Stream(OnMessage on_message) : on_message_(std::move(on_message)) {}

  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnDone(const grpc::Status& status) override;

  const OnMessage on_message_;
  grpc::ClientContext context_;
  v1::ServiceMessage incoming_;
  std::shared_ptr<Stream> self_;  // until OnDone
  std::atomic<bool> done_{false};

  mutable std::mutex mutex_;
  std::deque<v1::EdgeMessage> queue_;  // the front one is being written
  bool broken_ = false;
  bool hold_ =
      true;  // keeps the call open for writes started outside reactions
  grpc::Status status_;
};

}  // namespace antiphon::edge

#endif  // ANTIPHON_EDGE_CLIENT_STREAM_H_
