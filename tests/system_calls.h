// SPDX-License-Identifier: Apache-2.0
//
// A filter on the system calls of the calling thread and of what it starts from
// then on (seccomp). It cannot be taken off again. Linux alone.
#ifndef ANTIPHON_TESTS_SYSTEM_CALLS_H_
#define ANTIPHON_TESTS_SYSTEM_CALLS_H_

#include <initializer_list>

namespace antiphon::testing {

// Where there are none, the two below return false and change nothing.
bool HasSystemCallFilters();

// These fail with EPERM, all others work.
bool DenySystemCalls(std::initializer_list<int> numbers);
// These work, all others raise SIGSYS.
bool AllowSystemCallsOnly(std::initializer_list<int> numbers);

}  // namespace antiphon::testing

#endif  // ANTIPHON_TESTS_SYSTEM_CALLS_H_
