// SPDX-License-Identifier: Apache-2.0
#include "tests/system_calls.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace antiphon::testing {
namespace {

sock_filter Statement(unsigned code, uint32_t k) {
  return {static_cast<uint16_t>(code), 0, 0, k};
}

// `listed` for the numbers, `others` for the rest: seccomp's actions.
bool Filter(std::initializer_list<int> numbers, uint32_t listed,
            uint32_t others) {
  std::vector<sock_filter> program;
  program.push_back(
      Statement(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)));
  for (const int number : numbers) {
    // Equal: the next statement; else over it.
    program.push_back(
        {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, static_cast<uint32_t>(number)});
    program.push_back(Statement(BPF_RET | BPF_K, listed));
  }
  program.push_back(Statement(BPF_RET | BPF_K, others));
  const sock_fprog filter = {static_cast<uint16_t>(program.size()),
                             program.data()};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

}  // namespace

bool HasSystemCallFilters() {
  // Where they exist, it is the missing filter that is complained about.
  return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, nullptr) != 0 &&
         errno == EFAULT;
}

bool DenySystemCalls(std::initializer_list<int> numbers) {
  return Filter(numbers, SECCOMP_RET_ERRNO | EPERM, SECCOMP_RET_ALLOW);
}

bool AllowSystemCallsOnly(std::initializer_list<int> numbers) {
  return Filter(numbers, SECCOMP_RET_ALLOW, SECCOMP_RET_TRAP);
}

}  // namespace antiphon::testing
