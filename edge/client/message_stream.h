// SPDX-License-Identifier: Apache-2.0
//
// One attempt at the bidirectional stream to a service, as the link needs it:
// messages in order, both ways, until it breaks. Over gRPC in the program, over
// a network of its own in the simulator.
#ifndef ANTIPHON_EDGE_CLIENT_MESSAGE_STREAM_H_
#define ANTIPHON_EDGE_CLIENT_MESSAGE_STREAM_H_

#include <functional>
#include <string>

#include "antiphon/v1/accompanist.pb.h"
#include "common/time/mono_time.h"

namespace antiphon::edge {

class MessageStream {
 public:
  // What came and when; on a thread of the stream's own, until done().
  using OnMessage = std::function<void(const v1::ServiceMessage&, MonoTime at)>;

  virtual ~MessageStream() = default;

  // Never waits. False: the queue is full or the stream is broken; the message
  // is dropped.
  virtual bool Write(v1::EdgeMessage message) = 0;
  // Asks for the end; done() follows.
  virtual void Cancel() = 0;
  virtual bool done() const = 0;
  // Why it ended, for people. Once done.
  virtual std::string error() const = 0;
};

}  // namespace antiphon::edge

#endif  // ANTIPHON_EDGE_CLIENT_MESSAGE_STREAM_H_
