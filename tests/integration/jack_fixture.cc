// SPDX-License-Identifier: Apache-2.0
#include "tests/integration/jack_fixture.h"

#include <cstdlib>

#include "common/rt/clock.h"

namespace antiphon::testing {

void JackTest::SetUp() {
  auto server = JackServer::Start();
  if (server.ok()) {
    server_ = *std::move(server);
    return;
  }
  if (std::getenv("ANTIPHON_REQUIRE_JACK") != nullptr) {
    FAIL() << server.status().message();
  }
  GTEST_SKIP() << server.status().message();
}

bool JackTest::Eventually(const std::function<bool()>& condition,
                          absl::Duration patience) {
  const MonoTime give_up = rt::Now() + patience;
  while (!condition()) {
    if (rt::Now() > give_up) return false;
    rt::SleepUntil(rt::Now() + absl::Milliseconds(2));
  }
  return true;
}

}  // namespace antiphon::testing
