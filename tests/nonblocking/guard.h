// SPDX-License-Identifier: Apache-2.0
//
// Proves that code neither allocates, locks nor waits: linked into a test, it
// takes the place of malloc and its kin, of pthread's locks and conditions, and
// where one of them is called in a section that forbids it, says which and ends
// the process. operator new, exceptions and std::mutex go through those. A
// filter does the same for system calls.
//
// Impossible where a sanitizer owns these functions: kHooksWork is false there.
#ifndef ANTIPHON_TESTS_NONBLOCKING_GUARD_H_
#define ANTIPHON_TESTS_NONBLOCKING_GUARD_H_

namespace antiphon::testing {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kHooksWork = false;
#else
inline constexpr bool kHooksWork = true;
#endif

// From here on, on this thread.
void ForbidBlocking();
void PermitBlocking();

class NonblockingSection {
 public:
  NonblockingSection() { ForbidBlocking(); }
  ~NonblockingSection() { PermitBlocking(); }
  NonblockingSection(const NonblockingSection&) = delete;
  NonblockingSection& operator=(const NonblockingSection&) = delete;
};

// From here on, on this thread, for good: every system call ends the process
// but sleeping (clock_nanosleep), clock_gettime, write (a MIDI device) and what
// glibc needs to end a thread (madvise, rt_sigprocmask, exit). False, and
// without effect, where the system has no such filters.
bool ForbidSystemCalls();

}  // namespace antiphon::testing

#endif  // ANTIPHON_TESTS_NONBLOCKING_GUARD_H_
