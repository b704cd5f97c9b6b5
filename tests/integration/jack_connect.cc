// SPDX-License-Identifier: Apache-2.0
#include "tests/integration/jack_connect.h"

#include "absl/strings/str_cat.h"
#include "common/rt/clock.h"

namespace antiphon::testing {
namespace {

constexpr jack_nframes_t kPeriods = 10;
const absl::Duration kPatience = absl::Seconds(1);

}  // namespace

absl::Status ConnectJackPorts(jack_client_t* client, const std::string& from,
                              const std::string& to) {
  if (jack_connect(client, from.c_str(), to.c_str()) != 0) {
    return absl::NotFoundError(absl::StrCat("JACK ports ", from, " and ", to));
  }
  const jack_nframes_t asked = jack_frame_time(client);
  const jack_nframes_t wait = kPeriods * jack_get_buffer_size(client);
  const MonoTime give_up = rt::Now() + kPatience;
  while (jack_frame_time(client) - asked < wait && rt::Now() < give_up) {
    rt::SleepUntil(rt::Now() + absl::Milliseconds(1));
  }
  return absl::OkStatus();
}

}  // namespace antiphon::testing
