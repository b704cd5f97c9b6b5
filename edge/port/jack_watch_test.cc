// SPDX-License-Identifier: Apache-2.0
#include "edge/port/jack_watch.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <string>

namespace {

using Notify = void (*)(uint32_t, uint32_t, int, void*);

// What the watch has told the libjack below.
struct FakeJack {
  Notify on_connection = nullptr;
  void* watch = nullptr;
};
FakeJack fake;

// By their numbers.
constexpr std::array<const char*, 4> kPorts = {"Antiphon Out:Antiphon Out",
                                               "piano:in", "keys:out",
                                               "keys:Not Antiphon Out"};

}  // namespace

// The watch finds these before those of the real library.
extern "C" {
void* jack_client_open(const char* /*name*/, int /*options*/, int* /*status*/,
                       ...) {
  return &fake;
}
int jack_client_close(void* /*client*/) { return 0; }
void jack_on_shutdown(void* /*client*/, void (*)(void*), void* /*self*/) {}
int jack_set_process_callback(void* /*client*/, int (*)(uint32_t, void*),
                              void* /*self*/) {
  return 0;
}
int jack_set_port_registration_callback(void* /*client*/,
                                        void (*)(uint32_t, int, void*),
                                        void* /*self*/) {
  return 0;
}
int jack_set_port_connect_callback(void* /*client*/, Notify notify,
                                   void* self) {
  fake = {notify, self};
  return 0;
}
int jack_activate(void* /*client*/) { return 0; }
void* jack_port_by_id(void* /*client*/, uint32_t id) {
  return id < kPorts.size() ? const_cast<const char**>(&kPorts[id]) : nullptr;
}
const char* jack_port_name(const void* port) {
  return *static_cast<const char* const*>(port);
}
void* jack_port_by_name(void* /*client*/, const char* /*name*/) {
  return nullptr;
}
const char** jack_port_get_all_connections(void* /*client*/,
                                           const void* /*port*/) {
  return nullptr;
}
void jack_free(void* /*memory*/) {}
}

namespace antiphon::edge {
namespace {

class JackWatchTest : public ::testing::Test {
 protected:
  JackWatchTest() { watch_.Open(); }

  // How many more have joined since.
  uint64_t Joined(uint32_t one, uint32_t other, bool made = true) {
    const uint64_t before = watch_.joined();
    fake.on_connection(one, other, made ? 1 : 0, fake.watch);
    return watch_.joined() - before;
  }

  JackWatch watch_{"Antiphon Out"};
};

TEST_F(JackWatchTest, WhoConnectsIsCountedWhicheverPortIsToldFirst) {
  ASSERT_TRUE(watch_.is_open());
  EXPECT_EQ(Joined(0, 1), 1u);
  EXPECT_EQ(Joined(1, 0), 1u);
}

TEST_F(JackWatchTest, NobodyJoinsWhereOthersConnectOrSomebodyLeaves) {
  ASSERT_TRUE(watch_.is_open());
  EXPECT_EQ(Joined(2, 1), 0u);
  EXPECT_EQ(Joined(3, 1), 0u);
  EXPECT_EQ(Joined(0, 1, false), 0u);
  EXPECT_EQ(Joined(99, 98), 0u) << "ports that are no more";
}

}  // namespace
}  // namespace antiphon::edge
