// SPDX-License-Identifier: Apache-2.0
#include "edge/client/stream.h"

#include <utility>

#include "common/rt/clock.h"

namespace antiphon::edge {

std::shared_ptr<Stream> Stream::Open(v1::Accompanist::Stub* stub,
                                     v1::EdgeMessage hello,
                                     OnMessage on_message) {
  std::shared_ptr<Stream> stream(new Stream(std::move(on_message)));
  stream->self_ = stream;
  stub->async()->Accompany(&stream->context_, stream.get());
  stream->AddHold();
  stream->StartRead(&stream->incoming_);
  stream->Write(std::move(hello));
  stream->StartCall();
  return stream;
}

bool Stream::Write(v1::EdgeMessage message) {
  const std::lock_guard lock(mutex_);
  if (broken_ || queue_.size() == kMaxQueued) return false;
  queue_.push_back(std::move(message));
  if (queue_.size() == 1) StartWrite(&queue_.front());
  return true;
}

std::string Stream::error() const {
  const std::lock_guard lock(mutex_);
  return status_.error_message();
}

void Stream::OnReadDone(bool ok) {
  if (ok) {
    on_message_(incoming_, rt::Now());
    StartRead(&incoming_);
    return;
  }
  const std::lock_guard lock(mutex_);
  broken_ = true;
  if (std::exchange(hold_, false)) RemoveHold();
}

void Stream::OnWriteDone(bool ok) {
  const std::lock_guard lock(mutex_);
  queue_.pop_front();
  if (!ok) {
    broken_ = true;
    queue_.clear();
  }
  if (!queue_.empty() && !broken_) StartWrite(&queue_.front());
}

void Stream::OnDone(const grpc::Status& status) {
  std::shared_ptr<Stream> self = std::move(self_);
  {
    const std::lock_guard lock(mutex_);
    status_ = status;
  }
  done_.store(true);
}

}  // namespace antiphon::edge
