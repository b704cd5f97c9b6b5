// SPDX-License-Identifier: Apache-2.0
//
// What RtMidi does not tell of JACK: that the server has ended, which ports
// have gone, who has connected to the output, and that the server still turns.
// A JACK client of its own without ports, shared by all ports of the process.
// libjack is RtMidi's dependency, not ours, and may be absent: its functions
// are looked up by name, and where they are missing, or no server runs, this
// knows nothing and harms nothing.
//
// Open(), CloseIfDead(), AreConnected(): one thread at a time, they wait for
// the server. The rest: any thread; cycles(), deaths(), joined() and is_open()
// are real-time safe. Remembers the last kMaxGone ports.
#ifndef ANTIPHON_EDGE_PORT_JACK_WATCH_H_
#define ANTIPHON_EDGE_PORT_JACK_WATCH_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <utility>

namespace antiphon::edge {

class JackWatch {
 public:
  static constexpr size_t kMaxGone = 256;

  // `output`: the name within its client of the port whose listeners count, of
  // whichever client: RtMidi does not tell what JACK has called its own, and of
  // two edges on one server the second gets another name.
  explicit JackWatch(std::string output) : output_(std::move(output)) {}
  ~JackWatch();
  JackWatch(const JackWatch&) = delete;
  JackWatch& operator=(const JackWatch&) = delete;

  // No effect while open.
  void Open();
  // A client of a dead server stands in the way of the next server.
  void CloseIfDead();

  // While open: whether `port`, by its full name, is connected to one whose
  // name within its client is `short_name`.
  bool AreConnected(const std::string& port,
                    const std::string& short_name) const;

  bool is_open() const { return open_.load(std::memory_order_acquire); }
  // Periods that the server has run; grows while it lives.
  uint64_t cycles() const { return cycles_.load(std::memory_order_relaxed); }
  // Servers that have ended under this client.
  uint64_t deaths() const { return deaths_.load(std::memory_order_acquire); }
  // Connections that were made with a port of the output's name: this edge's
  // or that of another on the same server. JACK passes messages on from the
  // start of a period that follows.
  uint64_t joined() const { return joined_.load(std::memory_order_acquire); }
  // How many ports have gone, and whether `port` was one of those after the
  // first `since`.
  uint64_t gone() const;
  bool HasGone(const std::string& port, uint64_t since) const;

 private:
  static void OnShutdown(void* self);
  static int OnCycle(uint32_t frames, void* self);
  static void OnRegistration(uint32_t port, int appeared, void* self);
  static void OnConnection(uint32_t one, uint32_t other, int made, void* self);
  bool IsOutput(uint32_t port) const;
  void Close();

  const std::string output_;
  void* client_ = nullptr;
  std::atomic<bool> open_{false};
  std::atomic<uint64_t> cycles_{0};
  std::atomic<uint64_t> deaths_{0};
  std::atomic<uint64_t> joined_{0};
  uint64_t deaths_at_open_ = 0;
  mutable std::mutex mutex_;
  std::deque<std::pair<uint64_t, std::string>> gone_;  // guarded by mutex_
  uint64_t gone_count_ = 0;                            // guarded by mutex_
};

}  // namespace antiphon::edge

#endif  // ANTIPHON_EDGE_PORT_JACK_WATCH_H_
