// SPDX-License-Identifier: Apache-2.0
#include "edge/port/internal_clock.h"

#include <cmath>

#include "absl/strings/str_cat.h"

namespace antiphon::edge {

absl::StatusOr<InternalClock> InternalClock::Create(const Options& options) {
  // Written so that NaN is refused too.
  if (!(options.tempo >= kMinTempo && options.tempo <= kMaxTempo)) {
    return absl::InvalidArgumentError(
        absl::StrCat("tempo ", options.tempo, " is not in ", kMinTempo, "..",
                     kMaxTempo, " quarter notes a minute"));
  }
  return InternalClock(options);
}

std::optional<TimedMessage> InternalClock::Next() {
  const int64_t message = given_++;
  const MonoTime lead = options_.start - StartLead();
  if (message == 0) return TimedMessage{lead, MidiMessage::SongPosition(0)};
  if (message == 1) return TimedMessage{lead, MidiMessage::Start()};
  const auto pulse = static_cast<double>(message - 2);
  const double nanos = pulse * 60e9 / (24 * options_.tempo);
  return TimedMessage{
      MonoTime::FromNanos(options_.start.nanos() + std::llround(nanos)),
      MidiMessage::Clock()};
}

}  // namespace antiphon::edge
