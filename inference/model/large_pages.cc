// SPDX-License-Identifier: Apache-2.0
#include "inference/model/large_pages.h"

#include <sys/mman.h>

#include <algorithm>
#include <new>

namespace antiphon::inference {
namespace {

constexpr size_t kPage = size_t{2} << 20;
constexpr size_t kLine = 64;

size_t UpTo(size_t value, size_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

char* Reserve(size_t bytes) {
  void* at = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (at == MAP_FAILED) throw std::bad_alloc();
  madvise(at, bytes, MADV_HUGEPAGE);
  return static_cast<char*>(at);
}

}  // namespace

LargePages::LargePages(size_t bytes)
    : size_(UpTo(std::max<size_t>(bytes, 1), kPage)), begin_(Reserve(size_)) {}

LargePages::~LargePages() { munmap(begin_, size_); }

void* LargePages::Take(size_t bytes) {
  const size_t at = UpTo(used_, kLine);
  if (bytes > size_ || at > size_ - bytes) return nullptr;
  used_ = at + bytes;
  return begin_ + at;
}

}  // namespace antiphon::inference
