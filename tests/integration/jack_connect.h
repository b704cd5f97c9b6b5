// SPDX-License-Identifier: Apache-2.0
//
// Connects two JACK ports by their full names and returns once messages pass:
// JACK makes a connection at the start of a period that follows, and loses what
// is sent before.
#ifndef ANTIPHON_TESTS_INTEGRATION_JACK_CONNECT_H_
#define ANTIPHON_TESTS_INTEGRATION_JACK_CONNECT_H_

#include <jack/jack.h>

#include <string>

#include "absl/status/status.h"

namespace antiphon::testing {

absl::Status ConnectJackPorts(jack_client_t* client, const std::string& from,
                              const std::string& to);

}  // namespace antiphon::testing

#endif  // ANTIPHON_TESTS_INTEGRATION_JACK_CONNECT_H_
