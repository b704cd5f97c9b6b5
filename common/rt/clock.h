// SPDX-License-Identifier: Apache-2.0
//
// The system calls of real time, all of them: reading the clock, sleeping until
// an instant, raising the calling thread's priority, keeping memory resident.
// One file per system: clock_posix.cc, clock_windows.cc, clock_macos.cc. Any
// thread.
#ifndef ANTIPHON_COMMON_RT_CLOCK_H_
#define ANTIPHON_COMMON_RT_CLOCK_H_

#include <cstddef>

#include "absl/status/status.h"
#include "common/time/mono_time.h"

namespace antiphon::rt {

// Real-time safe.
MonoTime Now();

// Returns at `until` or later, at once when it has passed. Real-time safe.
void SleepUntil(MonoTime until);

// Real time for the calling thread: SCHED_FIFO, or what the system has for
// audio. The error says what to grant.
absl::Status RaisePriority();

// Keeps [memory, memory + bytes) resident so that touching it never waits for
// the disk. Best effort: the error says what to grant.
absl::Status LockMemory(const void* memory, size_t bytes);

}  // namespace antiphon::rt

#endif  // ANTIPHON_COMMON_RT_CLOCK_H_
