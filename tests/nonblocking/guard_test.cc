// SPDX-License-Identifier: Apache-2.0
//
// The guard itself: each hook fires where it is forbidden and is silent where
// it is not, or what it proves would be worth nothing.
#include "tests/nonblocking/guard.h"

#include <gtest/gtest.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <ostream>
#include <shared_mutex>
#include <stdexcept>
#include <string>
#include <thread>

#include "common/log.h"
#include "common/rt/clock.h"
#include "common/rt/spsc_ring.h"
#include "tests/system_calls.h"

namespace antiphon::testing {
namespace {

void* volatile sink = nullptr;  // keeps the compiler from leaving out pairs
void* prepared = nullptr;       // allocated before
std::mutex mutex;
std::shared_mutex shared_mutex;
std::condition_variable condition;
pthread_mutex_t plain_mutex = PTHREAD_MUTEX_INITIALIZER;
pthread_cond_t plain_condition = PTHREAD_COND_INITIALIZER;
const timespec past = {};

struct Offence {
  const char* name;
  void (*commit)();
  const char* told;
};

void PrintTo(const Offence& offence, std::ostream* out) {
  *out << offence.name;
}

class Hooks : public ::testing::TestWithParam<Offence> {
 protected:
  void SetUp() override {
    if (!kHooksWork) GTEST_SKIP() << "the sanitizer owns these functions";
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    prepared = malloc(64);
  }
};

const Offence kOffences[] = {
    {"Malloc", [] { sink = malloc(8); }, "malloc"},
    {"Calloc", [] { sink = calloc(8, 8); }, "calloc"},
    {"Realloc", [] { sink = realloc(prepared, 128); }, "realloc"},
    {"Free", [] { free(prepared); }, "free"},
    {"AlignedAlloc", [] { sink = aligned_alloc(64, 64); }, "aligned_alloc"},
    {"PosixMemalign",
     [] {
       void* memory = nullptr;
       if (posix_memalign(&memory, 64, 64) == 0) sink = memory;
     },
     "posix_memalign"},
    {"New", [] { sink = ::operator new(8); }, "malloc"},
    {"Delete", [] { ::operator delete(prepared); }, "free"},
    {"Text", [] { sink = new std::string(100, 'x'); }, "malloc"},
    {"Exception",
     [] {
       try {
         throw std::runtime_error("");
       } catch (const std::runtime_error&) {
       }
     },
     "malloc"},
    {"Log", [] { LogInfo("a note leaves"); }, "malloc"},
    {"Lock", [] { mutex.lock(); }, "pthread_mutex_lock"},
    {"TryLock", [] { sink = mutex.try_lock() ? prepared : nullptr; },
     "pthread_mutex_trylock"},
    {"TimedLock", [] { pthread_mutex_timedlock(&plain_mutex, &past); },
     "pthread_mutex_timedlock"},
    {"SharedLock", [] { shared_mutex.lock_shared(); }, "pthread_rwlock_rdlock"},
    {"ExclusiveLock", [] { shared_mutex.lock(); }, "pthread_rwlock_wrlock"},
    {"Notify", [] { condition.notify_one(); }, "pthread_cond_signal"},
    {"NotifyAll", [] { condition.notify_all(); }, "pthread_cond_broadcast"},
    {"Wait", [] { pthread_cond_wait(&plain_condition, &plain_mutex); },
     "pthread_cond_wait"},
    {"TimedWait",
     [] { pthread_cond_timedwait(&plain_condition, &plain_mutex, &past); },
     "pthread_cond_timedwait"},
    {"ClockWait",
     [] {
       pthread_cond_clockwait(&plain_condition, &plain_mutex, CLOCK_MONOTONIC,
                              &past);
     },
     "pthread_cond_clockwait"},
};

TEST_P(Hooks, FireWhereForbidden) {
  const Offence& offence = GetParam();
  EXPECT_DEATH(
      {
        ForbidBlocking();
        offence.commit();
      },
      std::string("nonblocking section: ") + offence.told + "\n");
}

INSTANTIATE_TEST_SUITE_P(All, Hooks, ::testing::ValuesIn(kOffences),
                         [](const ::testing::TestParamInfo<Offence>& offence) {
                           return std::string(offence.param.name);
                         });

TEST(HooksElsewhere, StaySilent) {
  std::atomic<int> turn{0};
  std::thread other([&turn] {
    while (turn.load() < 1) {
    }
    const std::string text(100, 'x');
    const std::lock_guard lock(mutex);
    turn.store(text.size() == 100 ? 2 : 3);
  });
  {
    const NonblockingSection section;
    turn.store(1);
    while (turn.load() == 1) {
    }
  }
  other.join();
  const std::string text(100, 'x');
  EXPECT_EQ(turn.load(), 2);
}

struct Call {
  const char* name;
  void (*make)();
  bool permitted;
};

void PrintTo(const Call& call, std::ostream* out) { *out << call.name; }

class SystemCalls : public ::testing::TestWithParam<Call> {
 protected:
  void SetUp() override {
    if (!kHooksWork) GTEST_SKIP() << "the sanitizer makes calls of its own";
    if (!HasSystemCallFilters()) GTEST_SKIP() << "no seccomp on this system";
    GTEST_FLAG_SET(death_test_style, "threadsafe");
  }
};

const Call kCalls[] = {
    {"GetPid", [] { syscall(SYS_getpid); }, false},
    {"Yield", [] { sched_yield(); }, false},
    {"Futex", [] { syscall(SYS_futex, &plain_mutex, 1, 1, 0, 0, 0); }, false},
    {"Read",
     [] {
       char byte;
       if (read(STDIN_FILENO, &byte, 0) < 0) return;
     },
     false},
    {"Priority", [] { rt::RaisePriority().IgnoreError(); }, false},
    {"Sleep", [] { rt::SleepUntil(rt::Now() + absl::Microseconds(10)); }, true},
    {"Write",
     [] {
       if (write(STDERR_FILENO, "", 0) < 0) return;
     },
     true},
};

// The thread's end is permitted as well.
void InFilteredThread(void (*make)()) {
  std::thread([make] {
    ForbidSystemCalls();
    make();
  }).join();
  _exit(0);
}

TEST_P(SystemCalls, EndTheProcessUnlessPermitted) {
  const Call& call = GetParam();
  if (call.permitted) {
    EXPECT_EXIT(InFilteredThread(call.make), ::testing::ExitedWithCode(0), "");
  } else {
    EXPECT_DEATH(InFilteredThread(call.make),
                 "nonblocking section: system call");
  }
}

INSTANTIATE_TEST_SUITE_P(All, SystemCalls, ::testing::ValuesIn(kCalls),
                         [](const ::testing::TestParamInfo<Call>& call) {
                           return std::string(call.param.name);
                         });

// Why no ring of the real-time path may be emptied by PopWithin.
TEST(RingUnderGuard, APushThatWakesASleeperIsASystemCall) {
  if (!kHooksWork) GTEST_SKIP() << "the sanitizer makes calls of its own";
  if (!HasSystemCallFilters()) GTEST_SKIP() << "no seccomp on this system";
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      {
        SpscRing<int> ring(8);
        std::thread sleeper([&ring] {
          int value = 0;
          ring.PopWithin(value, absl::Seconds(5));
        });
        rt::SleepUntil(rt::Now() + absl::Milliseconds(100));
        ForbidSystemCalls();
        ring.TryPush(1);
        sleeper.join();
      },
      "nonblocking section: system call");
}

}  // namespace
}  // namespace antiphon::testing
