// SPDX-License-Identifier: Apache-2.0
//
// A call that Windows does not have: compiled for Windows it has to fail.
#include <csignal>

void Interrupt(int process);
void Interrupt(int process) { kill(process, SIGINT); }
