// SPDX-License-Identifier: Apache-2.0
//
// The network between edge and service in virtual time: serialized messages
// take a while, each direction its own, never overtake each other within one
// stream, and are lost only together with it. Seeded.
//
// What goes wrong is written down beforehand as troubles, each with its time,
// so that whoever judges a run knows which bars had a fair chance.
#ifndef ANTIPHON_TESTS_SIM_FAKE_NETWORK_H_
#define ANTIPHON_TESTS_SIM_FAKE_NETWORK_H_

#include <deque>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "edge/client/message_stream.h"

namespace antiphon::sim {

// One direction. A message takes at least `least`; what comes on top is spread
// evenly up to `spread`, and with chance `spike` it is `spike_delay` more.
struct Delay {
  absl::Duration least = absl::Milliseconds(2);
  absl::Duration spread = absl::ZeroDuration();
  double spike = 0;
  absl::Duration spike_delay = absl::ZeroDuration();

  absl::Duration Most() const { return least + spread + spike_delay; }
};

struct Trouble {
  enum class Kind {
    kDown,    // streams break, nobody can connect
    kFrozen,  // nothing arrives until it is over
    kDeaf,    // the service takes jobs and never answers
    kRefuse,  // the service refuses jobs
    kSlow,    // the service answers up to kSlowest later, whatever it is told
    kTwice,   // the service sends every chunk twice; harms nobody
    kFate,    // a test's own doing to a job that arrives then
  };
  static constexpr absl::Duration kSlowest = absl::Seconds(6);
  Kind kind = Kind::kDown;
  MonoTime from;
  MonoTime to;
};

struct NetworkScript {
  uint64_t seed = 1;
  Delay up{};
  Delay down{};
  std::vector<Trouble> troubles{};  // by `from`
  // The service's pace: to the first note, and from one to the next.
  absl::Duration think = absl::Milliseconds(5);
  absl::Duration per_note = absl::Milliseconds(1);

  bool Is(Trouble::Kind kind, MonoTime at) const;
};

class FakeNetwork {
 public:
  using StreamId = uint64_t;

  // The service's end of every stream.
  class Listener {
   public:
    virtual ~Listener() = default;
    virtual void OnBytes(StreamId stream, const std::string& bytes) = 0;
    virtual void OnBroken(StreamId stream) = 0;
  };

  // `now` is the world's clock.
  FakeNetwork(const NetworkScript* script, const MonoTime* now);

  void set_listener(Listener* listener) { listener_ = listener; }
  std::shared_ptr<edge::MessageStream> Connect(
      v1::EdgeMessage hello, edge::MessageStream::OnMessage on_message);
  // From the service; to a stream that is broken it goes nowhere.
  void ToEdge(StreamId stream, std::string bytes);
  // What was sent before arrives no more.
  void Break(StreamId stream);

  MonoTime NextEvent() const;
  // What is due by now arrives.
  void Run();

  // Of all bytes that arrived, with their times and ways.
  uint64_t hash() const { return hash_; }
  uint64_t delivered() const { return delivered_; }

 private:
  struct Packet {
    MonoTime at;
    std::string bytes;
  };
  struct Pipe {
    std::deque<Packet> packets;
    MonoTime last;  // arrival of the newest: no overtaking
  };
  class Stream;

  void Send(Pipe& pipe, const Delay& delay, std::string bytes);
  void Deliver(Stream& stream, bool up);
  void Break(Stream& stream);

  const NetworkScript* const script_;
  const MonoTime* const now_;
  Listener* listener_ = nullptr;
  std::mt19937_64 random_;
  std::vector<std::shared_ptr<Stream>> streams_;  // that are not over
  StreamId next_id_ = 1;
  uint64_t hash_ = 0xcbf29ce484222325u;
  uint64_t delivered_ = 0;
};

}  // namespace antiphon::sim

#endif  // ANTIPHON_TESTS_SIM_FAKE_NETWORK_H_
