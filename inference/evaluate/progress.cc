// SPDX-License-Identifier: Apache-2.0
#include "inference/evaluate/progress.h"

#include <unistd.h>

#include <cstdio>
#include <utility>

#include "absl/strings/str_format.h"
#include "absl/time/time.h"
#include "common/rt/clock.h"

namespace antiphon::inference {
namespace {

constexpr char kClearLine[] = "\r\033[K";

}  // namespace

Progress::Progress(std::string part, size_t steps)
    : part_(std::move(part)),
      steps_(steps),
      terminal_(isatty(STDERR_FILENO) != 0),
      begin_(rt::Now()),
      next_(begin_ + absl::Seconds(1)) {}

Progress::~Progress() {
  if (shown_ && terminal_) std::fputs(kClearLine, stderr);
}

void Progress::Step() {
  ++done_;
  const MonoTime now = rt::Now();
  if (now < next_) return;
  next_ = now + absl::Seconds(terminal_ ? 1 : 30);
  shown_ = true;
  const double seconds_left = absl::ToDoubleSeconds(now - begin_) *
                              static_cast<double>(steps_ - done_) /
                              static_cast<double>(done_);
  absl::FPrintF(stderr, "%sevaluate: %s, %d of %d, %.0f s left%s",
                terminal_ ? kClearLine : "", part_, done_, steps_, seconds_left,
                terminal_ ? "" : "\n");
  std::fflush(stderr);
}

}  // namespace antiphon::inference
