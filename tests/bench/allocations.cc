// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/allocations.h"

#include <cstdlib>
#include <new>

namespace {

thread_local uint64_t allocations = 0;

}  // namespace

// The other forms of new and delete come down to these.
void* operator new(size_t size) {
  ++allocations;
  if (void* memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }

namespace antiphon::bench {

uint64_t Allocations() { return allocations; }

}  // namespace antiphon::bench
