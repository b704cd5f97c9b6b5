// SPDX-License-Identifier: Apache-2.0
//
// Of several threads that compute together, one that waits for the others must
// sleep. By default OpenMP lets it spin, which on a machine with other work
// costs tens of milliseconds a step. OpenMP reads that when the program is
// loaded, so it is loaded again: call this early in main.
#ifndef ANTIPHON_INFERENCE_MODEL_SLEEPING_THREADS_H_
#define ANTIPHON_INFERENCE_MODEL_SLEEPING_THREADS_H_

namespace antiphon::inference {

// For several threads, where OMP_WAIT_POLICY is not set yet. Returns, after a
// warning, only where the program cannot be started again. `argv` as main got
// it.
void LetThreadsSleep(char** argv);

}  // namespace antiphon::inference

#endif  // ANTIPHON_INFERENCE_MODEL_SLEEPING_THREADS_H_
