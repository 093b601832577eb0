// A page of the pool as one head holds it: the page and the list (so the tier) that its tokens belong to.
#pragma once

#include <cstdint>

#include "base/host_device.h"

namespace leankv {

using PageId = uint32_t;

// Lists of one head. kFreshList holds the tokens that have not been judged, in order; list i >= 1 holds those that
// were judged into tier i - 1 of the request's policy, in no order: RoPE is already in the keys.
inline constexpr int kMaxLists = 8;
inline constexpr int kFreshList = 0;

class PageRef {
 public:
  PageRef() = default;
  LEANKV_HD constexpr PageRef(int list, PageId page) : bits_(uint32_t(list) << 29 | page) {}
  LEANKV_HD constexpr int list() const { return int(bits_ >> 29); }
  LEANKV_HD constexpr PageId page() const { return bits_ & 0x1fffffffu; }

 private:
  uint32_t bits_ = 0;
};

}  // namespace leankv
