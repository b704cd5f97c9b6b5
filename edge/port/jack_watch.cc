// SPDX-License-Identifier: Apache-2.0
#include "edge/port/jack_watch.h"

#include <string_view>

#ifdef __unix__
#include <dlfcn.h>
#endif

namespace antiphon::edge {
namespace {

// The part of libjack's interface that is used, with its C types.
struct LibJack {
  void* (*client_open)(const char*, int, int*, ...) = nullptr;
  int (*client_close)(void*) = nullptr;
  void (*on_shutdown)(void*, void (*)(void*), void*) = nullptr;
  int (*set_process)(void*, int (*)(uint32_t, void*), void*) = nullptr;
  int (*set_registration)(void*, void (*)(uint32_t, int, void*),
                          void*) = nullptr;
  int (*set_connection)(void*, void (*)(uint32_t, uint32_t, int, void*),
                        void*) = nullptr;
  int (*activate)(void*) = nullptr;
  void* (*port_by_id)(void*, uint32_t) = nullptr;
  const char* (*port_name)(const void*) = nullptr;
  void* (*port_by_name)(void*, const char*) = nullptr;
  const char** (*connections)(void*, const void*) = nullptr;
  void (*free)(void*) = nullptr;

  bool complete() const {
    return client_open && client_close && on_shutdown && set_process &&
           set_registration && set_connection && activate && port_by_id &&
           port_name && port_by_name && connections && free;
  }
};

constexpr int kNoStartServer = 1;

// Whether the port called "CLIENT:PORT" is `port` within its client.
bool IsNamed(std::string_view full_name, const std::string& port) {
  return full_name.ends_with(":" + port);
}

template <typename Function>
void Find(const char* name, Function& function) {
#ifdef __unix__
  function = reinterpret_cast<Function>(dlsym(RTLD_DEFAULT, name));
#else
  (void)name;
  (void)function;
#endif
}

const LibJack& Jack() {
  static const LibJack jack = [] {
    LibJack found;
    Find("jack_client_open", found.client_open);
    Find("jack_client_close", found.client_close);
    Find("jack_on_shutdown", found.on_shutdown);
    Find("jack_set_process_callback", found.set_process);
    Find("jack_set_port_registration_callback", found.set_registration);
    Find("jack_set_port_connect_callback", found.set_connection);
    Find("jack_activate", found.activate);
    Find("jack_port_by_id", found.port_by_id);
    Find("jack_port_name", found.port_name);
    Find("jack_port_by_name", found.port_by_name);
    Find("jack_port_get_all_connections", found.connections);
    Find("jack_free", found.free);
    return found;
  }();
  return jack;
}

}  // namespace

JackWatch::~JackWatch() { Close(); }

void JackWatch::Open() {
  const LibJack& jack = Jack();
  if (client_ != nullptr || !jack.complete()) return;
  client_ = jack.client_open("Antiphon Watch", kNoStartServer, nullptr);
  if (client_ == nullptr) return;
  deaths_at_open_ = deaths();
  jack.on_shutdown(client_, &JackWatch::OnShutdown, this);
  jack.set_process(client_, &JackWatch::OnCycle, this);
  jack.set_registration(client_, &JackWatch::OnRegistration, this);
  jack.set_connection(client_, &JackWatch::OnConnection, this);
  if (jack.activate(client_) != 0) return Close();
  open_.store(true, std::memory_order_release);
}

void JackWatch::CloseIfDead() {
  if (client_ != nullptr && deaths() != deaths_at_open_) Close();
}

void JackWatch::Close() {
  if (client_ == nullptr) return;
  open_.store(false, std::memory_order_release);
  Jack().client_close(client_);
  client_ = nullptr;
}

uint64_t JackWatch::gone() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return gone_count_;
}

bool JackWatch::HasGone(const std::string& port, uint64_t since) const {
  std::lock_guard<std::mutex> lock(mutex_);
  for (const auto& [number, name] : gone_) {
    if (number > since && name == port) return true;
  }
  return false;
}

bool JackWatch::AreConnected(const std::string& port,
                             const std::string& short_name) const {
  const LibJack& jack = Jack();
  void* found = jack.port_by_name(client_, port.c_str());
  const char** names =
      found == nullptr ? nullptr : jack.connections(client_, found);
  if (names == nullptr) return false;
  bool connected = false;
  for (const char** name = names; *name != nullptr; ++name) {
    connected = connected || IsNamed(*name, short_name);
  }
  jack.free(names);
  return connected;
}

void JackWatch::OnShutdown(void* self) {
  static_cast<JackWatch*>(self)->deaths_.fetch_add(1,
                                                   std::memory_order_release);
}

int JackWatch::OnCycle(uint32_t /*frames*/, void* self) {
  static_cast<JackWatch*>(self)->cycles_.fetch_add(1,
                                                   std::memory_order_relaxed);
  return 0;
}

// JACK's notification thread.
void JackWatch::OnRegistration(uint32_t port, int appeared, void* self) {
  if (appeared != 0) return;
  auto* watch = static_cast<JackWatch*>(self);
  // A port that has just gone still has its name.
  void* gone = Jack().port_by_id(watch->client_, port);
  const char* name = gone == nullptr ? nullptr : Jack().port_name(gone);
  std::lock_guard<std::mutex> lock(watch->mutex_);
  watch->gone_.emplace_back(++watch->gone_count_, name == nullptr ? "" : name);
  if (watch->gone_.size() > kMaxGone) watch->gone_.pop_front();
}

// JACK's notification thread.
void JackWatch::OnConnection(uint32_t one, uint32_t other, int made,
                             void* self) {
  if (made == 0) return;
  auto* watch = static_cast<JackWatch*>(self);
  // JACK does not promise which of the two is the source.
  if (watch->IsOutput(one) || watch->IsOutput(other)) {
    watch->joined_.fetch_add(1, std::memory_order_release);
  }
}

bool JackWatch::IsOutput(uint32_t port) const {
  void* found = Jack().port_by_id(client_, port);
  const char* name = found == nullptr ? nullptr : Jack().port_name(found);
  return name != nullptr && IsNamed(name, output_);
}

}  // namespace antiphon::edge
