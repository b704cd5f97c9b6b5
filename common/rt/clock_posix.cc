// SPDX-License-Identifier: Apache-2.0
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <time.h>

#include <cerrno>
#include <cstdint>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "common/rt/clock.h"

namespace antiphon::rt {
namespace {

constexpr int64_t kNanosPerSecond = 1'000'000'000;
// Above ordinary threads and below the audio server's own (JACK: 70).
constexpr int kFifoPriority = 60;

}  // namespace

MonoTime Now() {
  timespec ts{};
  clock_gettime(CLOCK_MONOTONIC, &ts);
  return MonoTime::FromNanos(int64_t{ts.tv_sec} * kNanosPerSecond +
                             int64_t{ts.tv_nsec});
}

void SleepUntil(MonoTime until) {
  if (until.nanos() <= 0) return;
  timespec ts{};
  ts.tv_sec = static_cast<time_t>(until.nanos() / kNanosPerSecond);
  ts.tv_nsec = static_cast<long>(until.nanos() % kNanosPerSecond);
  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, nullptr) ==
         EINTR) {
  }
}

absl::Status RaisePriority() {
  sched_param param{};
  param.sched_priority = kFifoPriority;
  const int error = pthread_setschedparam(pthread_self(), SCHED_FIFO, &param);
  if (error == 0) return absl::OkStatus();
  return absl::PermissionDeniedError(absl::StrCat(
      "real-time priority ", kFifoPriority, " refused (", std::strerror(error),
      "): notes may leave late while the machine is busy. Remedy: put "
      "\"@audio - rtprio 70\" into /etc/security/limits.d/antiphon.conf, be in "
      "the group audio and log in anew, or run with CAP_SYS_NICE"));
}

absl::Status LockMemory(const void* memory, size_t bytes) {
  if (mlock(memory, bytes) == 0) return absl::OkStatus();
  return absl::PermissionDeniedError(absl::StrCat(
      "cannot lock ", bytes, " bytes into memory (", std::strerror(errno),
      "): a note may wait for the disk while memory is short. Remedy: put "
      "\"@audio - memlock 65536\" into /etc/security/limits.d/antiphon.conf, "
      "be in the group audio and log in anew, or run with CAP_IPC_LOCK"));
}

}  // namespace antiphon::rt
