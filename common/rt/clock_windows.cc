// SPDX-License-Identifier: Apache-2.0
//
// Windows 10 1803 or later. Compiled in the tests, never run.
#define NOMINMAX
#define WIN32_LEAN_AND_MEAN
#include <windows.h>
// After windows.h, whose types it needs.
#include <avrt.h>

#include <cstdint>

#include "absl/strings/str_cat.h"
#include "common/rt/clock.h"
#include "common/rt/mul_div.h"

namespace antiphon::rt {
namespace {

constexpr int64_t kNanosPerSecond = 1'000'000'000;
// SetWaitableTimer's unit.
constexpr int64_t kNanosPerTimerUnit = 100;
// CREATE_WAITABLE_TIMER_HIGH_RESOLUTION, which mingw-w64 10 does not name:
// without it a sleep is rounded up to the system's tick of up to 15.6 ms.
constexpr DWORD kHighResolution = 0x2;

// A timer of the calling thread; the first sleep of a thread makes it.
class Timer {
 public:
  Timer()
      : handle_(CreateWaitableTimerExW(nullptr, nullptr, kHighResolution,
                                       TIMER_ALL_ACCESS)) {}
  ~Timer() {
    if (handle_ != nullptr) CloseHandle(handle_);
  }
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  // May return early. Relative, because a timer's absolute time is the wall
  // clock's, which the user may set.
  void Wait(int64_t nanos) const {
    LARGE_INTEGER due;
    due.QuadPart = -MulDivUp(nanos, 1, kNanosPerTimerUnit);
    if (handle_ == nullptr ||
        !SetWaitableTimer(handle_, &due, 0, nullptr, nullptr, FALSE)) {
      Sleep(1);  // an older Windows: coarse, but music
      return;
    }
    WaitForSingleObject(handle_, INFINITE);
  }

 private:
  const HANDLE handle_;
};

int64_t CounterFrequency() {
  LARGE_INTEGER frequency;
  QueryPerformanceFrequency(&frequency);
  return frequency.QuadPart;
}

// Lets the process hold `bytes` more in memory; the default is 200 KB in all.
bool GrowWorkingSet(size_t bytes) {
  const HANDLE process = GetCurrentProcess();
  SIZE_T smallest = 0;
  SIZE_T largest = 0;
  return GetProcessWorkingSetSize(process, &smallest, &largest) &&
         SetProcessWorkingSetSize(process, smallest + bytes, largest + bytes);
}

}  // namespace

MonoTime Now() {
  static const int64_t frequency = CounterFrequency();  // fixed at boot
  LARGE_INTEGER ticks;
  QueryPerformanceCounter(&ticks);
  return MonoTime::FromNanos(
      MulDivDown(ticks.QuadPart, kNanosPerSecond, frequency));
}

void SleepUntil(MonoTime until) {
  thread_local const Timer timer;
  for (MonoTime now = Now(); now < until; now = Now()) {
    timer.Wait(until.nanos() - now.nanos());
  }
}

absl::Status RaisePriority() {
  // The class of audio programs, above every ordinary thread; it ends with the
  // thread.
  DWORD task = 0;
  if (AvSetMmThreadCharacteristicsW(L"Pro Audio", &task) != nullptr) {
    return absl::OkStatus();
  }
  return absl::PermissionDeniedError(absl::StrCat(
      "real-time priority Pro Audio refused (error ", GetLastError(),
      "): notes may leave late while the machine is busy. Remedy: start the "
      "service Multimedia Class Scheduler (MMCSS)"));
}

absl::Status LockMemory(const void* memory, size_t bytes) {
  void* const start = const_cast<void*>(memory);  // is not written
  if (VirtualLock(start, bytes) ||
      (GrowWorkingSet(bytes) && VirtualLock(start, bytes))) {
    return absl::OkStatus();
  }
  return absl::PermissionDeniedError(absl::StrCat(
      "cannot lock ", bytes, " bytes of memory (error ", GetLastError(),
      "). Remedy: grant the user the right Increase a process working set"));
}

}  // namespace antiphon::rt
