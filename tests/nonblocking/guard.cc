// SPDX-License-Identifier: Apache-2.0
#include "tests/nonblocking/guard.h"

#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>

#include "tests/system_calls.h"

namespace antiphon::testing {
namespace {

constinit thread_local bool forbidden = false;

void Say(const char* text) {
  if (write(STDERR_FILENO, text, strlen(text)) < 0) return;
}

// Ends the process without a system call.
[[noreturn]] void Die(const char* what) {
  Say("nonblocking section: ");
  Say(what);
  Say("\n");
  __builtin_trap();
}

void OnSystemCall(int /*signal*/, siginfo_t* info, void* /*context*/) {
  char text[32] = "system call ";
  std::to_chars(text + strlen(text), text + sizeof(text) - 1, info->si_syscall);
  Die(text);
}

}  // namespace

void ForbidBlocking() { forbidden = true; }
void PermitBlocking() { forbidden = false; }

bool ForbidSystemCalls() {
  struct sigaction action = {};
  action.sa_sigaction = OnSystemCall;
  action.sa_flags = SA_SIGINFO;
  sigaction(SIGSYS, &action, nullptr);
  return AllowSystemCallsOnly({SYS_clock_nanosleep, SYS_clock_gettime,
                               SYS_write, SYS_madvise, SYS_rt_sigprocmask,
                               SYS_exit});
}

namespace {

[[maybe_unused]] void Check(const char* function) {
  if (!forbidden) return;
  forbidden = false;
  Die(function);
}

}  // namespace
}  // namespace antiphon::testing

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)

using antiphon::testing::Check;

extern "C" {

// ---- The heap: glibc's own functions stand behind these names ----

void* __libc_malloc(size_t size);
void* __libc_calloc(size_t count, size_t size);
void* __libc_realloc(void* memory, size_t size);
void* __libc_memalign(size_t alignment, size_t size);
void __libc_free(void* memory);

void* malloc(size_t size) {
  Check("malloc");
  return __libc_malloc(size);
}
void* calloc(size_t count, size_t size) {
  Check("calloc");
  return __libc_calloc(count, size);
}
void* realloc(void* memory, size_t size) {
  Check("realloc");
  return __libc_realloc(memory, size);
}
void free(void* memory) {
  Check("free");
  __libc_free(memory);
}
void* memalign(size_t alignment, size_t size) {
  Check("memalign");
  return __libc_memalign(alignment, size);
}
void* aligned_alloc(size_t alignment, size_t size) {
  Check("aligned_alloc");
  return __libc_memalign(alignment, size);
}
int posix_memalign(void** memory, size_t alignment, size_t size) {
  Check("posix_memalign");
  *memory = __libc_memalign(alignment, size);
  return *memory == nullptr ? ENOMEM : 0;
}

// ---- Locks and conditions: the next definition is glibc's ----

#define ANTIPHON_GUARD(function, parameters, arguments)                       \
  int function parameters {                                                   \
    Check(#function);                                                         \
    static decltype(&function) real = nullptr;                                \
    if (real == nullptr) {                                                    \
      real =                                                                  \
          reinterpret_cast<decltype(&function)>(dlsym(RTLD_NEXT, #function)); \
    }                                                                         \
    return real arguments;                                                    \
  }

ANTIPHON_GUARD(pthread_mutex_lock, (pthread_mutex_t * m), (m))
ANTIPHON_GUARD(pthread_mutex_trylock, (pthread_mutex_t * m), (m))
ANTIPHON_GUARD(pthread_mutex_timedlock,
               (pthread_mutex_t * m, const timespec* until), (m, until))
ANTIPHON_GUARD(pthread_rwlock_rdlock, (pthread_rwlock_t * l), (l))
ANTIPHON_GUARD(pthread_rwlock_wrlock, (pthread_rwlock_t * l), (l))
ANTIPHON_GUARD(pthread_cond_wait, (pthread_cond_t * c, pthread_mutex_t* m),
               (c, m))
ANTIPHON_GUARD(pthread_cond_timedwait,
               (pthread_cond_t * c, pthread_mutex_t* m, const timespec* until),
               (c, m, until))
ANTIPHON_GUARD(pthread_cond_clockwait,
               (pthread_cond_t * c, pthread_mutex_t* m, clockid_t clock,
                const timespec* until),
               (c, m, clock, until))
ANTIPHON_GUARD(pthread_cond_signal, (pthread_cond_t * c), (c))
ANTIPHON_GUARD(pthread_cond_broadcast, (pthread_cond_t * c), (c))

#undef ANTIPHON_GUARD

}  // extern "C"

#endif
