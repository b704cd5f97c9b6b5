// SPDX-License-Identifier: Apache-2.0
//
// Tests with a JACK server of their own. Where none can start they are skipped
// with the reason, or fail if the environment variable ANTIPHON_REQUIRE_JACK is
// set.
#ifndef ANTIPHON_TESTS_INTEGRATION_JACK_FIXTURE_H_
#define ANTIPHON_TESTS_INTEGRATION_JACK_FIXTURE_H_

#include <gtest/gtest.h>

#include <functional>
#include <memory>

#include "absl/time/time.h"
#include "tests/integration/jack_server.h"

namespace antiphon::testing {

class JackTest : public ::testing::Test {
 protected:
  void SetUp() override;

  // Polls until `condition` holds; false when it does not within `patience`.
  static bool Eventually(const std::function<bool()>& condition,
                         absl::Duration patience = absl::Seconds(5));

  std::unique_ptr<JackServer> server_;
};

}  // namespace antiphon::testing

#endif  // ANTIPHON_TESTS_INTEGRATION_JACK_FIXTURE_H_
