// SPDX-License-Identifier: Apache-2.0
//
// macOS. Only written: never compiled on a Mac, never run.
#include <mach/mach.h>
#include <mach/mach_time.h>
#include <mach/thread_policy.h>
#include <pthread.h>
#include <sys/mman.h>

#include <cerrno>
#include <cstdint>

#include "absl/strings/str_cat.h"
#include "common/rt/clock.h"
#include "common/rt/mul_div.h"

namespace antiphon::rt {
namespace {

// What a thread asks for: it wakes about once a millisecond, works for well
// under a tenth of one, and half a millisecond late is still in time.
constexpr int64_t kPeriodNanos = 1'000'000;
constexpr int64_t kComputationNanos = 100'000;
constexpr int64_t kConstraintNanos = 500'000;

// Nanoseconds per tick of the clock as a fraction: 125 / 3 on Apple silicon.
mach_timebase_info_data_t Timebase() {
  mach_timebase_info_data_t base{};
  mach_timebase_info(&base);
  return base;
}

const mach_timebase_info_data_t& FixedTimebase() {
  static const mach_timebase_info_data_t base = Timebase();  // fixed at boot
  return base;
}

int64_t TicksFromNanos(int64_t nanos) {
  const mach_timebase_info_data_t& base = FixedTimebase();
  return MulDivUp(nanos, base.denom, base.numer);
}

}  // namespace

MonoTime Now() {
  const mach_timebase_info_data_t& base = FixedTimebase();
  return MonoTime::FromNanos(MulDivDown(
      static_cast<int64_t>(mach_absolute_time()), base.numer, base.denom));
}

void SleepUntil(MonoTime until) {
  if (until.nanos() <= 0) return;
  const auto ticks = static_cast<uint64_t>(TicksFromNanos(until.nanos()));
  while (mach_wait_until(ticks) == KERN_ABORTED) {
  }
}

absl::Status RaisePriority() {
  thread_time_constraint_policy_data_t policy{};
  policy.period = static_cast<uint32_t>(TicksFromNanos(kPeriodNanos));
  policy.computation = static_cast<uint32_t>(TicksFromNanos(kComputationNanos));
  policy.constraint = static_cast<uint32_t>(TicksFromNanos(kConstraintNanos));
  policy.preemptible = TRUE;
  const kern_return_t error = thread_policy_set(
      pthread_mach_thread_np(pthread_self()), THREAD_TIME_CONSTRAINT_POLICY,
      reinterpret_cast<thread_policy_t>(&policy),
      THREAD_TIME_CONSTRAINT_POLICY_COUNT);
  if (error == KERN_SUCCESS) return absl::OkStatus();
  return absl::PermissionDeniedError(absl::StrCat(
      "time-constraint scheduling refused (error ", error,
      "): notes may leave late while the machine is busy. Remedy: close other "
      "programs that play or record sound"));
}

absl::Status LockMemory(const void* memory, size_t bytes) {
  if (mlock(memory, bytes) == 0) return absl::OkStatus();
  return absl::PermissionDeniedError(absl::StrCat(
      "cannot lock ", bytes, " bytes of memory (error ", errno,
      "). Remedy: ulimit -l unlimited, or raise vm.user_wire_limit by sysctl"));
}

}  // namespace antiphon::rt
