// SPDX-License-Identifier: Apache-2.0
#include "inference/model/sleeping_threads.h"

#include <unistd.h>

#include <cstdlib>

#include "common/log.h"

namespace antiphon::inference {

void LetThreadsSleep(char** argv) {
  setenv("OMP_WAIT_POLICY", "passive", 1);
  setenv("KMP_BLOCKTIME", "0", 1);  // the same for Intel's and LLVM's OpenMP
  execv("/proc/self/exe", argv);
  LogWarning("threads.spin the program cannot be started again with ",
             "OMP_WAIT_POLICY=passive; set it yourself");
}

}  // namespace antiphon::inference
