// The free pages of a pool as a ring of page ids. Demands of many heads and one prefix sum over them give every head
// a private slice of the ring: no locks, no atomics. LeanKV v1 section 5 (parallel memory management).
#pragma once

#include <cstdint>
#include <span>

#include "base/error.h"
#include "kv/page_ref.h"

namespace leankv {

// A view of the caller's storage; one thread changes the counts, any thread may read or write its own slice.
// Invariant: the free ids are distinct and number free() <= capacity().
class PageRing {
 public:
  PageRing() = default;
  explicit PageRing(std::span<PageId> storage) : slots_(storage), free_(uint32_t(storage.size())) {
    for (uint32_t i = 0; i < free_; ++i) slots_[i] = i;
  }
  // Counts alone: the ids lie on a device. REQUIRES that nobody calls at() or put().
  static PageRing counting(uint32_t capacity) {
    PageRing ring;
    ring.slots_ = std::span<PageId>(static_cast<PageId*>(nullptr), capacity);
    ring.free_ = capacity;
    return ring;
  }

  uint32_t capacity() const { return uint32_t(slots_.size()); }
  uint32_t free() const { return free_; }
  uint64_t first() const { return first_; }  // place of the first free page

  PageId at(uint32_t i) const { return slots_[wrap(first_ + i)]; }  // i-th free page; REQUIRES i < free()
  void take(uint32_t n) {                                           // the first n free pages are no longer free
    LEANKV_CHECK(n <= free_);
    first_ = wrap(first_ + n), free_ -= n;
  }

  // Writes the i-th page to be returned; give(n) then makes n of them free. REQUIRES free() + i < capacity().
  void put(uint32_t i, PageId page) { slots_[wrap(first_ + free_ + i)] = page; }
  void give(uint32_t n) {
    LEANKV_CHECK(n <= capacity() - free_);
    free_ += n;
  }

 private:
  uint32_t wrap(uint64_t i) const { return uint32_t(i % slots_.size()); }

  std::span<PageId> slots_;
  uint64_t first_ = 0;
  uint32_t free_ = 0;
};

}  // namespace leankv
