// SPDX-License-Identifier: Apache-2.0
//
// A metronome as the host: song position 0, START, then 24 clocks per quarter
// note at one tempo, without end. Pulse n is at start + n / (24 * tempo)
// minutes, so rounding never adds up.
#ifndef ANTIPHON_EDGE_PORT_INTERNAL_CLOCK_H_
#define ANTIPHON_EDGE_PORT_INTERNAL_CLOCK_H_

#include <cstdint>
#include <optional>

#include "absl/status/statusor.h"
#include "edge/port/performer.h"

namespace antiphon::edge {

class InternalClock : public Performer {
 public:
  struct Options {
    MonoTime start{};    // of pulse 0
    double tempo = 120;  // kMinTempo..kMaxTempo
  };

  static absl::StatusOr<InternalClock> Create(const Options& options);

  std::optional<TimedMessage> Next() override;

 private:
  explicit InternalClock(const Options& options) : options_(options) {}

  Options options_;
  int64_t given_ = 0;  // messages so far
};

}  // namespace antiphon::edge

#endif  // ANTIPHON_EDGE_PORT_INTERNAL_CLOCK_H_
