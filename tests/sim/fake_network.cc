// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/fake_network.h"

#include <algorithm>
#include <utility>

namespace antiphon::sim {
namespace {

absl::Duration Draw(const Delay& delay, std::mt19937_64& random) {
  const auto fraction = [&random] {
    return static_cast<double>(random() >> 11) * 0x1p-53;
  };
  const bool spike = fraction() < delay.spike;
  return delay.least + fraction() * delay.spread +
         (spike ? delay.spike_delay : absl::ZeroDuration());
}

}  // namespace

bool NetworkScript::Is(Trouble::Kind kind, MonoTime at) const {
  return std::any_of(
      troubles.begin(), troubles.end(), [&](const Trouble& trouble) {
        return trouble.kind == kind && trouble.from <= at && at < trouble.to;
      });
}

// The edge's end. Broken by the network, or by the edge's own Cancel().
class FakeNetwork::Stream : public edge::MessageStream {
 public:
  Stream(FakeNetwork* network, StreamId id, OnMessage on_message)
      : network_(network), id_(id), on_message_(std::move(on_message)) {}

  bool Write(v1::EdgeMessage message) override {
    if (broken_) return false;
    network_->Send(up_, network_->script_->up, message.SerializeAsString());
    return true;
  }
  void Cancel() override { network_->Break(*this); }
  bool done() const override { return broken_; }
  std::string error() const override { return "the simulated network broke"; }

 private:
  friend class FakeNetwork;

  FakeNetwork* const network_;
  const StreamId id_;
  const OnMessage on_message_;
  Pipe up_;
  Pipe down_;
  bool broken_ = false;
};

FakeNetwork::FakeNetwork(const NetworkScript* script, const MonoTime* now)
    : script_(script), now_(now), random_(script->seed) {}

std::shared_ptr<edge::MessageStream> FakeNetwork::Connect(
    v1::EdgeMessage hello, edge::MessageStream::OnMessage on_message) {
  streams_.push_back(
      std::make_shared<Stream>(this, next_id_++, std::move(on_message)));
  const std::shared_ptr<Stream> stream = streams_.back();
  stream->Write(std::move(hello));
  return stream;
}

void FakeNetwork::ToEdge(StreamId stream, std::string bytes) {
  for (const auto& other : streams_) {
    if (other->id_ != stream || other->broken_) continue;
    return Send(other->down_, script_->down, std::move(bytes));
  }
}

void FakeNetwork::Break(StreamId stream) {
  for (const auto& other : streams_) {
    if (other->id_ == stream) Break(*other);
  }
}

void FakeNetwork::Send(Pipe& pipe, const Delay& delay, std::string bytes) {
  MonoTime at = std::max(*now_ + Draw(delay, random_), pipe.last);
  for (const Trouble& trouble : script_->troubles) {
    if (trouble.kind == Trouble::Kind::kFrozen && trouble.from <= at &&
        at < trouble.to) {
      at = trouble.to;
    }
  }
  pipe.last = at;
  pipe.packets.push_back({at, std::move(bytes)});
}

MonoTime FakeNetwork::NextEvent() const {
  MonoTime next = MonoTime::Max();
  if (streams_.empty()) return next;
  for (const Trouble& trouble : script_->troubles) {
    if (trouble.kind == Trouble::Kind::kDown && trouble.to > *now_) {
      next = std::min(next, std::max(trouble.from, *now_));
    }
  }
  for (const auto& stream : streams_) {
    for (const Pipe* pipe : {&stream->up_, &stream->down_}) {
      if (!pipe->packets.empty()) {
        next = std::min(next, pipe->packets.front().at);
      }
    }
  }
  return next;
}

void FakeNetwork::Run() {
  const std::vector<std::shared_ptr<Stream>> streams = streams_;
  const bool down = script_->Is(Trouble::Kind::kDown, *now_);
  for (const auto& stream : streams) {
    if (down) Break(*stream);
    Deliver(*stream, true);
    Deliver(*stream, false);
  }
  std::erase_if(streams_, [](const auto& stream) { return stream->broken_; });
}

void FakeNetwork::Deliver(Stream& stream, bool up) {
  Pipe& pipe = up ? stream.up_ : stream.down_;
  while (!stream.broken_ && !pipe.packets.empty() &&
         pipe.packets.front().at <= *now_) {
    const Packet packet = std::move(pipe.packets.front());
    pipe.packets.pop_front();
    ++delivered_;
    const auto mix = [this](uint64_t value) {  // FNV-1a
      hash_ = (hash_ ^ value) * 0x100000001b3u;
    };
    mix(static_cast<uint64_t>(packet.at.nanos()) * 2 + (up ? 1 : 0));
    for (const char byte : packet.bytes) mix(static_cast<uint8_t>(byte));
    if (up) {
      listener_->OnBytes(stream.id_, packet.bytes);
      continue;
    }
    v1::ServiceMessage message;
    if (message.ParseFromString(packet.bytes)) {
      stream.on_message_(message, packet.at);
    }
  }
}

void FakeNetwork::Break(Stream& stream) {
  if (std::exchange(stream.broken_, true)) return;
  stream.up_.packets.clear();
  stream.down_.packets.clear();
  listener_->OnBroken(stream.id_);
}

}  // namespace antiphon::sim
